/* see json.h */
#include "json.h"

#include <string.h>

#include "../core/json.h"
#include "jsonstring.h"

/*
** Members and elements wait on the Lua stack until a table can be made of
** the right size at once.  CHUNK bounds how many of them wait, HIGH where on
** the stack they still may: below a thousand levels of nesting even the 8000
** slots of Lua 5.1 suffice (LUAI_MAXCSTACK).
*/
#define CHUNK 32
#define HIGH 1000

/* Most strings with escapes fit here. */
#define SMALL 256

typedef struct builder {
  lua_State *L;
  int flags;
  int odd;     /* see lbdr_json_push_answer */
  int scratch; /* stack index of nil, or of memory for longer strings */
  bdr_json json;
  bdr_json_token token;
  char small[SMALL];
} builder;

static bdr_status build(builder *b);

/* Memory of n bytes or more, which the collector owns. */
static char *scratch_room(builder *b, size_t n) {
  if (lbdr_rawlen(b->L, b->scratch) < n) {
    lua_newuserdata(b->L, 2 * n);
    lua_replace(b->L, b->scratch);
  }
  return lua_touserdata(b->L, b->scratch);
}

static void push_text(builder *b) {
  bdr_str text = b->token.text;
  char *out = b->small;
  if (!b->token.escaped) {
    lua_pushlstring(b->L, text.p, text.n);
    return;
  }
  if (text.n > SMALL) out = scratch_room(b, text.n);
  lua_pushlstring(b->L, out, bdr_jsonstring_unescape(text, out));
}

static void push_integer(lua_State *L, int64_t v) {
#if LBDR_INTEGERS
  if (v >= LUA_MININTEGER && v <= LUA_MAXINTEGER) {
    lua_pushinteger(L, (lua_Integer)v);
    return;
  }
#endif
  lua_pushnumber(L, (lua_Number)v);
}

/* A place for a table, nil until it is made; returns its index. */
static int push_place(lua_State *L) {
  luaL_checkstack(L, 2 * CHUNK + LUA_MINSTACK, "JSON");
  lua_pushnil(L);
  return lua_gettop(L);
}

/* The n members on top of the stack go into the table at `at`, in their
** order, so that the last of equal names wins. */
static void add_members(lua_State *L, int at, int n) {
  int i;
  if (lua_isnil(L, at)) {
    lua_createtable(L, 0, n);
    lua_replace(L, at);
  }
  if (n == 1) {
    lua_rawset(L, at);
    return;
  }
  for (i = at + 1; i < at + 2 * n; i += 2) {
    lua_pushvalue(L, i);
    lua_pushvalue(L, i + 1);
    lua_rawset(L, at);
  }
  lua_settop(L, at);
}

static int is_padding(const builder *b) {
  return (b->flags & LBDR_JSON_DROP_PADDING) && b->json.depth == 1 &&
         b->token.text.n == 1 && b->token.text.p[0] == 'p';
}

static void note_type(builder *b) {
  if (b->token.escaped ||
      (b->token.text.n == 6 && memcmp(b->token.text.p, "__type", 6) == 0))
    b->odd = 1;
}

static bdr_status build_object(builder *b) {
  lua_State *L = b->L;
  int at = push_place(L), chunk = at < HIGH ? CHUNK : 1, n = 0, padding;
  bdr_status status;
  for (;;) {
    status = bdr_json_next(&b->json, &b->token);
    if (status != BDR_OK || b->token.kind == BDR_JSON_OBJECT_END) break;
    if (n == chunk) {
      add_members(L, at, n);
      n = 0;
    }
    padding = is_padding(b);
    note_type(b);
    push_text(b);
    status = bdr_json_next(&b->json, &b->token);
    if (status != BDR_OK) break;
    if (padding && b->token.kind == BDR_JSON_STRING) {
      lua_pop(L, 1);
      continue;
    }
    status = build(b);
    if (status != BDR_OK) break;
    n++;
  }
  if (status == BDR_OK) add_members(L, at, n);
  return status;
}

/* The n elements on top of the stack go into the table at `at`, behind the
** `before` ones that it has. */
static void add_elements(lua_State *L, int at, int before, int n) {
  if (lua_isnil(L, at)) {
    lua_createtable(L, n, 0);
    lbdr_json_push_mark(L, LBDR_JSON_ARRAY);
    lua_setmetatable(L, -2);
    lua_replace(L, at);
  }
  for (; n > 0; n--) lua_rawseti(L, at, before + n);
}

static bdr_status build_array(builder *b) {
  lua_State *L = b->L;
  int at = push_place(L), chunk = at < HIGH ? 2 * CHUNK : 1;
  int n = 0, before = 0;
  bdr_status status;
  for (;;) {
    status = bdr_json_next(&b->json, &b->token);
    if (status != BDR_OK || b->token.kind == BDR_JSON_ARRAY_END) break;
    if (n == chunk) {
      add_elements(L, at, before, n);
      before += n;
      n = 0;
    }
    status = build(b);
    if (status != BDR_OK) break;
    n++;
  }
  if (status == BDR_OK) add_elements(L, at, before, n);
  return status;
}

/* Push the value that the current token is or begins.  After an error the
** stack holds what was under way. */
static bdr_status build(builder *b) {
  lua_State *L = b->L;
  switch (b->token.kind) {
    case BDR_JSON_OBJECT: return build_object(b);
    case BDR_JSON_ARRAY: return build_array(b);
    case BDR_JSON_INTEGER: push_integer(L, b->token.integer); break;
    case BDR_JSON_REAL: lua_pushnumber(L, b->token.real); break;
    case BDR_JSON_TRUE: lua_pushboolean(L, 1); break;
    case BDR_JSON_FALSE: lua_pushboolean(L, 0); break;
    case BDR_JSON_NULL:
      b->odd = 1;
      lua_pushlightuserdata(L, NULL);
      break;
    default: push_text(b);
  }
  return BDR_OK;
}

/* Places count from 1, as Lua's do: text:sub(n, n) is the culprit. */
static int push_problem(lua_State *L, const bdr_json *json) {
  lua_pushnil(L);
  lua_pushfstring(L, "JSON: %s at byte %d", json->reason,
                  (int)bdr_json_offset(json) + 1);
  lua_pushstring(L, bdr_status_name(json->status));
  return 3;
}

static int push_value(builder *b, lua_State *L, bdr_str text) {
  bdr_status status;
  luaL_checkstack(L, LUA_MINSTACK, "JSON");
  lua_pushnil(L);
  b->L = L;
  b->scratch = lua_gettop(L);
  bdr_json_open(&b->json, text);
  status = bdr_json_next(&b->json, &b->token);
  if (status == BDR_OK) status = build(b);
  if (status == BDR_OK) status = bdr_json_next(&b->json, &b->token);
  if (status == BDR_END) {
    lua_replace(L, b->scratch);
    return 1;
  }
  lua_settop(L, b->scratch - 1);
  return push_problem(L, &b->json);
}

static int push_and_tell(lua_State *L, bdr_str text, int flags, int *odd) {
  builder b;
  int results;
  b.flags = flags;
  b.odd = 0;
  results = push_value(&b, L, text);
  *odd = b.odd;
  return results;
}

int lbdr_json_push(lua_State *L, bdr_str text, int flags) {
  int odd;
  return push_and_tell(L, text, flags, &odd);
}

int lbdr_json_push_answer(lua_State *L, bdr_str text, int *odd) {
  return push_and_tell(L, text, 0, odd);
}

int lbdr_json_push_event(lua_State *L, bdr_str text, int *odd) {
  return push_and_tell(L, text, LBDR_JSON_DROP_PADDING, odd);
}
