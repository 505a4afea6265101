/*
** micro.c - the core alone, in memory, beside what it cannot do without.
**
**     micro framing FILE SIZE   messages of FILE in pieces of SIZE bytes
**     micro sign                a signature over 1 KiB
**
** framing prints `ours= crc= copy=`: nanoseconds of CPU per message for the
** decoder, for the two checksums of each message alone, and for one copy of
** the bytes.  sign prints `derived= cached= floor_derived= floor_cached=`:
** nanoseconds per signature; the floor is OpenSSL's one-call SHA256() and
** HMAC(), as often as a signature needs them.
*/
#define _POSIX_C_SOURCE 200809L
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "crc32.h"
#include "eventstream.h"
#include "sigv4.h"

#define ROUNDS 9
#define LEAST 0.02 /* seconds that a measurement takes at least */

static volatile uint32_t sink; /* what is computed must not be left out */

static double cpu(void) {
  struct timespec t;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static int compare(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

/* Nanoseconds per call of work(ud): the median of some rounds. */
static double measure(void (*work)(void *), void *ud) {
  double found[ROUNDS];
  int i;
  for (i = 0; i < ROUNDS; i++) {
    double began = cpu(), spent;
    long n = 0;
    do {
      work(ud);
      n++;
      spent = cpu() - began;
    } while (spent < LEAST);
    found[i] = spent / (double)n * 1e9;
  }
  qsort(found, ROUNDS, sizeof *found, compare);
  return found[ROUNDS / 2];
}

/* ---- framing ------------------------------------------------------------ */

typedef struct job {
  bdr_str bytes;
  size_t piece;
  char *copy;
  long messages;
} job;

static void decode(void *ud) {
  job *j = ud;
  bdr_eventstream d = {0};
  bdr_message m;
  size_t at;
  bdr_status status = BDR_OK;
  j->messages = 0;
  for (at = 0; at < j->bytes.n; at += j->piece) {
    bdr_str piece = {j->bytes.p + at, j->bytes.n - at};
    if (piece.n > j->piece) piece.n = j->piece;
    bdr_eventstream_feed(&d, piece);
    while ((status = bdr_eventstream_next(&d, &m)) == BDR_OK) {
      j->messages++;
      sink += (uint32_t)m.payload.n;
    }
    if (status != BDR_MORE) exit(3);
  }
  bdr_eventstream_free(&d);
}

static void checksums(void *ud) {
  job *j = ud;
  bdr_str rest = j->bytes;
  while (rest.n >= 16) {
    size_t total = bdr_get32(rest.p);
    bdr_str prelude = {rest.p, 8}, message = {rest.p, total - 4};
    sink += bdr_crc32(0, prelude) + bdr_crc32(0, message);
    bdr_cut(&rest, total, NULL);
  }
}

static void copy(void *ud) {
  job *j = ud;
  memcpy(j->copy, j->bytes.p, j->bytes.n);
  sink += (uint32_t)j->copy[j->bytes.n / 2];
}

static int framing(const char *path, size_t piece) {
  bdr_buf file = {0};
  char bytes[65536];
  size_t n;
  double ours, crc, copied;
  job j = {{NULL, 0}, 0, NULL, 0};
  FILE *f = fopen(path, "rb");
  if (!f) return 1;
  while ((n = fread(bytes, 1, sizeof bytes, f)) > 0)
    bdr_buf_add(&file, bytes, n);
  fclose(f);
  j.bytes = bdr_buf_str(&file);
  j.piece = piece;
  j.copy = malloc(j.bytes.n);
  if (!j.copy) return 1;
  ours = measure(decode, &j);
  crc = measure(checksums, &j);
  copied = measure(copy, &j);
  printf("ours=%.2f crc=%.2f copy=%.2f bytes=%.1f\n",
         ours / (double)j.messages, crc / (double)j.messages,
         copied / (double)j.messages, (double)j.bytes.n / (double)j.messages);
  free(j.copy);
  bdr_buf_free(&file);
  return 0;
}

/* ---- signing ------------------------------------------------------------ */

typedef struct signing {
  bdr_sigv4_signer signer;
  int forget;
  char body[1024];
} signing;

/* The body's digest and the signature, as one call needs them. */
static void sign(void *ud) {
  signing *s = ud;
  bdr_header headers[] = {
      {BDR_LIT("host"), BDR_LIT("bedrock-runtime.us-east-1.amazonaws.com")},
      {BDR_LIT("content-type"), BDR_LIT("application/json")},
      {BDR_LIT("x-amz-date"), BDR_LIT("20260115T120000Z")},
      {BDR_LIT("amz-sdk-invocation-id"),
       BDR_LIT("5f0c3a4e-3f65-4a63-9d5e-6b1f0d2c7a11")},
      {BDR_LIT("amz-sdk-request"), BDR_LIT("attempt=1; max=3")}};
  bdr_str body = {s->body, sizeof s->body};
  unsigned char digest[BDR_SHA256_SIZE];
  bdr_buf hex = {0}, out = {0};
  bdr_sigv4_request r = {0};
  bdr_sigv4_scope scope = {0};
  scope.access_key_id = BDR_LIT("AKIDEXAMPLE");
  scope.secret_access_key = BDR_LIT("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY");
  scope.region = BDR_LIT("us-east-1");
  scope.service = BDR_LIT("bedrock");
  scope.amz_date = BDR_LIT("20260115T120000Z");
  bdr_sha256(&s->signer.hash, body, digest);
  bdr_hex(digest, sizeof digest, &hex);
  r.method = BDR_LIT("POST");
  r.path = BDR_LIT(
      "/model/anthropic.claude-3-5-haiku-20241022-v1%3A0/converse");
  r.payload_hash = bdr_buf_str(&hex);
  r.headers = headers;
  r.header_count = sizeof headers / sizeof *headers;
  if (s->forget) s->signer.has_key = 0;
  if (bdr_sigv4_sign(&s->signer, &r, &scope, &out) != BDR_OK) exit(3);
  sink += (uint32_t)out.n;
  bdr_buf_free(&hex);
  bdr_buf_free(&out);
}

/* Two digests, and as many HMACs as the key's state asks for. */
static void digests(void *ud) {
  signing *s = ud;
  unsigned char digest[32];
  unsigned n;
  int i;
  SHA256((unsigned char *)s->body, sizeof s->body, digest);
  SHA256((unsigned char *)s->body, 400, digest);
  for (i = s->forget ? 5 : 1; i > 0; i--)
    HMAC(EVP_sha256(), digest, 32, (unsigned char *)s->body, 140, digest, &n);
  sink += digest[0];
}

static int signatures(void) {
  signing s = {0};
  double derived, cached, floor_derived, floor_cached;
  memset(s.body, 'x', sizeof s.body);
  sign(&s);
  cached = measure(sign, &s);
  floor_cached = measure(digests, &s);
  s.forget = 1;
  derived = measure(sign, &s);
  floor_derived = measure(digests, &s);
  bdr_sigv4_signer_free(&s.signer);
  printf("derived=%.0f cached=%.0f floor_derived=%.0f floor_cached=%.0f\n",
         derived, cached, floor_derived, floor_cached);
  return 0;
}

int main(int argc, char **argv) {
  if (argc == 4 && strcmp(argv[1], "framing") == 0)
    return framing(argv[2], strtoul(argv[3], NULL, 10));
  if (argc == 2 && strcmp(argv[1], "sign") == 0) return signatures();
  return 2;
}
