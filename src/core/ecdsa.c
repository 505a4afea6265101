/* see ecdsa.h */
#include "ecdsa.h"

#include <limits.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <string.h>

/*
** SubjectPublicKeyInfo of an uncompressed point on P-256, up to and with
** the 04 that announces x and y (RFC 5480, sections 2.1.1 and 2.2).  Made of
** DER, which every version of libcrypto writes, so that no call which came
** or went with OpenSSL 3 is needed; and a key on another curve differs.
*/
static const unsigned char p256_prefix[] = {
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48,
    0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48,
    0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00, 0x04};

/* No passphrase: without this, libcrypto would ask on the terminal. */
static int no_passphrase(char *buffer, int size, int writing, void *context) {
  (void)buffer;
  (void)size;
  (void)writing;
  (void)context;
  return -1;
}

static bdr_status public_point(EVP_PKEY *key, char *out) {
  unsigned char *der = NULL;
  int n = i2d_PUBKEY(key, &der);
  bdr_status status = BDR_E_ARG;
  if (n == (int)sizeof p256_prefix + 2 * BDR_ECDSA_COORDINATE &&
      memcmp(der, p256_prefix, sizeof p256_prefix) == 0) {
    memcpy(out, der + sizeof p256_prefix, 2 * BDR_ECDSA_COORDINATE);
    status = BDR_OK;
  }
  if (n > 0) OPENSSL_free(der);
  return status;
}

/* The key, and its public point in `point`; NULL if it is no P-256 key. */
static EVP_PKEY *read_key(bdr_str pem, char *point) {
  EVP_PKEY *key = NULL;
  BIO *bio;
  if (pem.n == 0 || pem.n > INT_MAX) return NULL;
  bio = BIO_new_mem_buf(pem.p, (int)pem.n);
  if (bio) key = PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL);
  BIO_free(bio);
  if (key && public_point(key, point) != BDR_OK) {
    EVP_PKEY_free(key);
    key = NULL;
  }
  return key;
}

/* DER { r, s } to two numbers of fixed width. */
static bdr_status fixed_width(const unsigned char *der, size_t n, char *out) {
  ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &der, (long)n);
  const BIGNUM *r, *s;
  bdr_status status = BDR_E_CRYPTO;
  unsigned char *to = (unsigned char *)out;
  if (!sig) return status;
  ECDSA_SIG_get0(sig, &r, &s);
  if (BN_bn2binpad(r, to, BDR_ECDSA_COORDINATE) > 0 &&
      BN_bn2binpad(s, to + BDR_ECDSA_COORDINATE, BDR_ECDSA_COORDINATE) > 0)
    status = BDR_OK;
  ECDSA_SIG_free(sig);
  return status;
}

static bdr_status sign(EVP_PKEY *key, bdr_str message, char *out) {
  unsigned char der[80]; /* 72 at most: two 33-byte integers and tags */
  size_t n = sizeof der;
  EVP_MD_CTX *context = EVP_MD_CTX_new();
  bdr_status status = BDR_E_CRYPTO;
  if (context &&
      EVP_DigestSignInit(context, NULL, EVP_sha256(), NULL, key) == 1 &&
      EVP_DigestSign(context, der, &n,
                     (const unsigned char *)(message.n ? message.p : ""),
                     message.n) == 1)
    status = fixed_width(der, n, out);
  EVP_MD_CTX_free(context);
  return status;
}

bdr_status bdr_ecdsa_sign(bdr_str pem, bdr_str message,
                          char out[2 * BDR_ECDSA_COORDINATE]) {
  char point[2 * BDR_ECDSA_COORDINATE];
  EVP_PKEY *key = read_key(pem, point);
  bdr_status status = key ? sign(key, message, out) : BDR_E_ARG;
  EVP_PKEY_free(key); /* libcrypto wipes private numbers when it frees */
  ERR_clear_error();  /* nobody after us should find our errors queued */
  return status;
}

bdr_status bdr_ecdsa_public(bdr_str pem,
                            char out[2 * BDR_ECDSA_COORDINATE]) {
  EVP_PKEY *key = read_key(pem, out);
  bdr_status status = key ? BDR_OK : BDR_E_ARG;
  EVP_PKEY_free(key);
  ERR_clear_error();
  return status;
}
