/*
** json.c - core.json: see json.h, and lua/bedrock/json.lua for what each
** function promises to users.
*/
#include "json.h"

#include <string.h>

#define SCRATCH_T "bedrock.json.scratch"

/* More than this is not kept between two calls of encode. */
#define KEEP 65536

/*
** The buffers of encode(), an upvalue of it.  A finalizer may encode while an
** encode is under way, so that they have to say when they are taken.  An
** error of memory leaves them taken for good: later calls bring their own.
*/
typedef struct scratch {
  bdr_buf text, names;
  int taken;
} scratch;

static int scratch_close(lua_State *L) {
  scratch *s = luaL_checkudata(L, 1, SCRATCH_T);
  bdr_buf_free(&s->text);
  bdr_buf_free(&s->names);
  return 0;
}

/* Keys of the metatables in the registry: the addresses, not the bytes. */
static const char mark_keys[LBDR_JSON_EMPTY_ARRAY];

void lbdr_json_push_mark(lua_State *L, lbdr_json_mark mark) {
  lua_pushlightuserdata(L, (void *)&mark_keys[mark]);
  lua_rawget(L, LUA_REGISTRYINDEX);
}

/* Make the metatable of a mark, unless another state of this module has. */
static void make_mark(lua_State *L, lbdr_json_mark mark, const char *name,
                      const char *type) {
  lbdr_json_push_mark(L, mark);
  if (lua_isnil(L, -1)) {
    lua_newtable(L);
    lua_pushstring(L, name);
    lua_setfield(L, -2, "__name");
    if (type) {
      lua_pushstring(L, type);
      lua_setfield(L, -2, "__jsontype"); /* dkjson understands it too */
    }
    lua_pushlightuserdata(L, (void *)&mark_keys[mark]);
    lua_pushvalue(L, -2);
    lua_rawset(L, LUA_REGISTRYINDEX);
    lua_pop(L, 1);
  }
  lua_pop(L, 1);
}

/* decode(text) -> value | nil, message, code */
static int decode(lua_State *L) {
  return lbdr_json_push(L, lbdr_check_str(L, 1), 0);
}

/* decode_answer(text) -> value, odd (see json.h) | nil, message, code */
static int decode_answer(lua_State *L) {
  int odd, results = lbdr_json_push_answer(L, lbdr_check_str(L, 1), &odd);
  if (results > 1) return results;
  lua_pushboolean(L, odd);
  return 2;
}

/* decode_event(text): as decode without the padding member "p" */
static int decode_event(lua_State *L) {
  return lbdr_json_push(L, lbdr_check_str(L, 1), LBDR_JSON_DROP_PADDING);
}

static int is_sorted(lua_State *L, int arg) {
  int sorted;
  if (lua_isnoneornil(L, arg)) return 0;
  luaL_checktype(L, arg, LUA_TTABLE);
  lua_getfield(L, arg, "sorted");
  sorted = lua_toboolean(L, -1);
  lua_pop(L, 1);
  return sorted;
}

/* encode(value [, {sorted=}]) -> text | nil, message, code */
static int encode(lua_State *L) {
  scratch *s = lua_touserdata(L, lua_upvalueindex(1));
  int sorted, results;
  luaL_checkany(L, 1);
  sorted = is_sorted(L, 2);
  if (s->taken) s = lbdr_newobject(L, sizeof *s, SCRATCH_T);
  s->taken = 1;
  bdr_buf_clear(&s->text);
  bdr_buf_clear(&s->names);
  results = lbdr_json_write(L, 1, &s->text, sorted ? &s->names : NULL);
  if (results == 0) {
    lbdr_push_str(L, bdr_buf_str(&s->text));
    results = 1;
  }
  if (s->text.cap > KEEP) bdr_buf_free(&s->text);
  if (s->names.cap > KEEP) bdr_buf_free(&s->names);
  s->taken = 0;
  return results;
}

/* base64(raw) -> a value that encode writes as the base64 of raw */
static int base64(lua_State *L) {
  lbdr_check_str(L, 1);
  lua_createtable(L, 1, 0);
  lua_pushvalue(L, 1);
  lua_rawseti(L, -2, 1);
  lbdr_json_push_mark(L, LBDR_JSON_BASE64);
  lua_setmetatable(L, -2);
  return 1;
}

static int is_array(lua_State *L) {
  luaL_checkany(L, 1);
  lua_pushboolean(L, lbdr_json_is_array(L, 1));
  return 1;
}

static const luaL_Reg functions[] = {{"decode", decode},
                                     {"decode_answer", decode_answer},
                                     {"decode_event", decode_event},
                                     {"base64", base64},
                                     {"is_array", is_array},
                                     {NULL, NULL}};

void lbdr_open_json(lua_State *L) {
  make_mark(L, LBDR_JSON_ARRAY, "json array", "array");
  make_mark(L, LBDR_JSON_OBJECT, "json object", "object");
  make_mark(L, LBDR_JSON_BASE64, "json base64", NULL);
  lbdr_newclass(L, SCRATCH_T, NULL, scratch_close);
  lbdr_newlib(L, functions);
  lbdr_newobject(L, sizeof(scratch), SCRATCH_T);
  lua_pushcclosure(L, encode, 1);
  lua_setfield(L, -2, "encode");
  lua_pushlightuserdata(L, NULL);
  lua_setfield(L, -2, "null");
  lbdr_json_push_mark(L, LBDR_JSON_ARRAY);
  lua_setfield(L, -2, "array_mt");
  lbdr_json_push_mark(L, LBDR_JSON_OBJECT);
  lua_setfield(L, -2, "object_mt");
}
