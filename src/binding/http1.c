/*
** http1.c - core.http1: bdr_http1 (src/core/http1.h) as a userdata, and the
** writer of request heads.
**
**     p = core.http1.parser{ max_head=, max_headers=, head_only= }
**     p:feed(bytes)    true | nil, message, code   (the head's faults)
**     p:head()         status, headers | nil       (not there yet)
**     p:body()         bytes | nil                 (feed more, or done)
**                      | nil, message, code
**     p:done()  p:keep_alive()                     booleans
**     p:finish()       true | nil, message, code   (the connection closed)
**     core.http1.request(method, target, headers [, body_length])
**                      bytes | nil, message, code
**
** What was fed and not yet taken stays a Lua string, anchored in the
** userdata's value; `rest` is the view into it.
*/
#include <stdlib.h>

#include "binding.h"
#include "http1.h"

#define PARSER_T "bedrock.http1"

/* Sizes from Lua stay below what a 32-bit size_t holds. */
#define MAX_SIZE 1073741824

typedef struct parser {
  bdr_http1 http;
  bdr_str rest;
} parser;

static parser *check_parser(lua_State *L) {
  return lbdr_self(L, PARSER_T);
}

static int parser_gc(lua_State *L) {
  bdr_http1_free(&check_parser(L)->http);
  return 0;
}

static int fail_because(lua_State *L, const char *why, bdr_status status) {
  lua_pushnil(L);
  lua_pushstring(L, why);
  lua_pushstring(L, bdr_status_name(status));
  return 3;
}

static int fail_parser(lua_State *L, const parser *p) {
  return fail_because(L, bdr_http1_why(&p->http), p->http.status);
}

static size_t option_size(lua_State *L, const char *key) {
  lua_Number n = 0;
  lua_getfield(L, 1, key);
  if (!lua_isnil(L, -1)) {
    n = lua_tonumber(L, -1);
    if (!(n >= 1 && n <= MAX_SIZE))
      luaL_error(L, "option '%s': a positive number expected", key);
  }
  lua_pop(L, 1);
  return (size_t)n;
}

static int parser_new(lua_State *L) {
  parser *p;
  if (lua_isnoneornil(L, 1)) {
    lua_settop(L, 0);
    lua_newtable(L);
  }
  luaL_checktype(L, 1, LUA_TTABLE);
  p = lbdr_newkeeper(L, sizeof *p, PARSER_T, 1); /* of the bytes in `rest` */
  p->http.max_head = option_size(L, "max_head");
  p->http.max_fields = option_size(L, "max_headers");
  lua_getfield(L, 1, "head_only");
  p->http.head_only = lua_toboolean(L, -1);
  lua_pop(L, 1);
  return 1;
}

/* Bytes that were not taken yet go in front, as one new string. */
static int parser_feed(lua_State *L) {
  parser *p = check_parser(L);
  bdr_str bytes = lbdr_check_str(L, 2);
  if (p->http.status < 0) return fail_parser(L, p);
  lua_settop(L, 2);
  if (p->rest.n) {
    lbdr_push_str(L, p->rest);
    lua_insert(L, 2);
    lua_concat(L, 2);
    bytes = lbdr_check_str(L, 2);
  }
  lua_pushvalue(L, 2);
  lbdr_keep(L, 1, 1);
  p->rest = bytes;
  if (bdr_http1_head(&p->http, &p->rest) < 0) return fail_parser(L, p);
  lua_pushboolean(L, 1);
  return 1;
}

/* headers[name] = value, or the value that is there, ", " and this one. */
static void add_header(lua_State *L, bdr_str name, bdr_str value) {
  lbdr_push_str(L, name);
  lua_pushvalue(L, -1);
  lua_rawget(L, -3);
  if (lua_isnil(L, -1)) {
    lua_pop(L, 1);
    lbdr_push_str(L, value);
  } else {
    lua_pushliteral(L, ", ");
    lbdr_push_str(L, value);
    lua_concat(L, 3);
  }
  lua_rawset(L, -3);
}

static int parser_head(lua_State *L) {
  parser *p = check_parser(L);
  bdr_str name, value;
  size_t at = 0;
  if (!bdr_http1_code(&p->http)) {
    lua_pushnil(L);
    return 1;
  }
  lua_pushinteger(L, bdr_http1_code(&p->http));
  lua_newtable(L);
  while (bdr_http1_field(&p->http, &at, &name, &value))
    add_header(L, name, value);
  return 2;
}

/*
** Every piece that is there, as one string: a read of 16 KiB may hold a
** hundred small chunks.  A fault behind them waits for the next call.
*/
static int parser_body(lua_State *L) {
  parser *p = check_parser(L);
  bdr_status status;
  luaL_Buffer b;
  bdr_str piece;
  status = bdr_http1_body(&p->http, &p->rest, &piece);
  if (status < 0) return fail_parser(L, p);
  if (status != BDR_OK) {
    lua_pushnil(L);
    return 1;
  }
  luaL_buffinit(L, &b);
  do {
    luaL_addlstring(&b, piece.p, piece.n);
  } while (bdr_http1_body(&p->http, &p->rest, &piece) == BDR_OK);
  luaL_pushresult(&b);
  return 1;
}

static int parser_done(lua_State *L) {
  lua_pushboolean(L, bdr_http1_done(&check_parser(L)->http));
  return 1;
}

static int parser_keep_alive(lua_State *L) {
  parser *p = check_parser(L);
  lua_pushboolean(L, bdr_http1_keep_alive(&p->http, p->rest));
  return 1;
}

static int parser_finish(lua_State *L) {
  parser *p = check_parser(L);
  if (p->rest.n && !bdr_http1_done(&p->http) && p->http.status == BDR_OK)
    return luaL_error(L, "finish: take the body first");
  if (bdr_http1_finish(&p->http) != BDR_OK) return fail_parser(L, p);
  lua_pushboolean(L, 1);
  return 1;
}

/* `host` first, as RFC 9110 7.2 asks; the rest by name, so that the same
** headers always make the same bytes. */
static int compare_pairs(const void *a, const void *b) {
  bdr_str x = ((const bdr_http1_pair *)a)->name;
  bdr_str y = ((const bdr_http1_pair *)b)->name;
  int hosts = bdr_str_equal_nocase(y, BDR_LIT("host")) -
              bdr_str_equal_nocase(x, BDR_LIT("host"));
  return hosts ? hosts : bdr_str_compare(x, y);
}

static bdr_str header_part(lua_State *L, int index) {
  bdr_str s;
  if (lua_type(L, index) != LUA_TSTRING)
    luaL_error(L, "headers: string expected, got %s", luaL_typename(L, index));
  s.p = lua_tolstring(L, index, &s.n);
  return s;
}

static size_t count_headers(lua_State *L, int index) {
  size_t n = 0;
  for (lua_pushnil(L); lua_next(L, index); lua_pop(L, 1)) n++;
  return n;
}

/* The views live as long as the table that holds the strings. */
static void read_headers(lua_State *L, int index, bdr_http1_request *r) {
  bdr_http1_pair *pairs;
  size_t i = 0;
  r->count = count_headers(L, index);
  pairs = lua_newuserdata(L, (r->count + 1) * sizeof *pairs);
  for (lua_pushnil(L); lua_next(L, index); lua_pop(L, 1)) {
    pairs[i].name = header_part(L, -2);
    pairs[i++].value = header_part(L, -1);
  }
  qsort(pairs, r->count, sizeof *pairs, compare_pairs);
  r->fields = pairs;
}

static int request_head(lua_State *L) {
  bdr_http1_request r = {0};
  bdr_status status;
  bdr_buf *out;
  r.method = lbdr_check_str(L, 1);
  r.target = lbdr_check_str(L, 2);
  luaL_checktype(L, 3, LUA_TTABLE);
  r.has_body = !lua_isnoneornil(L, 4);
  if (r.has_body) r.body_length = lbdr_check_size(L, 4, MAX_SIZE);
  lua_settop(L, 3);
  read_headers(L, 3, &r);
  out = lbdr_newbuf(L);
  status = bdr_http1_request_head(&r, out);
  if (status == BDR_E_ARG) return fail_because(L, r.why, status);
  return lbdr_buf_result(L, out);
}

void lbdr_open_http1(lua_State *L) {
  static const luaL_Reg methods[] = {
      {"feed", parser_feed},     {"head", parser_head},
      {"body", parser_body},     {"done", parser_done},
      {"finish", parser_finish}, {"keep_alive", parser_keep_alive},
      {NULL, NULL}};
  static const luaL_Reg functions[] = {
      {"parser", parser_new}, {"request", request_head}, {NULL, NULL}};
  lbdr_newclass(L, PARSER_T, methods, parser_gc);
  lbdr_newlib(L, functions);
}
