/*
** bytes.c - core.bytes: digests, base64, hexadecimal, percent-encoding,
** random bytes.  Strings in, strings out.
*/
#include <string.h>

#include "base64.h"
#include "binding.h"
#include "crc32.h"
#include "hash.h"
#include "uri.h"

/* A hash context that the collector owns: nothing leaks if Lua raises. */
#define HASH_T "bedrock.hash"

static int hash_gc(lua_State *L) {
  bdr_hash_free(luaL_checkudata(L, 1, HASH_T));
  return 0;
}

/* The functions below share one context, their upvalue. */
static bdr_hash *shared_hash(lua_State *L) {
  return lua_touserdata(L, lua_upvalueindex(1));
}

static int push_digest(lua_State *L, bdr_status status,
                       const unsigned char *digest, size_t n) {
  if (status != BDR_OK) return lbdr_fail(L, status);
  lua_pushlstring(L, (const char *)digest, n);
  return 1;
}

/* sha256(s) -> 32 bytes */
static int sha256(lua_State *L) {
  unsigned char digest[BDR_SHA256_SIZE];
  bdr_status status = bdr_sha256(shared_hash(L), lbdr_check_str(L, 1), digest);
  return push_digest(L, status, digest, sizeof digest);
}

static int push_hex(lua_State *L, bdr_status status,
                    const unsigned char *digest, size_t n) {
  char text[2 * BDR_SHA256_SIZE]; /* the longest */
  if (status != BDR_OK) return lbdr_fail(L, status);
  bdr_hex_digits(digest, n, text);
  lua_pushlstring(L, text, 2 * n);
  return 1;
}

/* sha256_hex(s) -> 64 hexadecimal digits */
static int sha256_hex(lua_State *L) {
  unsigned char digest[BDR_SHA256_SIZE];
  bdr_status status = bdr_sha256(shared_hash(L), lbdr_check_str(L, 1), digest);
  return push_hex(L, status, digest, sizeof digest);
}

/* sha1_hex(s) -> 40 hexadecimal digits */
static int sha1_hex(lua_State *L) {
  unsigned char digest[BDR_SHA1_SIZE];
  bdr_status status = bdr_sha1(lbdr_check_str(L, 1), digest);
  return push_hex(L, status, digest, sizeof digest);
}

/* hmac_sha256(key, s) -> 32 bytes */
static int hmac_sha256(lua_State *L) {
  unsigned char mac[BDR_SHA256_SIZE];
  bdr_status status = bdr_hmac_sha256(shared_hash(L), lbdr_check_str(L, 1),
                                      lbdr_check_str(L, 2), mac);
  return push_digest(L, status, mac, sizeof mac);
}

/* hex(s) -> lower-case hexadecimal digits */
static int hex(lua_State *L) {
  bdr_str s = lbdr_check_str(L, 1);
  bdr_buf *out = lbdr_newbuf(L);
  bdr_hex((const unsigned char *)s.p, s.n, out);
  return lbdr_buf_result(L, out);
}

/* unhex(s) -> bytes | nil, message, code */
static int unhex(lua_State *L) {
  bdr_str s = lbdr_check_str(L, 1);
  bdr_buf *out = lbdr_newbuf(L);
  size_t i;
  if (s.n % 2) return lbdr_fail(L, BDR_E_SYNTAX);
  for (i = 0; i < s.n; i += 2) {
    int high = bdr_hex_digit(s.p[i]), low = bdr_hex_digit(s.p[i + 1]);
    if (high < 0 || low < 0) return lbdr_fail(L, BDR_E_SYNTAX);
    bdr_buf_addc(out, (char)(high << 4 | low));
  }
  return lbdr_buf_result(L, out);
}

/*
** Where a function puts its result: in a buffer over memory on the C stack,
** which is not outgrown where `most` bytes fit, or in one that the collector
** owns.  A finalizer costs more than all the work for a short text.
*/
typedef struct output {
  bdr_buf small;
  char memory[1024];
} output;

static bdr_buf *open_output(lua_State *L, output *o, size_t most) {
  if (most > sizeof o->memory) return lbdr_newbuf(L);
  o->small.p = o->memory;
  o->small.n = 0;
  o->small.cap = sizeof o->memory;
  o->small.status = BDR_OK;
  return &o->small;
}

static int push_output(lua_State *L, output *o, bdr_buf *b) {
  if (b != &o->small) return lbdr_buf_result(L, b);
  lbdr_push_str(L, bdr_buf_str(b));
  return 1;
}

/* base64_encode(s) -> text */
static int base64_encode(lua_State *L) {
  bdr_str s = lbdr_check_str(L, 1);
  bdr_buf *out = lbdr_newbuf(L);
  bdr_base64_encode(s, out);
  return lbdr_buf_result(L, out);
}

/* base64_decode(text) -> bytes | nil, message, code */
static int base64_decode(lua_State *L) {
  bdr_str s = lbdr_check_str(L, 1);
  output o;
  bdr_buf *out = open_output(L, &o, s.n);
  bdr_status status = bdr_base64_decode(s, out);
  return status == BDR_OK ? push_output(L, &o, out) : lbdr_fail(L, status);
}

/* uri_encode(s [, keep_slash]) -> text */
static int uri_encode(lua_State *L) {
  bdr_str s = lbdr_check_str(L, 1);
  int keep_slash = lua_toboolean(L, 2); /* before the buffer takes slot 2 */
  output o;
  bdr_buf *out = open_output(L, &o, s.n > SIZE_MAX / 3 ? SIZE_MAX : 3 * s.n);
  bdr_uri_encode(s, keep_slash, out);
  return push_output(L, &o, out);
}

/* uri_decode(s) -> text; a '%' that begins no escape stays */
static int uri_decode(lua_State *L) {
  bdr_str s = lbdr_check_str(L, 1);
  bdr_buf *out = lbdr_newbuf(L);
  bdr_uri_decode(s, out);
  return lbdr_buf_result(L, out);
}

/* equal(a, b) -> boolean, in a time that does not tell where they part */
static int equal(lua_State *L) {
  bdr_str a = lbdr_check_str(L, 1), b = lbdr_check_str(L, 2);
  unsigned difference = a.n != b.n;
  size_t i;
  for (i = 0; i < a.n && i < b.n; i++)
    difference |= (unsigned char)(a.p[i] ^ b.p[i]);
  lua_pushboolean(L, difference == 0);
  return 1;
}

/* random(n) -> n bytes from the system's generator, n <= 65536 */
static int random_bytes(lua_State *L) {
  size_t n = lbdr_check_size(L, 1, 65536);
  bdr_buf *out = lbdr_newbuf(L);
  char *p = bdr_buf_room(out, n);
  bdr_status status = bdr_buf_status(out);
  if (n && status == BDR_OK) status = bdr_random((unsigned char *)p, n);
  if (status != BDR_OK) return lbdr_fail(L, status);
  out->n = n;
  return lbdr_buf_result(L, out);
}

/* uuid4() -> "xxxxxxxx-xxxx-4xxx-yxxx-xxxxxxxxxxxx" (RFC 9562, 5.4) */
static int uuid4(lua_State *L) {
  unsigned char b[16];
  char text[2 * sizeof b + 4], *p = text;
  bdr_status status = bdr_random(b, sizeof b);
  size_t i;
  if (status != BDR_OK) return lbdr_fail(L, status);
  b[6] = (unsigned char)(0x40 | (b[6] & 0x0f));
  b[8] = (unsigned char)(0x80 | (b[8] & 0x3f));
  for (i = 0; i < sizeof b; i++) {
    if (i == 4 || i == 6 || i == 8 || i == 10) *p++ = '-';
    p = bdr_hex_digits(b + i, 1, p);
  }
  lua_pushlstring(L, text, sizeof text);
  return 1;
}

/* crc32(s [, before]) -> number */
static int crc32_of(lua_State *L) {
  bdr_str s = lbdr_check_str(L, 1);
  size_t before = lua_isnoneornil(L, 2) ? 0 : lbdr_check_size(L, 2, UINT32_MAX);
  lua_pushnumber(L, (lua_Number)bdr_crc32((uint32_t)before, s));
  return 1;
}

/* crc32_portable(s) -> number: the table-driven one, for tests */
static int crc32_portable(lua_State *L) {
  lua_pushnumber(L, (lua_Number)bdr_crc32_portable(0, lbdr_check_str(L, 1)));
  return 1;
}

void lbdr_open_bytes(lua_State *L) {
  static const luaL_Reg plain[] = {{"sha1_hex", sha1_hex},
                                   {"hex", hex},
                                   {"unhex", unhex},
                                   {"base64_encode", base64_encode},
                                   {"base64_decode", base64_decode},
                                   {"uri_encode", uri_encode},
                                   {"uri_decode", uri_decode},
                                   {"equal", equal},
                                   {"random", random_bytes},
                                   {"uuid4", uuid4},
                                   {"crc32", crc32_of},
                                   {"crc32_portable", crc32_portable},
                                   {NULL, NULL}};
  static const luaL_Reg hashing[] = {{"sha256", sha256},
                                     {"sha256_hex", sha256_hex},
                                     {"hmac_sha256", hmac_sha256},
                                     {NULL, NULL}};
  lbdr_newlib(L, plain);
  lbdr_newclass(L, HASH_T, NULL, hash_gc);
  lbdr_newobject(L, sizeof(bdr_hash), HASH_T);
  lbdr_setclosures(L, hashing);
}
