/* see base64.h */
#include "base64.h"

static const char alphabet[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static void encode_group(uint32_t bits, char *p) {
  p[0] = alphabet[bits >> 18 & 63];
  p[1] = alphabet[bits >> 12 & 63];
  p[2] = alphabet[bits >> 6 & 63];
  p[3] = alphabet[bits & 63];
}

void bdr_base64_encode(bdr_str raw, bdr_buf *out) {
  const unsigned char *s = (const unsigned char *)raw.p;
  size_t groups = raw.n / 3, left = raw.n % 3, i;
  char *p;
  if (raw.n == 0) return;
  if (groups > SIZE_MAX / 8) {
    out->status = BDR_E_NOMEM;
    return;
  }
  p = bdr_buf_room(out, 4 * (groups + 1));
  if (!p) return;
  for (i = 0; i < groups; i++, s += 3, p += 4)
    encode_group((uint32_t)s[0] << 16 | (uint32_t)s[1] << 8 | s[2], p);
  if (left) {
    encode_group((uint32_t)s[0] << 16 | (left == 2 ? (uint32_t)s[1] << 8 : 0),
                 p);
    if (left == 1) p[2] = '=';
    p[3] = '=';
  }
  out->n += 4 * (groups + (left > 0));
}

/* Value of a letter of the alphabet; 255 for any other byte. */
static const unsigned char values[256] = {
#define NO4 255, 255, 255, 255
#define NO16 NO4, NO4, NO4, NO4
    NO16, NO16, NO4, NO4, 255, 255, 255, 62, 255, 255, 255, 63,
    52, 53, 54, 55, 56, 57, 58, 59, 60, 61, 255, 255, NO4,
    255, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14,
    15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 255, NO4,
    255, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40,
    41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51, 255, NO4,
    NO16, NO16, NO16, NO16, NO16, NO16, NO16, NO16};

/* Whole groups without padding; 0 if a byte is none of the alphabet. */
static int decode_groups(const unsigned char *s, size_t groups, char *p) {
  unsigned bad = 0;
  for (; groups > 0; groups--, s += 4, p += 3) {
    unsigned a = values[s[0]], b = values[s[1]];
    unsigned c = values[s[2]], d = values[s[3]];
    bad |= a | b | c | d;
    p[0] = (char)(a << 2 | b >> 4);
    p[1] = (char)(b << 4 | c >> 2);
    p[2] = (char)(c << 6 | d);
  }
  return bad < 64;
}

bdr_status bdr_base64_decode(bdr_str text, bdr_buf *out) {
  size_t padding = 0;
  unsigned char last[4];
  char tail[3], *p;
  if (text.n == 0) return bdr_buf_status(out);
  if (text.n % 4) return BDR_E_SYNTAX;
  while (padding < 2 && text.p[text.n - 1 - padding] == '=') padding++;
  p = bdr_buf_room(out, text.n / 4 * 3);
  if (!p) return bdr_buf_status(out);
  for (size_t i = 0; i < 4; i++)
    last[i] = (unsigned char)text.p[text.n - 4 + i];
  for (size_t i = 0; i < padding; i++) last[3 - i] = 'A'; /* zero bits */
  if (!decode_groups((const unsigned char *)text.p, text.n / 4 - 1, p) ||
      !decode_groups(last, 1, tail))
    return BDR_E_SYNTAX;
  out->n += (text.n / 4 - 1) * 3;
  bdr_buf_add(out, tail, 3 - padding);
  return bdr_buf_status(out);
}
