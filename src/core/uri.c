/* see uri.h */
#include "uri.h"

static int is_unreserved(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
         (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' || c == '~';
}

/* The encoding of `s` at `out`; its end. */
static char *escape(bdr_str s, int keep_slash, char *out) {
  static const char digits[] = "0123456789ABCDEF";
  size_t i;
  for (i = 0; i < s.n; i++) {
    unsigned char c = (unsigned char)s.p[i];
    if (is_unreserved(s.p[i]) || (keep_slash && c == '/')) {
      *out++ = s.p[i];
      continue;
    }
    *out++ = '%';
    *out++ = digits[c >> 4];
    *out++ = digits[c & 15];
  }
  return out;
}

void bdr_uri_encode(bdr_str s, int keep_slash, bdr_buf *out) {
  char *to;
  if (s.n > SIZE_MAX / 8) {
    out->status = BDR_E_NOMEM;
    return;
  }
  to = bdr_buf_room(out, 3 * s.n);
  if (to) out->n += (size_t)(escape(s, keep_slash, to) - to);
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
