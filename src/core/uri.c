/* see uri.h */
#include "uri.h"

static int is_unreserved(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
         (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' ||
         c == '~';
}

static void encode_byte(unsigned char c, bdr_buf *out) {
  static const char digits[] = "0123456789ABCDEF";
  char escape[3];
  escape[0] = '%';
  escape[1] = digits[c >> 4];
  escape[2] = digits[c & 15];
  bdr_buf_add(out, escape, 3);
}

/* Runs of plain bytes go over in one piece. */
void bdr_uri_encode(bdr_str s, int keep_slash, bdr_buf *out) {
  size_t i, start = 0;
  for (i = 0; i < s.n; i++) {
    if (is_unreserved(s.p[i]) || (keep_slash && s.p[i] == '/')) continue;
    bdr_buf_add(out, s.p + start, i - start);
    encode_byte((unsigned char)s.p[i], out);
    start = i + 1;
  }
  if (s.n) bdr_buf_add(out, s.p + start, s.n - start);
}

int bdr_hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

void bdr_uri_decode(bdr_str s, bdr_buf *out) {
  size_t i;
  for (i = 0; i < s.n; i++) {
    int high = -1, low = -1;
    if (s.p[i] == '%' && s.n - i > 2) {
      high = bdr_hex_digit(s.p[i + 1]);
      low = bdr_hex_digit(s.p[i + 2]);
    }
    if (high < 0 || low < 0) {
      bdr_buf_addc(out, s.p[i]);
    } else {
      bdr_buf_addc(out, (char)(high << 4 | low));
      i += 2;
    }
  }
}
