/* see binding.h */
#include "binding.h"

#include <string.h>

#define BUFFER_T "bedrock.buffer"

void lbdr_setfuncs(lua_State *L, const luaL_Reg *list) {
  for (; list && list->name; list++) {
    lua_pushcfunction(L, list->func);
    lua_setfield(L, -2, list->name);
  }
}

void lbdr_setclosures(lua_State *L, const luaL_Reg *list) {
  for (; list->name; list++) {
    lua_pushvalue(L, -1);
    lua_pushcclosure(L, list->func, 1);
    lua_setfield(L, -3, list->name);
  }
  lua_pop(L, 1);
}

void lbdr_newlib(lua_State *L, const luaL_Reg *list) {
  lua_newtable(L);
  lbdr_setfuncs(L, list);
}

void lbdr_newclass(lua_State *L, const char *name, const luaL_Reg *methods,
                   lua_CFunction close) {
  if (luaL_newmetatable(L, name)) {
    lua_newtable(L);
    if (methods) {
      lua_pushvalue(L, -2);
      lbdr_setclosures(L, methods); /* see lbdr_self */
    }
    lua_setfield(L, -2, "__index");
    lua_pushstring(L, name);
    lua_setfield(L, -2, "__name");
    lua_pushliteral(L, "protected");
    lua_setfield(L, -2, "__metatable");
    lua_pushcfunction(L, close);
    lua_pushvalue(L, -1);
    lua_setfield(L, -3, "__gc");
    lua_setfield(L, -2, "__close");
  }
  lua_pop(L, 1);
}

void *lbdr_self(lua_State *L, const char *name) {
  void *object = lua_touserdata(L, 1);
  if (object && lua_getmetatable(L, 1)) {
    int same = lua_rawequal(L, -1, lua_upvalueindex(1));
    lua_pop(L, 1);
    if (same) return object;
  }
  return luaL_checkudata(L, 1, name);
}

/* Values of a userdata: 5.4 has any number of them, the others one table. */
#if LUA_VERSION_NUM >= 504
static void *new_keeper(lua_State *L, size_t size, int slots) {
  return lua_newuserdatauv(L, size, slots);
}

void lbdr_keep(lua_State *L, int index, int slot) {
  lua_setiuservalue(L, index, slot);
}

void lbdr_kept(lua_State *L, int index, int slot) {
  lua_getiuservalue(L, index, slot);
}
#else
static void *new_keeper(lua_State *L, size_t size, int slots) {
  void *object = lua_newuserdata(L, size);
  if (slots == 0) return object;
  lua_createtable(L, slots, 0);
  lbdr_setuservalue(L, -2);
  return object;
}

void lbdr_keep(lua_State *L, int index, int slot) {
  lbdr_getuservalue(L, index);
  lua_insert(L, -2);
  lua_rawseti(L, -2, slot);
  lua_pop(L, 1);
}

void lbdr_kept(lua_State *L, int index, int slot) {
  lbdr_getuservalue(L, index);
  lua_rawgeti(L, -1, slot);
  lua_replace(L, -2);
}
#endif

void *lbdr_newkeeper(lua_State *L, size_t size, const char *name, int slots) {
  void *object = new_keeper(L, size, slots);
  memset(object, 0, size);
  luaL_getmetatable(L, name);
  lua_setmetatable(L, -2);
  return object;
}

void *lbdr_newobject(lua_State *L, size_t size, const char *name) {
  return lbdr_newkeeper(L, size, name, 0);
}

bdr_str lbdr_check_str(lua_State *L, int arg) {
  bdr_str s;
  luaL_checktype(L, arg, LUA_TSTRING);
  s.p = lua_tolstring(L, arg, &s.n);
  return s;
}

bdr_str lbdr_opt_str(lua_State *L, int arg, bdr_str fallback) {
  return lua_isnoneornil(L, arg) ? fallback : lbdr_check_str(L, arg);
}

bdr_str lbdr_field_str(lua_State *L, int index, const char *key) {
  bdr_str s;
  lua_getfield(L, index, key);
  if (lua_type(L, -1) != LUA_TSTRING)
    luaL_error(L, "field '%s': string expected, got %s", key,
               luaL_typename(L, -1));
  s.p = lua_tolstring(L, -1, &s.n);
  return s;
}

size_t lbdr_check_size(lua_State *L, int arg, size_t max) {
  lua_Number n = luaL_checknumber(L, arg);
  luaL_argcheck(L, n >= 0 && n <= (lua_Number)max, arg, "out of range");
  return (size_t)n;
}

void lbdr_push_str(lua_State *L, bdr_str s) {
  lua_pushlstring(L, s.n ? s.p : "", s.n);
}

int lbdr_fail(lua_State *L, bdr_status status) {
  lua_pushnil(L);
  lua_pushstring(L, bdr_status_text(status));
  lua_pushstring(L, bdr_status_name(status));
  return 3;
}

/* Wiped, not only freed: signing works in these buffers too. */
static int buffer_gc(lua_State *L) {
  bdr_buf_wipe(luaL_checkudata(L, 1, BUFFER_T));
  return 0;
}

bdr_buf *lbdr_newbuf(lua_State *L) {
  lbdr_newclass(L, BUFFER_T, NULL, buffer_gc);
  return lbdr_newobject(L, sizeof(bdr_buf), BUFFER_T);
}

int lbdr_buf_result(lua_State *L, bdr_buf *b) {
  bdr_status status = bdr_buf_status(b);
  if (status != BDR_OK) return lbdr_fail(L, status);
  lbdr_push_str(L, bdr_buf_str(b));
  bdr_buf_free(b);
  return 1;
}
