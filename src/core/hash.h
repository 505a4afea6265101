/*
** hash.h - SHA-256 and HMAC-SHA-256 over OpenSSL's EVP.
**
** A bdr_hash keeps the digest context between calls: with OpenSSL 3 looking
** an algorithm up costs as much as hashing a kilobyte.  All-zero is a valid
** one; it is set up at first use.  Not to be shared between threads.
*/
#ifndef BDR_HASH_H
#define BDR_HASH_H

#include "bytes.h"

#define BDR_SHA256_SIZE 32
#define BDR_SHA1_SIZE 20

typedef struct bdr_hash {
  void *context;   /* EVP_MD_CTX, owned */
  void *algorithm; /* EVP_MD, owned where OpenSSL hands out references */
} bdr_hash;

/* SHA-256 of `data`.  BDR_E_CRYPTO when libcrypto has none to give. */
bdr_status bdr_sha256(bdr_hash *h, bdr_str data,
                      unsigned char out[BDR_SHA256_SIZE]);

/* HMAC-SHA-256 (RFC 2104); any key length.  `out` may overlap neither. */
bdr_status bdr_hmac_sha256(bdr_hash *h, bdr_str key, bdr_str data,
                           unsigned char out[BDR_SHA256_SIZE]);

/* SHA-1, which names the SSO cache's files and signs nothing. */
bdr_status bdr_sha1(bdr_str data, unsigned char out[BDR_SHA1_SIZE]);

/* n bytes from the system's generator. */
bdr_status bdr_random(unsigned char *out, size_t n);

/* Give back what it holds; twice is fine. */
void bdr_hash_free(bdr_hash *h);

/* Lower-case hexadecimal of n bytes: 2 * n digits at `out`; their end. */
char *bdr_hex_digits(const unsigned char *bytes, size_t n, char *out);

/* The same, appended. */
void bdr_hex(const unsigned char *bytes, size_t n, bdr_buf *out);

#endif
