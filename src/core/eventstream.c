/* see eventstream.h: the decoder; eventstream_encode.c has the encoder */
#include "eventstream.h"

#include "crc32.h"

#define PRELUDE 12

/*
** The checksum first (until then the lengths are noise), then the minimum;
** only after that may the overhead be subtracted without wrapping.
*/
static bdr_status check_prelude(const bdr_eventstream *d, const char *p,
                                size_t *total) {
  bdr_str lengths = {p, 8};
  size_t max = d->max_message ? d->max_message : BDR_EVENTSTREAM_MESSAGE_MAX;
  uint32_t length = bdr_get32(p), headers = bdr_get32(p + 4);
  if (bdr_crc32(0, lengths) != bdr_get32(p + 8)) return BDR_E_PRELUDE_CRC;
  if (length < BDR_EVENTSTREAM_OVERHEAD) return BDR_E_FRAME;
  if (headers > length - BDR_EVENTSTREAM_OVERHEAD) return BDR_E_FRAME;
  if (length > max) return BDR_E_LIMIT;
  *total = length;
  return BDR_OK;
}

/* Value lengths by type 0..9; -1: a 16-bit length follows. */
static const signed char value_length[] = {0, 0, 1, 2, 4, 8, -1, -1, 8, 16};

/* Two's complement of the big-endian integer in s (1, 2, 4 or 8 bytes). */
static int64_t signed_number(bdr_str s) {
  switch (s.n) {
    case 1: return (int8_t)s.p[0];
    case 2: return (int16_t)bdr_get16(s.p);
    case 4: return (int32_t)bdr_get32(s.p);
    default: return (int64_t)bdr_get64(s.p);
  }
}

static int cut_length(bdr_str *rest, size_t width, size_t *n) {
  bdr_str field;
  if (!bdr_cut(rest, width, &field)) return 0;
  *n = width == 1 ? (unsigned char)field.p[0] : bdr_get16(field.p);
  return 1;
}

bdr_status bdr_message_header_next(bdr_str *rest, bdr_message_header *h) {
  bdr_str type;
  size_t n;
  unsigned code;
  if (rest->n == 0) return BDR_END;
  if (!cut_length(rest, 1, &n) || n == 0 || !bdr_cut(rest, n, &h->name) ||
      !bdr_cut(rest, 1, &type))
    return BDR_E_HEADER;
  code = (unsigned char)type.p[0];
  if (code >= sizeof value_length) return BDR_E_HEADER;
  h->type = (bdr_value_type)code;
  n = (size_t)value_length[code];
  if (value_length[code] < 0 && !cut_length(rest, 2, &n)) return BDR_E_HEADER;
  if (!bdr_cut(rest, n, &h->bytes)) return BDR_E_HEADER;
  h->number = h->type == BDR_VALUE_TRUE;
  if (h->type >= BDR_VALUE_BYTE && h->type != BDR_VALUE_BYTES &&
      h->type != BDR_VALUE_STRING && h->type != BDR_VALUE_UUID)
    h->number = signed_number(h->bytes);
  return BDR_OK;
}

/* Is `name` among the first `n` headers?  All of them were read before. */
static int is_duplicate(bdr_str headers, size_t n, bdr_str name) {
  bdr_message_header h;
  while (n-- > 0 && bdr_message_header_next(&headers, &h) == BDR_OK)
    if (bdr_str_equal(h.name, name)) return 1;
  return 0;
}

static bdr_status check_headers(bdr_str headers) {
  bdr_str rest = headers;
  bdr_message_header h;
  bdr_status status;
  size_t n = 0;
  while ((status = bdr_message_header_next(&rest, &h)) == BDR_OK) {
    if (n == BDR_EVENTSTREAM_HEADER_COUNT_MAX) return BDR_E_LIMIT;
    if (is_duplicate(headers, n++, h.name)) return BDR_E_HEADER;
  }
  return status == BDR_END ? BDR_OK : status;
}

/* Longer header blocks are read through each time they come. */
#define KNOWN_MAX 1024

/*
** Nearly every message of a stream has the headers of the one before it:
** those were read through already.  Nothing is like an empty `known`: it
** stands for a block that was too long to keep.
*/
static bdr_status check_message(bdr_eventstream *d, bdr_message *m) {
  bdr_status status;
  m->alike =
      d->known.n && bdr_str_equal(m->headers, bdr_buf_str(&d->known));
  if (m->alike) return BDR_OK;
  status = check_headers(m->headers);
  bdr_buf_clear(&d->known);
  if (status == BDR_OK && m->headers.n <= KNOWN_MAX)
    bdr_buf_adds(&d->known, m->headers);
  return status;
}

/* A whole message at `p`, its prelude already checked. */
static bdr_status open_message(bdr_eventstream *d, const char *p, size_t total,
                               bdr_message *m) {
  bdr_str covered = {p, total - 4};
  size_t headers = bdr_get32(p + 4);
  if (bdr_crc32(0, covered) != bdr_get32(p + total - 4))
    return BDR_E_MESSAGE_CRC;
  m->headers.p = p + PRELUDE;
  m->headers.n = headers;
  m->payload.p = p + PRELUDE + headers;
  m->payload.n = total - BDR_EVENTSTREAM_OVERHEAD - headers;
  return check_message(d, m);
}

/* Move bytes from the input until `partial` holds `n` of them. */
static bdr_status gather(bdr_eventstream *d, size_t n) {
  bdr_str piece;
  size_t missing = n - d->partial.n;
  if (missing > d->input.n) missing = d->input.n;
  bdr_cut(&d->input, missing, &piece);
  bdr_buf_adds(&d->partial, piece);
  if (bdr_buf_status(&d->partial) != BDR_OK) return BDR_E_NOMEM;
  return d->partial.n < n ? BDR_MORE : BDR_OK;
}

/* The message that began in an earlier feed. */
static bdr_status next_partial(bdr_eventstream *d, bdr_message *m) {
  bdr_status status;
  if (d->total == 0) {
    status = gather(d, PRELUDE);
    if (status == BDR_OK) status = check_prelude(d, d->partial.p, &d->total);
    if (status != BDR_OK) return status;
  }
  status = gather(d, d->total);
  if (status != BDR_OK) return status;
  d->handed_out = 1;
  return open_message(d, d->partial.p, d->total, m);
}

/* A message that lies whole in the input needs no copy. */
static bdr_status next_whole(bdr_eventstream *d, bdr_message *m) {
  bdr_str whole;
  size_t total;
  bdr_status status;
  if (d->input.n < PRELUDE) return next_partial(d, m);
  status = check_prelude(d, d->input.p, &total);
  if (status != BDR_OK) return status;
  if (!bdr_cut(&d->input, total, &whole)) return next_partial(d, m);
  return open_message(d, whole.p, total, m);
}

static void drop_handed_out(bdr_eventstream *d) {
  if (!d->handed_out) return;
  d->handed_out = 0;
  d->total = 0;
  if (d->partial.cap > (size_t)1 << 20)
    bdr_buf_free(&d->partial); /* one huge message does not stay for ever */
  else
    bdr_buf_clear(&d->partial);
}

bdr_status bdr_eventstream_next(bdr_eventstream *d, bdr_message *m) {
  bdr_status status;
  if (d->status != BDR_OK) return d->status;
  drop_handed_out(d);
  status = d->partial.n ? next_partial(d, m) : next_whole(d, m);
  if (status < BDR_OK) d->status = status;
  return status;
}

bdr_status bdr_eventstream_feed(bdr_eventstream *d, bdr_str bytes) {
  if (d->status != BDR_OK) return d->status;
  if (d->input.n) return BDR_E_ARG;
  drop_handed_out(d);
  d->input = bytes;
  return BDR_OK;
}

bdr_status bdr_eventstream_finish(bdr_eventstream *d) {
  if (d->status != BDR_OK) return d->status;
  drop_handed_out(d);
  if (d->input.n || d->partial.n) d->status = BDR_E_TRUNCATED;
  return d->status;
}

void bdr_eventstream_free(bdr_eventstream *d) {
  bdr_eventstream empty = {0};
  bdr_buf_free(&d->partial);
  bdr_buf_free(&d->known);
  *d = empty;
}
