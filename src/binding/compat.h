/*
** compat.h - one source for Lua 5.1, 5.2, 5.3, 5.4 and LuaJIT.
**
** What 5.1 lacks is written here under our own names: a shared object built
** with 5.1's headers then loads in PUC 5.1, LuaJIT, nginx, LOVE and Neovim.
*/
#ifndef LBDR_COMPAT_H
#define LBDR_COMPAT_H

#include <lauxlib.h>
#include <lua.h>

#if LUA_VERSION_NUM < 502
#define lbdr_rawlen lua_objlen
#define lbdr_setuservalue lua_setfenv
#define lbdr_getuservalue lua_getfenv
#else
#define lbdr_rawlen lua_rawlen
#define lbdr_setuservalue lua_setuservalue
#define lbdr_getuservalue lua_getuservalue
#endif

/* Are there integers beside floats (5.3 on)? */
#if LUA_VERSION_NUM >= 503
#define LBDR_INTEGERS 1
#else
#define LBDR_INTEGERS 0
#endif

#endif
