/* see hash.h */
#include "hash.h"

#include <openssl/evp.h>
#include <openssl/rand.h>
#include <string.h>

#define BLOCK_SIZE 64 /* of SHA-256, FIPS 180-4 */

/* OpenSSL 3 looks algorithms up by name, and wants the reference back. */
#if OPENSSL_VERSION_NUMBER >= 0x30000000L
static const EVP_MD *find_sha256(bdr_hash *h) {
  if (!h->algorithm) h->algorithm = EVP_MD_fetch(NULL, "SHA256", NULL);
  return h->algorithm;
}
static void drop_algorithm(bdr_hash *h) { EVP_MD_free(h->algorithm); }
#else
static const EVP_MD *find_sha256(bdr_hash *h) {
  (void)h;
  return EVP_sha256();
}
static void drop_algorithm(bdr_hash *h) { (void)h; }
#endif

static int set_up(bdr_hash *h) {
  if (!h->context) h->context = EVP_MD_CTX_new();
  return h->context && find_sha256(h);
}

/* Digest of a followed by b. */
static bdr_status digest(bdr_hash *h, bdr_str a, bdr_str b,
                         unsigned char *out) {
  if (!set_up(h)) return BDR_E_CRYPTO;
  if (EVP_DigestInit_ex(h->context, find_sha256(h), NULL) &&
      EVP_DigestUpdate(h->context, a.p, a.n) &&
      EVP_DigestUpdate(h->context, b.p, b.n) &&
      EVP_DigestFinal_ex(h->context, out, NULL))
    return BDR_OK;
  return BDR_E_CRYPTO;
}

bdr_status bdr_sha256(bdr_hash *h, bdr_str data,
                      unsigned char out[BDR_SHA256_SIZE]) {
  return digest(h, data, BDR_LIT(""), out);
}

/* The key XORed with one byte, padded to a block (RFC 2104, section 2). */
static void pad_key(bdr_str key, unsigned char with,
                    unsigned char block[BLOCK_SIZE]) {
  size_t i;
  memset(block, with, BLOCK_SIZE);
  for (i = 0; i < key.n; i++) block[i] ^= (unsigned char)key.p[i];
}

bdr_status bdr_hmac_sha256(bdr_hash *h, bdr_str key, bdr_str data,
                           unsigned char out[BDR_SHA256_SIZE]) {
  unsigned char block[BLOCK_SIZE], short_key[BDR_SHA256_SIZE];
  unsigned char inner[BDR_SHA256_SIZE];
  bdr_str block_view = {(char *)block, sizeof block};
  bdr_str inner_view = {(char *)inner, sizeof inner};
  bdr_status status = BDR_OK;
  if (key.n > BLOCK_SIZE) {
    status = bdr_sha256(h, key, short_key);
    key.p = (char *)short_key;
    key.n = sizeof short_key;
  }
  if (status == BDR_OK) {
    pad_key(key, 0x36, block);
    status = digest(h, block_view, data, inner);
  }
  if (status == BDR_OK) {
    pad_key(key, 0x5c, block);
    status = digest(h, block_view, inner_view, out);
  }
  bdr_wipe(block, sizeof block);
  bdr_wipe(short_key, sizeof short_key);
  bdr_wipe(inner, sizeof inner);
  return status;
}

bdr_status bdr_sha1(bdr_str data, unsigned char out[BDR_SHA1_SIZE]) {
  return EVP_Digest(data.n ? data.p : "", data.n, out, NULL, EVP_sha1(), NULL)
             ? BDR_OK
             : BDR_E_CRYPTO;
}

bdr_status bdr_random(unsigned char *out, size_t n) {
  if (n > INT32_MAX) return BDR_E_ARG;
  return RAND_bytes(out, (int)n) == 1 ? BDR_OK : BDR_E_CRYPTO;
}

void bdr_hash_free(bdr_hash *h) {
  EVP_MD_CTX_free(h->context);
  drop_algorithm(h);
  memset(h, 0, sizeof *h);
}

char *bdr_hex_digits(const unsigned char *bytes, size_t n, char *out) {
  static const char digits[] = "0123456789abcdef";
  size_t i;
  for (i = 0; i < n; i++) {
    *out++ = digits[bytes[i] >> 4];
    *out++ = digits[bytes[i] & 15];
  }
  return out;
}

void bdr_hex(const unsigned char *bytes, size_t n, bdr_buf *out) {
  char *p;
  if (n == 0 || n > SIZE_MAX / 2 || !(p = bdr_buf_room(out, 2 * n))) return;
  bdr_hex_digits(bytes, n, p);
  out->n += 2 * n;
}
