/*
** sigv4.c - core.sigv4: the four stages of a signature, and a signer that
** remembers the derived key.
**
** A request is a table { method, path, query, headers, payload_hash }:
** headers maps names to values (a value may be a list of strings).
*/
#include "sigv4.h"

#include <string.h>

#include "binding.h"

#define SIGNER_T "bedrock.signer"

/* What signs, and the buffer of its result.  A finalizer may sign while a
** result is pushed, so that the buffer has to say when it is taken. */
typedef struct signer {
  bdr_sigv4_signer sigv4;
  bdr_buf text;
  int taken;
} signer;

#define FEW 24

/* A request's headers: in `few`, or where they are more, in memory that the
** collector owns, kept at a place of its own on the stack. */
typedef struct headers {
  bdr_header few[FEW];
  bdr_header *list;
  size_t n, room;
  int memory;
} headers;

static void more_room(lua_State *L, headers *h) {
  bdr_header *list = lua_newuserdata(L, 2 * h->room * sizeof *list);
  memcpy(list, h->list, h->n * sizeof *list);
  lua_replace(L, h->memory);
  h->list = list;
  h->room *= 2;
}

static void add_header(lua_State *L, headers *h, bdr_str name, int value) {
  if (h->n == h->room) more_room(L, h);
  h->list[h->n].name = name;
  h->list[h->n++].value = lbdr_check_str(L, value);
}

/*
** The headers of the table on top.  The strings are the table's own, so that
** the views last as long as it does.
*/
static void collect_headers(lua_State *L, headers *list) {
  int table = lua_gettop(L);
  lua_pushnil(L);
  while (lua_next(L, table)) {
    int value = lua_gettop(L), i, n;
    bdr_str name = lbdr_check_str(L, value - 1);
    if (lua_istable(L, value)) {
      n = (int)lbdr_rawlen(L, value);
      for (i = 1; i <= n; i++) {
        lua_rawgeti(L, value, i);
        add_header(L, list, name, lua_gettop(L));
        lua_pop(L, 1);
      }
    } else {
      add_header(L, list, name, value);
    }
    lua_pop(L, 1);
  }
}

/* Read the request at `index`; `list` keeps its headers. */
static bdr_sigv4_request check_request(lua_State *L, int index, headers *list) {
  bdr_sigv4_request r = {0};
  luaL_checktype(L, index, LUA_TTABLE);
  luaL_checkstack(L, LUA_MINSTACK, "request");
  lua_pushnil(L);
  list->memory = lua_gettop(L);
  list->list = list->few;
  list->n = 0;
  list->room = FEW;
  r.method = lbdr_field_str(L, index, "method");
  r.path = lbdr_field_str(L, index, "path");
  lua_getfield(L, index, "query");
  if (!lua_isnil(L, -1)) r.query = lbdr_field_str(L, index, "query");
  r.payload_hash = lbdr_field_str(L, index, "payload_hash");
  lua_getfield(L, index, "normalize");
  r.keep_path = lua_isboolean(L, -1) && !lua_toboolean(L, -1);
  lua_getfield(L, index, "headers");
  luaL_checktype(L, -1, LUA_TTABLE);
  collect_headers(L, list);
  r.headers = list->list;
  r.header_count = list->n;
  return r;
}

/* canonical_request(request) -> text, signed header names
**                             | nil, message, code */
static int canonical_request(lua_State *L) {
  headers list;
  bdr_buf *text = lbdr_newbuf(L), *names = lbdr_newbuf(L);
  bdr_sigv4_request r = check_request(L, 1, &list);
  bdr_status status = bdr_sigv4_canonical_request(&r, text, names);
  if (status != BDR_OK) return lbdr_fail(L, status);
  lbdr_push_str(L, bdr_buf_str(text));
  lbdr_push_str(L, bdr_buf_str(names));
  return 2;
}

static bdr_hash *shared_hash(lua_State *L) {
  signer *k = lua_touserdata(L, lua_upvalueindex(1));
  return &k->sigv4.hash;
}

/* string_to_sign(amz_date, scope, canonical_request) -> text */
static int string_to_sign(lua_State *L) {
  bdr_buf *out = lbdr_newbuf(L);
  bdr_status status =
      bdr_sigv4_string_to_sign(shared_hash(L), lbdr_check_str(L, 1),
                               lbdr_check_str(L, 2), lbdr_check_str(L, 3), out);
  return status == BDR_OK ? lbdr_buf_result(L, out) : lbdr_fail(L, status);
}

/* signature(secret_access_key, scope, string_to_sign) -> 64 digits */
static int signature(lua_State *L) {
  bdr_buf *out = lbdr_newbuf(L);
  bdr_str secret = lbdr_check_str(L, 1), scope = lbdr_check_str(L, 2);
  bdr_str string = lbdr_check_str(L, 3);
  unsigned char key[BDR_SHA256_SIZE];
  bdr_status status = bdr_sigv4_key(shared_hash(L), secret, scope, key);
  if (status == BDR_OK)
    status = bdr_sigv4_signature(shared_hash(L), key, string, out);
  bdr_wipe(key, sizeof key);
  return status == BDR_OK ? lbdr_buf_result(L, out) : lbdr_fail(L, status);
}

static int signer_gc(lua_State *L) {
  signer *k = lbdr_self(L, SIGNER_T);
  bdr_sigv4_signer_free(&k->sigv4);
  bdr_buf_free(&k->text);
  return 0;
}

/* signer() -> signer, with its own memory of the last key */
static int signer_new(lua_State *L) {
  lbdr_newobject(L, sizeof(signer), SIGNER_T);
  return 1;
}

/*
** signer:sign(request, credentials, region, service, amz_date)
**   -> value of the Authorization header | nil, message, code
** credentials: { access_key_id, secret_access_key }; a session token is one
** of the request's headers (x-amz-security-token).
*/
static int signer_sign(lua_State *L) {
  signer *k = lbdr_self(L, SIGNER_T);
  headers list;
  bdr_sigv4_request r;
  bdr_sigv4_scope s;
  bdr_status status;
  luaL_checktype(L, 3, LUA_TTABLE);
  s.region = lbdr_check_str(L, 4);
  s.service = lbdr_check_str(L, 5);
  s.amz_date = lbdr_check_str(L, 6);
  r = check_request(L, 2, &list);
  s.access_key_id = lbdr_field_str(L, 3, "access_key_id");
  s.secret_access_key = lbdr_field_str(L, 3, "secret_access_key");
  if (k->taken) k = lbdr_newobject(L, sizeof *k, SIGNER_T);
  bdr_buf_clear(&k->text);
  status = bdr_sigv4_sign(&k->sigv4, &r, &s, &k->text);
  if (status == BDR_OK) status = bdr_buf_status(&k->text);
  if (status != BDR_OK) return lbdr_fail(L, status);
  k->taken = 1;
  lbdr_push_str(L, bdr_buf_str(&k->text));
  k->taken = 0;
  return 1;
}

void lbdr_open_sigv4(lua_State *L) {
  static const luaL_Reg plain[] = {{"canonical_request", canonical_request},
                                   {"signer", signer_new},
                                   {NULL, NULL}};
  static const luaL_Reg hashing[] = {{"string_to_sign", string_to_sign},
                                     {"signature", signature},
                                     {NULL, NULL}};
  static const luaL_Reg methods[] = {{"sign", signer_sign}, {NULL, NULL}};
  lbdr_newclass(L, SIGNER_T, methods, signer_gc);
  lbdr_newlib(L, plain);
  lbdr_newobject(L, sizeof(signer), SIGNER_T);
  lbdr_setclosures(L, hashing);
}
