/*
** fuzz_eventstream.c - the event-stream decoder under libFuzzer, with the
** checksums repaired (and, as the first byte chooses, the lengths), so that
** the mutator gets past them.  What must hold:
**
**   - wherever the bytes are cut, the same messages and the same end;
**   - a message that was decoded is encoded to the same bytes;
**   - one flipped bit anywhere, and not one message more comes out.
*/
#include <stdlib.h>
#include <string.h>

#include "crc32.h"
#include "eventstream.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { REPAIR_LENGTHS = 1, SMALL_LIMIT = 2 };

static uint32_t crc_of(const char *p, size_t n) {
  bdr_str s = {p, n};
  uint32_t crc = bdr_crc32(0, s);
  if (crc != bdr_crc32_portable(0, s)) abort();
  return crc;
}

/* Make one message of the front of p; the number of bytes it takes. */
static size_t repair(char *p, size_t n, int lengths) {
  size_t total = bdr_get32(p), headers = bdr_get32(p + 4);
  if (lengths) {
    total = BDR_EVENTSTREAM_OVERHEAD + total % (n - 15);
    headers %= total - 15;
    bdr_put32(p, (uint32_t)total);
    bdr_put32(p + 4, (uint32_t)headers);
  }
  bdr_put32(p + 8, crc_of(p, 8));
  if (total < BDR_EVENTSTREAM_OVERHEAD || total > n) return n;
  bdr_put32(p + total - 4, crc_of(p, total - 4));
  return total;
}

static void write_number(bdr_buf *log, int64_t number) {
  char bytes[8];
  bdr_put64(bytes, (uint64_t)number);
  bdr_buf_add(log, bytes, sizeof bytes);
}

/* Encode what was decoded, and hold it against what was sent. */
static void check_encoding(const bdr_message *m) {
  static bdr_message_header list[BDR_EVENTSTREAM_HEADER_COUNT_MAX];
  bdr_str rest = m->headers;
  bdr_buf out = {0};
  bdr_status status;
  size_t n = 0;
  while (n < sizeof list / sizeof *list &&
         bdr_message_header_next(&rest, &list[n]) == BDR_OK)
    n++;
  if (rest.n) abort(); /* a decoder hands out whole headers only */
  status = bdr_eventstream_encode(list, n, m->payload, &out);
  /* Senders are held to shorter values than receivers. */
  if (status != BDR_E_HEADER && status != BDR_E_LIMIT) {
    if (status != BDR_OK || out.n != m->headers.n + m->payload.n + 16) abort();
    if (m->headers.n && memcmp(out.p + 12, m->headers.p, m->headers.n)) abort();
  }
  bdr_buf_free(&out);
}

/* Everything a caller can see; returns how many messages came. */
static size_t drain(bdr_eventstream *d, bdr_buf *log) {
  bdr_message m;
  size_t count = 0;
  while (bdr_eventstream_next(d, &m) == BDR_OK) {
    count++;
    check_encoding(&m);
    write_number(log, (int64_t)m.headers.n);
    bdr_buf_adds(log, m.headers);
    bdr_buf_adds(log, m.payload);
  }
  return count;
}

/* Feed `all` in pieces of `step` bytes, each in memory of its own size. */
static size_t run(bdr_str all, size_t step, int choice, bdr_buf *log) {
  bdr_eventstream d;
  size_t count = 0;
  char *copy = NULL;
  memset(&d, 0, sizeof d);
  if (choice & SMALL_LIMIT) d.max_message = 64;
  while (all.n) {
    bdr_str piece;
    char *next;
    bdr_cut(&all, step < all.n ? step : all.n, &piece);
    next = malloc(piece.n);
    if (!next) abort();
    memcpy(next, piece.p, piece.n);
    piece.p = next;
    if (bdr_eventstream_feed(&d, piece) < 0) all.n = 0;
    else count += drain(&d, log);
    free(copy);
    copy = next;
  }
  write_number(log, bdr_eventstream_finish(&d));
  bdr_eventstream_free(&d);
  bdr_eventstream_free(&d);
  free(copy);
  return count;
}

static void check_cuts(bdr_str all, int choice) {
  static const size_t steps[] = {1, 3, 7, 16, 61};
  bdr_buf whole = {0}, cut = {0};
  size_t i, count = run(all, all.n, choice, &whole);
  for (i = 0; i < sizeof steps / sizeof *steps; i++) {
    bdr_buf_clear(&cut);
    if (run(all, steps[i], choice, &cut) != count) abort();
    if (!bdr_str_equal(bdr_buf_str(&whole), bdr_buf_str(&cut))) abort();
  }
  bdr_buf_free(&whole);
  bdr_buf_free(&cut);
}

/* Does a run's log say that the bytes ended where a message did? */
static int ended_well(const bdr_buf *log) {
  return bdr_get64(log->p + log->n - 8) == BDR_OK;
}

/* A bit of the last message: those before it come, and it does not. */
static void check_flip(char *p, size_t n, size_t last, unsigned bit) {
  bdr_str all = {p, n};
  bdr_buf log = {0};
  size_t before = run(all, n, 0, &log);
  if (ended_well(&log)) {
    p[last + bit / 8 % (n - last)] ^= (char)(1 << bit % 8);
    if (run(all, n, 0, &log) != before - 1 || ended_well(&log)) abort();
  }
  bdr_buf_free(&log);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  size_t at = 0, last = 0, n = size ? size - 1 : 0;
  char *copy = malloc(n + 1);
  bdr_str all = {copy, n};
  if (!copy) abort();
  if (n) memcpy(copy, data + 1, n);
  while (n - at >= BDR_EVENTSTREAM_OVERHEAD) {
    last = at;
    at += repair(copy + at, n - at, data[0] & REPAIR_LENGTHS);
  }
  check_cuts(all, size ? data[0] : 0);
  if (at == n && n > 0) check_flip(copy, n, last, data[0] * 131u);
  free(copy);
  return 0;
}
