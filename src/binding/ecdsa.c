/*
** ecdsa.c - `core.ecdsa`: see src/core/ecdsa.h.
**
**   ecdsa.sign(pem, message) -> 64 bytes r, s | nil, message, code
**   ecdsa.public(pem) -> x, y (32 bytes each) | nil, message, code
*/
#include "ecdsa.h"

#include "binding.h"

/* The sentence for BDR_E_ARG here; never the key itself. */
static int fail(lua_State *L, bdr_status status) {
  if (status != BDR_E_ARG) return lbdr_fail(L, status);
  lua_pushnil(L);
  lua_pushliteral(L, "not a PEM text with a P-256 private key");
  lua_pushstring(L, bdr_status_name(status));
  return 3;
}

static int sign(lua_State *L) {
  char out[2 * BDR_ECDSA_COORDINATE];
  bdr_str pem = lbdr_check_str(L, 1);
  bdr_status status = bdr_ecdsa_sign(pem, lbdr_check_str(L, 2), out);
  if (status != BDR_OK) return fail(L, status);
  lua_pushlstring(L, out, sizeof out);
  return 1;
}

static int public_key(lua_State *L) {
  char out[2 * BDR_ECDSA_COORDINATE];
  bdr_status status = bdr_ecdsa_public(lbdr_check_str(L, 1), out);
  if (status != BDR_OK) return fail(L, status);
  lua_pushlstring(L, out, BDR_ECDSA_COORDINATE);
  lua_pushlstring(L, out + BDR_ECDSA_COORDINATE, BDR_ECDSA_COORDINATE);
  return 2;
}

void lbdr_open_ecdsa(lua_State *L) {
  static const luaL_Reg functions[] = {
      {"sign", sign}, {"public", public_key}, {NULL, NULL}};
  lbdr_newlib(L, functions);
}
