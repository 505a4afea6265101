/*
** bedrock.h - lua-bedrock @VERSION@ for programs that compile Lua in.
**
**     luaL_requiref(L, "bedrock", luaopen_bedrock, 0);     5.2 and later
**     lua_pop(L, 1);
**
** From then on `require "bedrock"`, and every module below it, works in that
** state without a file: the state needs the `package` library open.  Call it
** in as many states as you like; a state belongs to one thread at a time,
** and states share nothing.  libcurl's own start is safe from several
** threads at once since 7.84; before that call curl_global_init first.
*/
#ifndef BEDROCK_H
#define BEDROCK_H

#include <lua.h>

#define BEDROCK_VERSION "@VERSION@"

#ifdef __cplusplus
extern "C" {
#endif

/*
** Registers the modules in package.preload and leaves the module `bedrock`
** on the stack; returns 1.  Raises a Lua error when memory is short.
*/
int luaopen_bedrock(lua_State *L);

#ifdef __cplusplus
}
#endif

#endif
