/*
** fuzz_text.c - base64, percent-encoding and the canonical request under
** libFuzzer.  What must hold: what was encoded decodes to itself; the order
** in which a query's parameters and the headers come changes nothing.
*/
#include <stdlib.h>
#include <string.h>

#include "base64.h"
#include "sigv4.h"
#include "uri.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect_same(bdr_str a, bdr_str b) {
  if (!bdr_str_equal(a, b)) abort();
}

static void check_base64(bdr_str s) {
  bdr_buf encoded = {0}, decoded = {0};
  bdr_base64_encode(s, &encoded);
  if (bdr_base64_decode(bdr_buf_str(&encoded), &decoded) != BDR_OK) abort();
  expect_same(s, bdr_buf_str(&decoded));
  bdr_buf_clear(&decoded);
  if (bdr_base64_decode(s, &decoded) != BDR_OK && decoded.n) abort();
  bdr_buf_free(&encoded);
  bdr_buf_free(&decoded);
}

static void check_uri(bdr_str s) {
  bdr_buf encoded = {0}, decoded = {0};
  bdr_uri_encode(s, s.n & 1, &encoded);
  bdr_uri_decode(bdr_buf_str(&encoded), &decoded);
  expect_same(s, bdr_buf_str(&decoded));
  bdr_buf_clear(&decoded);
  bdr_uri_decode(s, &decoded);
  if (decoded.n > s.n) abort();
  bdr_buf_free(&encoded);
  bdr_buf_free(&decoded);
}

/* Cut at the first `mark`, into what is before and what is behind it. */
static bdr_str cut_line(bdr_str *rest, char mark) {
  const char *end = rest->n ? memchr(rest->p, mark, rest->n) : NULL;
  bdr_str line = *rest;
  if (end) line.n = (size_t)(end - rest->p);
  bdr_cut(rest, end ? line.n + 1 : rest->n, NULL);
  return line;
}

/* "b&c&a" of "a&b&c". */
static void rotate(bdr_str query, bdr_buf *out) {
  bdr_str first = cut_line(&query, '&');
  bdr_buf_adds(out, query);
  bdr_buf_addc(out, '&');
  bdr_buf_adds(out, first);
}

enum { HEADERS = 8 };

static bdr_status canonical(bdr_sigv4_request r, bdr_str rest, int reverse,
                            bdr_buf *out) {
  bdr_header headers[HEADERS];
  bdr_buf names = {0};
  bdr_status status;
  size_t i;
  for (i = 0; i < HEADERS; i++) {
    /* Distinct names, so that their order means nothing. */
    static const char name[] = "abcdefgh";
    bdr_header *h = &headers[reverse ? HEADERS - 1 - i : i];
    h->name.p = name + i;
    h->name.n = 1;
    h->value = cut_line(&rest, '\n');
  }
  r.headers = headers;
  r.header_count = HEADERS;
  status = bdr_sigv4_canonical_request(&r, out, &names);
  bdr_buf_free(&names);
  return status;
}

static void check_canonical(bdr_str s) {
  bdr_sigv4_request r = {0};
  bdr_buf first = {0}, second = {0}, query = {0};
  bdr_status status;
  r.method = BDR_LIT("POST");
  r.payload_hash = BDR_LIT("-");
  r.keep_path = (int)(s.n & 1);
  r.path = cut_line(&s, '\n');
  r.query = cut_line(&s, '\n');
  status = canonical(r, s, 0, &first);
  rotate(r.query, &query);
  r.query = bdr_buf_str(&query);
  if (canonical(r, s, 1, &second) != status) abort();
  if (status == BDR_OK)
    expect_same(bdr_buf_str(&first), bdr_buf_str(&second));
  bdr_buf_free(&first);
  bdr_buf_free(&second);
  bdr_buf_free(&query);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  bdr_str s = {(const char *)data, size};
  check_base64(s);
  check_uri(s);
  check_canonical(s);
  return 0;
}
