/*
** fuzz_http1.c - the response parser under libFuzzer.  Not only "no crash":
** whatever the bytes are and wherever they are cut, the same status, fields,
** body, fault and end come out.
**
** The first byte of an input chooses the limits and the cuts, the rest is
** the response.  Each piece is copied into memory of its own size, so that a
** byte read past its end is seen by the sanitizer.
*/
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "http1.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void note(bdr_buf *o, const char *what, int n) {
  char line[64];
  int length = snprintf(line, sizeof line, "\n%s %d\n", what, n);
  bdr_buf_add(o, line, (size_t)length);
}

/* Take what there is; 1 when no more input is wanted. */
static int drain(bdr_http1 *p, bdr_str *in, bdr_buf *body) {
  bdr_str piece;
  bdr_status status;
  while ((status = bdr_http1_body(p, in, &piece)) == BDR_OK) {
    if (piece.n == 0) abort();
    bdr_buf_adds(body, piece);
  }
  if (status == BDR_MORE && in->n) abort();
  return status != BDR_MORE;
}

/* Everything a caller can see of one response. */
static void write_down(bdr_http1 *p, const bdr_buf *body, bdr_str rest,
                       bdr_buf *o) {
  bdr_str name, value;
  size_t at = 0;
  note(o, "code", bdr_http1_code(p));
  while (bdr_http1_field(p, &at, &name, &value)) {
    bdr_buf_adds(o, name);
    bdr_buf_addc(o, '=');
    bdr_buf_adds(o, value);
    bdr_buf_addc(o, '\n');
  }
  bdr_buf_adds(o, bdr_buf_str(body));
  note(o, "finish", bdr_http1_finish(p));
  note(o, "done", bdr_http1_done(p));
  note(o, "keep", bdr_http1_keep_alive(p, rest));
  bdr_buf_adds(o, bdr_str_of(bdr_http1_why(p)));
}

static void set_limits(bdr_http1 *p, unsigned char choice) {
  p->head_only = (choice & 7) == 7;
  p->max_head = (choice & 8) ? 128 : 0;
  p->max_fields = (choice & 16) ? 4 : 0;
}

/* Feed `all` in pieces of 1 + (step * i) % 61 bytes; step 0: all at once. */
static void run(bdr_str all, unsigned char choice, size_t step, bdr_buf *o) {
  bdr_http1 p;
  bdr_buf body = {0};
  size_t i, n;
  int stop = 0;
  memset(&p, 0, sizeof p);
  set_limits(&p, choice);
  for (i = 1; all.n && !stop; i++) {
    bdr_str piece = {0};
    char *copy;
    n = step ? 1 + step * i % 61 : all.n;
    bdr_cut(&all, n < all.n ? n : all.n, &piece);
    copy = malloc(piece.n);
    if (!copy) abort();
    memcpy(copy, piece.p, piece.n);
    n = piece.n;
    piece.p = copy;
    stop = drain(&p, &piece, &body);
    if (stop) all.n += piece.n; /* what nobody took counts as the rest */
    free(copy);
  }
  write_down(&p, &body, all, o);
  bdr_buf_free(&body);
  bdr_http1_free(&p);
  bdr_http1_free(&p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static const size_t steps[] = {61, 1, 7, 17};
  bdr_buf whole = {0};
  bdr_str all;
  size_t i;
  if (size == 0) return 0;
  all.p = (const char *)data + 1;
  all.n = size - 1;
  run(all, data[0], 0, &whole);
  for (i = 0; i < sizeof steps / sizeof *steps; i++) {
    bdr_buf cut = {0};
    run(all, data[0], steps[i] + (i ? data[0] : 0), &cut);
    if (!bdr_str_equal(bdr_buf_str(&whole), bdr_buf_str(&cut))) abort();
    bdr_buf_free(&cut);
  }
  bdr_buf_free(&whole);
  return 0;
}
