/*
** bytes.h - views and growing buffers, the words every room speaks in.
**
**     bdr_str   (pointer, length): borrowed bytes, never freed
**     bdr_buf   owned bytes that grow; the first failure sticks, so a
**               builder appends without looking and asks once at the end
**
** All-zero is a valid empty value of both.
*/
#ifndef BDR_BYTES_H
#define BDR_BYTES_H

#include <stddef.h>
#include <stdint.h>

#include "status.h"

/* Borrowed bytes.  `p` may be NULL when `n` is 0. */
typedef struct bdr_str {
  const char *p;
  size_t n;
} bdr_str;

/* A view of a string literal (not of a pointer). */
#define BDR_LIT(s) ((bdr_str){"" s, sizeof(s) - 1})

/* A view of a NUL-terminated string. */
bdr_str bdr_str_of(const char *s);

/* Same bytes? */
int bdr_str_equal(bdr_str a, bdr_str b);

/* Order by unsigned bytes, the shorter first: <0, 0, >0. */
int bdr_str_compare(bdr_str a, bdr_str b);

/* Same ASCII letters whatever their case; other bytes as they are? */
int bdr_str_equal_nocase(bdr_str a, bdr_str b);

/* An ASCII letter made small; every other byte as it is. */
static inline char bdr_lower(char c) {
  return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

/* The front n bytes off *rest into *out (may be NULL); 0 if it is shorter,
** and then nothing changed. */
static inline int bdr_cut(bdr_str *rest, size_t n, bdr_str *out) {
  if (rest->n < n) return 0;
  if (out) {
    out->p = rest->p;
    out->n = n;
  }
  if (n) rest->p += n;
  rest->n -= n;
  return 1;
}

/* Owned, growing bytes.  `p` is NULL until something was added. */
typedef struct bdr_buf {
  char *p;
  size_t n;
  size_t cap;
  bdr_status status;
} bdr_buf;

/* Append; after a failure these do nothing. */
void bdr_buf_add(bdr_buf *b, const char *p, size_t n);
void bdr_buf_adds(bdr_buf *b, bdr_str s);
static inline void bdr_buf_addc(bdr_buf *b, char c) {
  if (b->n < b->cap && b->status == BDR_OK)
    b->p[b->n++] = c;
  else
    bdr_buf_add(b, &c, 1);
}

/* Room for n more bytes, to be written at the returned pointer and then
** taken into the buffer by `b->n += written`; NULL when there is none. */
char *bdr_buf_room(bdr_buf *b, size_t n);

/* BDR_OK, or the first failure (BDR_E_NOMEM). */
bdr_status bdr_buf_status(const bdr_buf *b);

/* What is in it, as a view that lasts until the next change. */
bdr_str bdr_buf_str(const bdr_buf *b);

/* Empty it and forget a failure; the memory is kept for the next use. */
void bdr_buf_clear(bdr_buf *b);

/* Give the memory back; the buffer is empty and usable again. */
void bdr_buf_free(bdr_buf *b);

/* Overwrite with zeros, so that the compiler keeps it; then as _free.
** For buffers that held key material. */
void bdr_buf_wipe(bdr_buf *b);

/* Overwrite n bytes with zeros, so that the compiler keeps it. */
void bdr_wipe(void *p, size_t n);

/* Big-endian integers, at any alignment. */
uint16_t bdr_get16(const char *p);
uint32_t bdr_get32(const char *p);
uint64_t bdr_get64(const char *p);
void bdr_put16(char *p, uint16_t v);
void bdr_put32(char *p, uint32_t v);
void bdr_put64(char *p, uint64_t v);

#endif
