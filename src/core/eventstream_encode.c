/* see eventstream.h: the encoder; eventstream.c has the decoder */
#include "crc32.h"
#include "eventstream.h"

#define NAME_MAX_BYTES 255
#define VALUE_MAX_BYTES 32767 /* encoders stop at INT16_MAX */

static void add_number(bdr_buf *out, int64_t number, size_t width) {
  char wire[8];
  bdr_put64(wire, (uint64_t)number);
  bdr_buf_add(out, wire + 8 - width, width);
}

/* Does the number fit a signed integer of that many bytes? */
static int fits(int64_t number, size_t width) {
  int64_t limit;
  if (width == 8) return 1;
  limit = (int64_t)1 << (8 * width - 1);
  return number >= -limit && number < limit;
}

static size_t number_width(bdr_value_type type) {
  switch (type) {
    case BDR_VALUE_BYTE: return 1;
    case BDR_VALUE_SHORT: return 2;
    case BDR_VALUE_INTEGER: return 4;
    default: return 8;
  }
}

static bdr_status add_value(const bdr_message_header *h, bdr_buf *out) {
  switch (h->type) {
    case BDR_VALUE_TRUE:
    case BDR_VALUE_FALSE: return BDR_OK;
    case BDR_VALUE_BYTE:
    case BDR_VALUE_SHORT:
    case BDR_VALUE_INTEGER:
    case BDR_VALUE_LONG:
    case BDR_VALUE_TIMESTAMP:
      if (!fits(h->number, number_width(h->type))) return BDR_E_HEADER;
      add_number(out, h->number, number_width(h->type));
      return BDR_OK;
    case BDR_VALUE_BYTES:
    case BDR_VALUE_STRING:
      if (h->bytes.n > VALUE_MAX_BYTES) return BDR_E_HEADER;
      add_number(out, (int64_t)h->bytes.n, 2);
      break;
    case BDR_VALUE_UUID:
      if (h->bytes.n != 16) return BDR_E_HEADER;
      break;
    default: return BDR_E_HEADER;
  }
  bdr_buf_adds(out, h->bytes);
  return BDR_OK;
}

static int is_repeated(const bdr_message_header *headers, size_t n) {
  size_t i;
  for (i = 0; i < n; i++)
    if (bdr_str_equal(headers[i].name, headers[n].name)) return 1;
  return 0;
}

static bdr_status add_headers(const bdr_message_header *headers, size_t n,
                              bdr_buf *out) {
  size_t i;
  if (n > BDR_EVENTSTREAM_HEADER_COUNT_MAX) return BDR_E_LIMIT;
  for (i = 0; i < n; i++) {
    const bdr_message_header *h = &headers[i];
    bdr_status status;
    if (h->name.n == 0 || h->name.n > NAME_MAX_BYTES || is_repeated(headers, i))
      return BDR_E_HEADER;
    bdr_buf_addc(out, (char)h->name.n);
    bdr_buf_adds(out, h->name);
    bdr_buf_addc(out, (char)h->type);
    status = add_value(h, out);
    if (status != BDR_OK) return status;
  }
  return bdr_buf_status(out);
}

/* Lengths and prelude checksum, once the headers' length is known. */
static void write_prelude(char *p, size_t total, size_t headers) {
  bdr_str lengths = {p, 8};
  bdr_put32(p, (uint32_t)total);
  bdr_put32(p + 4, (uint32_t)headers);
  bdr_put32(p + 8, bdr_crc32(0, lengths));
}

bdr_status bdr_eventstream_encode(const bdr_message_header *headers, size_t n,
                                  bdr_str payload, bdr_buf *out) {
  static const char prelude[12];
  size_t start = out->n, length;
  char crc[4];
  bdr_str covered;
  bdr_status status;
  if (payload.n > BDR_EVENTSTREAM_PAYLOAD_MAX) return BDR_E_LIMIT;
  bdr_buf_add(out, prelude, sizeof prelude);
  status = add_headers(headers, n, out);
  if (status != BDR_OK) return status;
  length = out->n - start - sizeof prelude;
  if (length > BDR_EVENTSTREAM_HEADERS_MAX) return BDR_E_LIMIT;
  bdr_buf_adds(out, payload);
  if (bdr_buf_status(out) != BDR_OK) return BDR_E_NOMEM;
  write_prelude(out->p + start, out->n - start + 4, length);
  covered.p = out->p + start;
  covered.n = out->n - start;
  bdr_put32(crc, bdr_crc32(0, covered));
  bdr_buf_add(out, crc, sizeof crc);
  return bdr_buf_status(out);
}
