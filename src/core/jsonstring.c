/* see jsonstring.h */
#include "jsonstring.h"

#include <string.h>

/* How many bytes lie before the first that `found` marks (at most). */
#if defined(__GNUC__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define BYTES_BEFORE(found) (__builtin_ctzll(found) >> 3)
#else
#define BYTES_BEFORE(found) 0
#endif

#define ONES 0x0101010101010101u
#define HIGHS 0x8080808080808080u

/*
** The high bits of those of eight bytes that are '"', '\\', below 0x20 or
** above 0x7F.  Classic (x - 0x01..) & ~x & 0x80.. zero-byte tests: the lowest
** bit is exact, those above it may be a borrow's.
*/
static uint64_t special(uint64_t eight) {
  uint64_t quote = eight ^ (ONES * '"');
  uint64_t backslash = eight ^ (ONES * '\\');
  uint64_t found = (quote - ONES) & ~quote;
  found |= (backslash - ONES) & ~backslash;
  found |= (eight - ONES * 0x20) & ~eight;
  return (found | eight) & HIGHS;
}

/* The first byte at or after p that a JSON string cannot hold as it is, or
** that is not ASCII; end if there is none. */
static const char *skip_plain(const char *p, const char *end) {
  uint64_t eight, found;
  while (end - p >= 8) {
    memcpy(&eight, p, 8);
    found = special(eight);
    if (found) {
      p += BYTES_BEFORE(found);
      break;
    }
    p += 8;
  }
  while (p < end) {
    unsigned char c = (unsigned char)*p;
    if (c < 0x20 || c > 0x7F || c == '"' || c == '\\') break;
    p++;
  }
  return p;
}

static int is_continuation(char c) { return ((unsigned char)c & 0xC0) == 0x80; }

/*
** Bytes of the UTF-8 sequence at p, 0 if it is none.  The second byte's
** range is what excludes overlong forms, surrogates and values above
** U+10FFFF (The Unicode Standard, table 3-7); `wide` lets surrogates pass.
*/
static size_t sequence_length(const char *p, const char *end, int wide) {
  unsigned char first = (unsigned char)*p, low = 0x80, high = 0xBF;
  size_t n = first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4, i;
  if (first < 0xC2 || first > 0xF4 || (size_t)(end - p) < n) return 0;
  if (first == 0xE0) low = 0xA0;
  if (first == 0xED && !wide) high = 0x9F;
  if (first == 0xF0) low = 0x90;
  if (first == 0xF4) high = 0x8F;
  if ((unsigned char)p[1] < low || (unsigned char)p[1] > high) return 0;
  for (i = 2; i < n; i++)
    if (!is_continuation(p[i])) return 0;
  return n;
}

/* The value of a hexadecimal digit, or -1. */
static int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  c = bdr_lower(c);
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Stop at p and say why. */
static bdr_status stop(const char **at, const char *p, bdr_status status,
                       const char **reason, const char *text) {
  *at = p;
  *reason = text;
  return status;
}

/* *at is at a backslash; moves it past the escape, or to what is wrong. */
static bdr_status skip_escape(const char **at, const char *end,
                              const char **reason) {
  const char *p = *at + 1;
  int i;
  if (p < end && *p != 'u' && *p && strchr("\"\\/bfnrt", *p)) {
    *at = p + 1;
    return BDR_OK;
  }
  if (p == end || *p != 'u')
    return stop(at, p, BDR_E_SYNTAX, reason, "unknown escape");
  for (i = 0, p++; i < 4; i++, p++)
    if (p == end || hex_value(*p) < 0)
      return stop(at, p, BDR_E_SYNTAX, reason,
                  "four hexadecimal digits expected");
  *at = p;
  return BDR_OK;
}

bdr_status bdr_jsonstring_scan(const char **at, const char *end, int *escaped,
                               const char **reason) {
  const char *p = *at;
  bdr_status status;
  size_t n;
  *escaped = 0;
  while ((p = skip_plain(p, end)) < end && *p != '"') {
    if (*p == '\\') {
      *escaped = 1;
      *at = p;
      status = skip_escape(at, end, reason);
      if (status != BDR_OK) return status;
      p = *at;
    } else if ((unsigned char)*p < 0x20) {
      return stop(at, p, BDR_E_SYNTAX, reason,
                  "raw control character in a string");
    } else {
      n = sequence_length(p, end, 0);
      if (n == 0) return stop(at, p, BDR_E_UTF8, reason, "not UTF-8");
      p += n;
    }
  }
  *at = p;
  if (p < end) return BDR_OK;
  return stop(at, p, BDR_E_SYNTAX, reason, "closing quote expected");
}

static uint32_t read_hex4(const char *p) {
  uint32_t v = 0;
  int i;
  for (i = 0; i < 4; i++) v = v << 4 | (uint32_t)hex_value(p[i]);
  return v;
}

#define IS_HIGH_SURROGATE(c) (((c) & 0xFFFFFC00u) == 0xD800)
#define IS_LOW_SURROGATE(c) (((c) & 0xFFFFFC00u) == 0xDC00)

/* c as UTF-8 (surrogates too); one byte past the last. */
static char *put_character(char *out, uint32_t c) {
  static const unsigned char lead[] = {0, 0xC0, 0xE0, 0xF0};
  int more = c < 0x80 ? 0 : c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;
  *out++ = (char)(lead[more] | c >> (6 * more));
  while (more-- > 0) *out++ = (char)(0x80 | (c >> (6 * more) & 0x3F));
  return out;
}

/* The \u escape at *p (past the u), with the low half that may follow it. */
static char *put_escape(char *out, const char **p, const char *end) {
  uint32_t c = read_hex4(*p), low;
  *p += 4;
  if (IS_HIGH_SURROGATE(c) && end - *p >= 6 && (*p)[0] == '\\' &&
      (*p)[1] == 'u') {
    low = read_hex4(*p + 2);
    if (IS_LOW_SURROGATE(low)) {
      c = 0x10000 + ((c - 0xD800) << 10) + (low - 0xDC00);
      *p += 6;
    }
  }
  return put_character(out, c);
}

size_t bdr_jsonstring_unescape(bdr_str text, char *out) {
  const char *p = text.p, *end = p + text.n, *run;
  char *to = out;
  while (p < end) {
    run = memchr(p, '\\', (size_t)(end - p));
    if (!run) run = end;
    memcpy(to, p, (size_t)(run - p));
    to += run - p;
    if (run == end) break;
    p = run + 2;
    switch (run[1]) {
      case 'b': *to++ = '\b'; break;
      case 'f': *to++ = '\f'; break;
      case 'n': *to++ = '\n'; break;
      case 'r': *to++ = '\r'; break;
      case 't': *to++ = '\t'; break;
      case 'u': to = put_escape(to, &p, end); break;
      default: *to++ = run[1];
    }
  }
  return (size_t)(to - out);
}

static void add_unicode_escape(bdr_buf *out, unsigned c) {
  static const char digits[] = "0123456789abcdef";
  char escape[6] = {'\\', 'u'};
  int i;
  for (i = 5; i >= 2; i--, c >>= 4) escape[i] = digits[c & 15];
  bdr_buf_add(out, escape, sizeof escape);
}

static void add_ascii_escape(bdr_buf *out, char c) {
  static const char from[] = "\"\\\b\f\n\r\t", to[] = "\"\\bfnrt";
  const char *found = c ? strchr(from, c) : NULL;
  char escape[2] = {'\\', 0};
  if (!found) {
    add_unicode_escape(out, (unsigned char)c);
    return;
  }
  escape[1] = to[found - from];
  bdr_buf_add(out, escape, sizeof escape);
}

/* The code point of the surrogate that three bytes encode, or 0. */
static unsigned surrogate_at(const char *p, const char *end) {
  if (end - p < 3 || (unsigned char)p[0] != 0xED ||
      (unsigned char)p[1] < 0xA0 || !is_continuation(p[1]) ||
      !is_continuation(p[2]))
    return 0;
  return 0xD000u | ((unsigned)p[1] & 0x3F) << 6 | ((unsigned)p[2] & 0x3F);
}

/*
** Two surrogates that belong together are not WTF-8 (such a pair has four
** bytes), and written as escapes they would come back as other bytes.
*/
static size_t add_surrogate(bdr_buf *out, const char *p, const char *end) {
  unsigned c = surrogate_at(p, end), next = surrogate_at(p + 3, end);
  if (IS_HIGH_SURROGATE(c) && next && IS_LOW_SURROGATE(next)) return 0;
  add_unicode_escape(out, c);
  return 3;
}

/* A string without a byte to look at, which most are: at once. */
static void add_plain(bdr_buf *out, bdr_str s) {
  char *to = bdr_buf_room(out, s.n + 2);
  if (!to) return;
  to[0] = to[s.n + 1] = '"';
  if (s.n) memcpy(to + 1, s.p, s.n);
  out->n += s.n + 2;
}

bdr_status bdr_jsonstring_add(bdr_buf *out, bdr_str s) {
  const char *p = s.n ? s.p : "", *end = p + s.n, *run = p;
  size_t n;
  p = skip_plain(p, end);
  if (p == end) {
    add_plain(out, s);
    return BDR_OK;
  }
  bdr_buf_addc(out, '"');
  while ((p = skip_plain(p, end)) < end) {
    if ((unsigned char)*p < 0x80) {
      bdr_buf_add(out, run, (size_t)(p - run));
      add_ascii_escape(out, *p);
      run = ++p;
      continue;
    }
    n = sequence_length(p, end, 1);
    if (n == 3 && surrogate_at(p, end)) {
      bdr_buf_add(out, run, (size_t)(p - run));
      n = add_surrogate(out, p, end);
      run = p + n;
    }
    if (n == 0) return BDR_E_UTF8;
    p += n;
  }
  bdr_buf_add(out, run, (size_t)(p - run));
  bdr_buf_addc(out, '"');
  return BDR_OK;
}
