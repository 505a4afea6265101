/* see bytes.h */
#include "bytes.h"

#include <stdlib.h>
#include <string.h>

bdr_str bdr_str_of(const char *s) {
  bdr_str view = {s, strlen(s)};
  return view;
}

int bdr_str_equal(bdr_str a, bdr_str b) {
  return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

int bdr_str_compare(bdr_str a, bdr_str b) {
  size_t common = a.n < b.n ? a.n : b.n;
  int order = common ? memcmp(a.p, b.p, common) : 0;
  if (order) return order;
  return (a.n > b.n) - (a.n < b.n);
}

int bdr_str_equal_nocase(bdr_str a, bdr_str b) {
  size_t i;
  if (a.n != b.n) return 0;
  for (i = 0; i < a.n; i++)
    if (bdr_lower(a.p[i]) != bdr_lower(b.p[i])) return 0;
  return 1;
}

/*
** Doubling keeps appending linear; the limit keeps the doubling (and every
** sum of two sizes made from it) from wrapping.
*/
static int grow(bdr_buf *b, size_t more) {
  size_t cap = b->cap ? b->cap : 64;
  char *p;
  if (more > SIZE_MAX / 4 - b->n) {
    b->status = BDR_E_NOMEM;
    return 0;
  }
  while (cap < b->n + more) cap *= 2;
  p = realloc(b->p, cap);
  if (!p) {
    b->status = BDR_E_NOMEM;
    return 0;
  }
  b->p = p;
  b->cap = cap;
  return 1;
}

static inline int has_room(bdr_buf *b, size_t n) {
  if (b->status != BDR_OK) return 0;
  return n <= b->cap - b->n || grow(b, n);
}

char *bdr_buf_room(bdr_buf *b, size_t n) {
  return has_room(b, n) && b->p ? b->p + b->n : NULL;
}

void bdr_buf_add(bdr_buf *b, const char *p, size_t n) {
  if (n == 0 || !has_room(b, n)) return;
  memcpy(b->p + b->n, p, n);
  b->n += n;
}

void bdr_buf_adds(bdr_buf *b, bdr_str s) { bdr_buf_add(b, s.p, s.n); }

bdr_status bdr_buf_status(const bdr_buf *b) { return b->status; }

bdr_str bdr_buf_str(const bdr_buf *b) {
  bdr_str view = {b->p, b->n};
  return view;
}

void bdr_buf_clear(bdr_buf *b) {
  b->n = 0;
  b->status = BDR_OK;
}

void bdr_buf_free(bdr_buf *b) {
  free(b->p);
  memset(b, 0, sizeof *b);
}

/* Called through a volatile pointer, which may point to anything: the stores
** cannot be optimised away, and are memset's wide ones all the same. */
void bdr_wipe(void *p, size_t n) {
  static void *(*const volatile set)(void *, int, size_t) = memset;
  if (n) set(p, 0, n);
}

void bdr_buf_wipe(bdr_buf *b) {
  if (b->p) bdr_wipe(b->p, b->cap);
  bdr_buf_free(b);
}

static unsigned byte_at(const char *p, int i) {
  return (unsigned)(unsigned char)p[i];
}

uint16_t bdr_get16(const char *p) {
  return (uint16_t)(byte_at(p, 0) << 8 | byte_at(p, 1));
}

uint32_t bdr_get32(const char *p) {
  return (uint32_t)bdr_get16(p) << 16 | bdr_get16(p + 2);
}

uint64_t bdr_get64(const char *p) {
  return (uint64_t)bdr_get32(p) << 32 | bdr_get32(p + 4);
}

void bdr_put16(char *p, uint16_t v) {
  p[0] = (char)(v >> 8);
  p[1] = (char)v;
}

void bdr_put32(char *p, uint32_t v) {
  bdr_put16(p, (uint16_t)(v >> 16));
  bdr_put16(p + 2, (uint16_t)v);
}

void bdr_put64(char *p, uint64_t v) {
  bdr_put32(p, (uint32_t)(v >> 32));
  bdr_put32(p + 4, (uint32_t)v);
}
