/* see json.h */
#include "json.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "../core/json.h"
#include "base64.h"
#include "jsonstring.h"

/*
** The walk keeps one shape of the Lua stack:
**
**     value  key value  key value ...
**     root   ^ of root  ^ of that
**
** so that after an error the keys from the root to the culprit lie there to
** be read.  Tables are walked once, with lua_next, on the guess that the
** elements of an array come in order; where they do not (they were set out
** of order), it starts again by index.
*/
typedef struct writer {
  lua_State *L;
  bdr_buf *out;
  bdr_buf *names; /* bdr_str of each member of the open objects, or NULL */
  int root;       /* stack index of the value */
  const void *marks[4]; /* our metatables; marks[ARRAY] NULL: not looked up */
  bdr_status status;
  const char *reason, *detail;
} writer;

static int write_value(writer *w, int depth);

/* Stop, with the path to the culprit on the stack; 0. */
static int fail(writer *w, bdr_status status, const char *reason) {
  w->status = status;
  w->reason = reason;
  return 0;
}

static void find_marks(writer *w) {
  int i;
  for (i = LBDR_JSON_ARRAY; i <= LBDR_JSON_BASE64; i++) {
    lbdr_json_push_mark(w->L, (lbdr_json_mark)i);
    w->marks[i] = lua_topointer(w->L, -1);
    lua_pop(w->L, 1);
  }
}

/* Is the value below the top the field `name` of the table on top? */
static int is_field(lua_State *L, const char *name) {
  int same;
  lua_pushstring(L, name);
  lua_rawget(L, -2);
  same = lua_rawequal(L, -1, -3);
  lua_pop(L, 1);
  return same;
}

/*
** What OpenResty's fork of lua-cjson means by the value on top, a metatable
** or a light userdata.  It is asked only if somebody has loaded it; plain
** lua-cjson has none of these fields.
*/
static lbdr_json_mark cjson_mark(lua_State *L) {
  static const char *const names[] = {"cjson", "cjson.safe"};
  lbdr_json_mark mark = LBDR_JSON_UNMARKED;
  int i;
  for (i = 0; i < 2 && mark == LBDR_JSON_UNMARKED; i++) {
    lua_getfield(L, LUA_REGISTRYINDEX, "_LOADED");
    lua_pushstring(L, names[i]);
    lua_rawget(L, -2);
    lua_remove(L, -2);
    if (lua_istable(L, -1)) {
      if (is_field(L, "array_mt") || is_field(L, "empty_array"))
        mark = LBDR_JSON_ARRAY;
      else if (is_field(L, "empty_array_mt"))
        mark = LBDR_JSON_EMPTY_ARRAY;
    }
    lua_pop(L, 1);
  }
  return mark;
}

/* What a metatable that is not ours (on top) means: dkjson's __jsontype. */
static lbdr_json_mark foreign_mark(lua_State *L) {
  lbdr_json_mark mark = LBDR_JSON_UNMARKED;
  const char *type;
  lua_pushliteral(L, "__jsontype");
  lua_rawget(L, -2);
  type = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : "";
  if (strcmp(type, "array") == 0) mark = LBDR_JSON_ARRAY;
  if (strcmp(type, "object") == 0) mark = LBDR_JSON_OBJECT;
  lua_pop(L, 1);
  return mark == LBDR_JSON_UNMARKED ? cjson_mark(L) : mark;
}

/* How the table on top is marked. */
static lbdr_json_mark mark_of(writer *w) {
  lua_State *L = w->L;
  lbdr_json_mark mark;
  const void *meta;
  int i;
  if (!lua_getmetatable(L, -1)) return LBDR_JSON_UNMARKED;
  if (!w->marks[LBDR_JSON_ARRAY]) find_marks(w);
  meta = lua_topointer(L, -1);
  for (i = LBDR_JSON_ARRAY; i <= LBDR_JSON_BASE64; i++)
    if (meta == w->marks[i]) break;
  mark = i <= LBDR_JSON_BASE64 ? (lbdr_json_mark)i : foreign_mark(L);
  lua_pop(L, 1);
  return mark;
}

/* Is the value at stack index `at` the array index n? */
static int is_index(lua_State *L, int at, size_t n) {
  return lua_type(L, at) == LUA_TNUMBER &&
         lua_tonumber(L, at) == (lua_Number)n;
}

/* Is it any array index?  2^53: beyond, not every number has a neighbour. */
static int is_any_index(lua_State *L, int at, size_t *n) {
  lua_Number v = lua_type(L, at) == LUA_TNUMBER ? lua_tonumber(L, at) : 0;
  if (!(v >= 1 && v <= 9007199254740992.0)) return 0;
  *n = (size_t)v;
  return (lua_Number)*n == v;
}

/*
** How many elements the table at `at` has, whose keys are to be 1..n in some
** order.
*/
static int count_elements(writer *w, int at, size_t *count) {
  lua_State *L = w->L;
  size_t index = 0, max = 0, n = 0;
  for (lua_pushnil(L); lua_next(L, at); lua_pop(L, 1)) {
    if (lua_type(L, -2) == LUA_TSTRING)
      return fail(w, BDR_E_ARG, "a name in an array");
    if (!is_any_index(L, -2, &index))
      return fail(w, BDR_E_ARG, "key is neither a string nor an array index");
    if (index > max) max = index;
    n++;
  }
  if (n != max)
    return fail(w, BDR_E_ARG, "array with holes (json.null fills them)");
  *count = n;
  return 1;
}

/* An array whose elements lua_next does not give in order. */
static int write_by_index(writer *w, int depth, int at) {
  lua_State *L = w->L;
  size_t n, i;
  if (!count_elements(w, at, &n)) return 0;
  for (i = 1; i <= n; i++) {
    bdr_buf_addc(w->out, i == 1 ? '[' : ',');
    lua_pushinteger(L, (lua_Integer)i);
    lua_rawgeti(L, at, (int)i);
    if (!write_value(w, depth)) return 0;
    lua_settop(L, at);
  }
  bdr_buf_addc(w->out, ']');
  return 1;
}

/* The first key and value of the table at `at` are on the stack. */
static int write_array(writer *w, int depth, int at) {
  lua_State *L = w->L;
  size_t start = w->out->n, n = 0;
  do {
    if (!is_index(L, -2, ++n)) {
      w->out->n = start;
      lua_settop(L, at);
      return write_by_index(w, depth, at);
    }
    bdr_buf_addc(w->out, n == 1 ? '[' : ',');
    if (!write_value(w, depth)) return 0;
    lua_pop(L, 1);
  } while (lua_next(L, at));
  bdr_buf_addc(w->out, ']');
  return 1;
}

static int check_name(writer *w) {
  if (lua_type(w->L, -2) == LUA_TSTRING) return 1;
  if (lua_type(w->L, -2) == LUA_TNUMBER)
    return fail(w, BDR_E_ARG, "an array index in an object");
  return fail(w, BDR_E_ARG, "key is neither a string nor an array index");
}

static int write_string(writer *w, int at) {
  bdr_str s;
  s.p = lua_tolstring(w->L, at, &s.n);
  if (bdr_jsonstring_add(w->out, s) == BDR_OK) return 1;
  return fail(w, BDR_E_UTF8, "not UTF-8 (json.base64 is for bytes)");
}

/* The name and value on top of the stack. */
static int write_member(writer *w, int depth, int first) {
  if (!check_name(w)) return 0;
  bdr_buf_addc(w->out, first ? '{' : ',');
  if (!write_string(w, -2)) return 0;
  bdr_buf_addc(w->out, ':');
  return write_value(w, depth);
}

/* The first key and value of the table at `at` are on the stack. */
static int write_object(writer *w, int depth, int at) {
  lua_State *L = w->L;
  int first = 1;
  do {
    if (!write_member(w, depth, first)) return 0;
    lua_pop(L, 1);
    first = 0;
  } while (lua_next(L, at));
  bdr_buf_addc(w->out, '}');
  return 1;
}

static int by_bytes(const void *a, const void *b) {
  return bdr_str_compare(*(const bdr_str *)a, *(const bdr_str *)b);
}

/* The names of the table at `at` behind those in w->names; how many. */
static size_t collect_names(writer *w, int at) {
  lua_State *L = w->L;
  bdr_str name;
  size_t n = 0;
  do {
    if (!check_name(w)) return 0;
    name.p = lua_tolstring(L, -2, &name.n);
    bdr_buf_add(w->names, (const char *)&name, sizeof name);
    lua_pop(L, 1);
    n++;
  } while (lua_next(L, at));
  if (bdr_buf_status(w->names) == BDR_OK) return n;
  fail(w, BDR_E_NOMEM, bdr_status_text(BDR_E_NOMEM));
  return 0;
}

/* As write_object.  The table keeps the names' bytes alive. */
static int write_sorted(writer *w, int depth, int at) {
  lua_State *L = w->L;
  size_t start = w->names->n, n = collect_names(w, at), i;
  bdr_str name;
  if (n == 0) return 0;
  if (n == 1) { /* as in a union: nothing to sort */
    w->names->n = start;
    lua_pushnil(L);
    lua_next(L, at);
    return write_object(w, depth, at);
  }
  qsort(w->names->p + start, n, sizeof name, by_bytes);
  for (i = 0; i < n; i++) {
    memcpy(&name, w->names->p + start + i * sizeof name, sizeof name);
    lbdr_push_str(L, name);
    lua_pushvalue(L, -1);
    lua_rawget(L, at);
    if (!write_member(w, depth, i == 0)) return 0;
    lua_settop(L, at);
  }
  w->names->n = start;
  bdr_buf_addc(w->out, '}');
  return 1;
}

/* The bytes go from Lua's string straight into the text. */
static int write_base64(writer *w) {
  lua_State *L = w->L;
  bdr_str raw;
  lua_rawgeti(L, -1, 1);
  if (lua_type(L, -1) != LUA_TSTRING) {
    lua_pop(L, 1);
    return fail(w, BDR_E_ARG, "json.base64 without a string");
  }
  raw.p = lua_tolstring(L, -1, &raw.n);
  bdr_buf_addc(w->out, '"');
  bdr_base64_encode(raw, w->out);
  bdr_buf_addc(w->out, '"');
  lua_pop(L, 1);
  return 1;
}

/*
** A table that contains itself is too deep as well.  Cut the stack where the
** walk came round for the first time.
*/
static int fail_depth(writer *w) {
  lua_State *L = w->L;
  int top = lua_gettop(L), i, k;
  for (i = w->root + 2; i <= top; i += 2)
    for (k = w->root; k < i; k += 2)
      if (lua_rawequal(L, i, k)) {
        lua_settop(L, i);
        return fail(w, BDR_E_ARG, "circular reference");
      }
  return fail(w, BDR_E_DEPTH, bdr_status_text(BDR_E_DEPTH));
}

static int write_table(writer *w, int depth) {
  lua_State *L = w->L;
  int at = lua_gettop(L);
  lbdr_json_mark mark = mark_of(w);
  if (mark == LBDR_JSON_BASE64) return write_base64(w);
  if (depth == BDR_JSON_MAX_DEPTH) return fail_depth(w);
  luaL_checkstack(L, LUA_MINSTACK, "JSON");
  lua_pushnil(L);
  if (!lua_next(L, at)) {
    int array = mark == LBDR_JSON_ARRAY || mark == LBDR_JSON_EMPTY_ARRAY;
    bdr_buf_adds(w->out, array ? BDR_LIT("[]") : BDR_LIT("{}"));
    return 1;
  }
  if (mark == LBDR_JSON_ARRAY ||
      (mark != LBDR_JSON_OBJECT && lua_type(L, -2) != LUA_TSTRING))
    return write_array(w, depth + 1, at);
  if (w->names) return write_sorted(w, depth + 1, at);
  return write_object(w, depth + 1, at);
}

static int write_number(writer *w) {
  lua_Number v;
#if LBDR_INTEGERS
  if (lua_isinteger(w->L, -1)) {
    bdr_json_add_integer(w->out, lua_tointeger(w->L, -1));
    return 1;
  }
  v = lua_tonumber(w->L, -1);
#else
  /* Whole numbers are integers here, up to 2^63; not -0. */
  v = lua_tonumber(w->L, -1);
  if (v > -9223372036854775808.0 && v < 9223372036854775808.0 &&
      v == (lua_Number)(int64_t)v && !(v == 0 && signbit(v))) {
    bdr_json_add_integer(w->out, (int64_t)v);
    return 1;
  }
#endif
  if (bdr_json_add_real(w->out, v) == BDR_OK) return 1;
  return fail(w, BDR_E_ARG, "not a finite number");
}

static int write_lightuserdata(writer *w) {
  if (!lua_touserdata(w->L, -1)) {
    bdr_buf_adds(w->out, BDR_LIT("null"));
    return 1;
  }
  if (cjson_mark(w->L) == LBDR_JSON_ARRAY) {
    bdr_buf_adds(w->out, BDR_LIT("[]"));
    return 1;
  }
  return fail(w, BDR_E_ARG, "cannot encode a light userdata");
}

/* The value on top, inside of `depth` arrays and objects. */
static int write_value(writer *w, int depth) {
  lua_State *L = w->L;
  switch (lua_type(L, -1)) {
    case LUA_TTABLE: return write_table(w, depth);
    case LUA_TSTRING: return write_string(w, -1);
    case LUA_TNUMBER: return write_number(w);
    case LUA_TLIGHTUSERDATA: return write_lightuserdata(w);
    case LUA_TNIL: bdr_buf_adds(w->out, BDR_LIT("null")); return 1;
    case LUA_TBOOLEAN:
      bdr_buf_adds(w->out, lua_toboolean(L, -1) ? BDR_LIT("true")
                                                : BDR_LIT("false"));
      return 1;
    default:
      w->detail = luaL_typename(L, -1);
      return fail(w, BDR_E_ARG, "cannot encode a ");
  }
}

/* A path longer than this, or a name, is cut: it is for people. */
#define LONG_PATH 200
#define LONG_NAME 60

static int is_identifier(bdr_str s) {
  size_t i;
  for (i = 0; i < s.n; i++) {
    char c = bdr_lower(s.p[i]);
    int digit = c >= '0' && c <= '9';
    if (!(c >= 'a' && c <= 'z') && c != '_' && !(digit && i > 0)) return 0;
  }
  return s.n > 0;
}

/* The key at stack index `at` as a step of the path: .name, ["na me"], [3]. */
static void add_step(writer *w, int at) {
  bdr_buf *out = w->out;
  size_t start = out->n, index;
  bdr_str name;
  if (lua_type(w->L, at) == LUA_TSTRING) {
    name.p = lua_tolstring(w->L, at, &name.n);
    if (is_identifier(name) && name.n <= LONG_NAME) {
      if (start) bdr_buf_addc(out, '.');
      bdr_buf_adds(out, name);
      return;
    }
    bdr_buf_addc(out, '[');
    if (name.n <= LONG_NAME && bdr_jsonstring_add(out, name) == BDR_OK) {
      bdr_buf_addc(out, ']');
      return;
    }
  } else if (is_any_index(w->L, at, &index)) {
    bdr_buf_addc(out, '[');
    bdr_json_add_integer(out, (int64_t)index);
    bdr_buf_addc(out, ']');
    return;
  }
  out->n = start;
  bdr_buf_adds(out, BDR_LIT("[?]"));
}

/* The buffer serves once more, for the message. */
static int push_problem(writer *w) {
  lua_State *L = w->L;
  int top = lua_gettop(L), i;
  bdr_buf_clear(w->out);
  for (i = w->root + 1; i <= top && w->out->n <= LONG_PATH; i += 2)
    add_step(w, i);
  if (i <= top) bdr_buf_adds(w->out, BDR_LIT("..."));
  if (w->out->n) bdr_buf_adds(w->out, BDR_LIT(": "));
  bdr_buf_adds(w->out, bdr_str_of(w->reason));
  bdr_buf_adds(w->out, bdr_str_of(w->detail));
  lua_settop(L, w->root);
  lua_pushnil(L);
  lbdr_push_str(L, bdr_buf_str(w->out));
  lua_pushstring(L, bdr_status_name(w->status));
  return 3;
}

int lbdr_json_write(lua_State *L, int index, bdr_buf *out, bdr_buf *names) {
  writer w;
  int top = lua_gettop(L), done;
  memset(&w, 0, sizeof w);
  luaL_checkstack(L, LUA_MINSTACK, "JSON");
  lua_pushvalue(L, index);
  w.L = L;
  w.out = out;
  w.names = names;
  w.root = lua_gettop(L);
  w.reason = w.detail = "";
  done = write_value(&w, 0);
  if (done && bdr_buf_status(out) != BDR_OK)
    done = fail(&w, bdr_buf_status(out), bdr_status_text(BDR_E_NOMEM));
  if (!done) return push_problem(&w);
  lua_settop(L, top);
  return 0;
}

int lbdr_json_is_array(lua_State *L, int index) {
  lbdr_json_mark mark = LBDR_JSON_UNMARKED;
  int top = lua_gettop(L), answer;
  size_t n = 0;
  writer w;
  memset(&w, 0, sizeof w);
  w.L = L;
  luaL_checkstack(L, LUA_MINSTACK, "JSON");
  lua_pushvalue(L, index);
  if (lua_islightuserdata(L, -1) && lua_touserdata(L, -1))
    mark = cjson_mark(L);
  else if (lua_istable(L, -1))
    mark = mark_of(&w);
  answer = mark == LBDR_JSON_ARRAY;
  if (lua_istable(L, -1) &&
      (mark == LBDR_JSON_UNMARKED || mark == LBDR_JSON_EMPTY_ARRAY) &&
      count_elements(&w, top + 1, &n))
    answer = n > 0 || mark == LBDR_JSON_EMPTY_ARRAY;
  lua_settop(L, top);
  return answer;
}
