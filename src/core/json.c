/* see json.h */
#include "json.h"

#include <math.h>

#include "decimal.h"
#include "jsonstring.h"

/* What may follow; zero is where a text begins. */
enum { VALUE, FIRST_ELEMENT, FIRST_KEY, COMMA_OR_CLOSE };

void bdr_json_open(bdr_json *j, bdr_str text) {
  j->start = j->at = text.n ? text.p : "";
  j->end = j->start + text.n;
  j->reason = "";
  j->status = BDR_OK;
  j->depth = 0;
  j->expect = VALUE;
}

size_t bdr_json_offset(const bdr_json *j) { return (size_t)(j->at - j->start); }

/* Stop for good at p. */
static bdr_status fail(bdr_json *j, const char *p, bdr_status status,
                       const char *reason) {
  j->at = p;
  j->reason = p == j->end ? "unexpected end of text" : reason;
  return j->status = status;
}

static bdr_status fail_syntax(bdr_json *j, const char *p, const char *reason) {
  return fail(j, p, BDR_E_SYNTAX, reason);
}

/* A string at the opening quote; fills text and escaped. */
static bdr_status read_string(bdr_json *j, bdr_json_token *t) {
  const char *p = j->at + 1;
  const char *reason = "";
  bdr_status status = bdr_jsonstring_scan(&p, j->end, &t->escaped, &reason);
  if (status != BDR_OK) return fail(j, p, status, reason);
  t->text.p = j->at + 1;
  t->text.n = (size_t)(p - t->text.p);
  j->at = p + 1;
  return BDR_OK;
}

/* Past the decimal digits at p, which are appended to *digits (modulo 2^64,
** so that the caller has to count them). */
static const char *read_digits(const char *p, const char *end,
                               uint64_t *digits) {
  uint64_t sum = *digits;
  for (; p < end && *p >= '0' && *p <= '9'; p++)
    sum = sum * 10 + (uint64_t)(*p - '0');
  *digits = sum;
  return p;
}

/* 10^19 - 1 is the largest row of nines that fits 64 bits. */
#define SAFE_DIGITS 19

/* The text from j->at to p is a number without fraction or exponent. */
static bdr_status take_integer(bdr_json *j, const char *p, uint64_t digits,
                               bdr_json_token *t) {
  int negative = *j->at == '-';
  uint64_t max = (uint64_t)INT64_MAX + (uint64_t)negative;
  t->text.p = j->at;
  t->text.n = (size_t)(p - j->at);
  if (t->text.n <= (size_t)(SAFE_DIGITS + negative) && digits <= max &&
      !(negative && digits == 0)) {
    t->kind = BDR_JSON_INTEGER;
    t->integer = negative ? (int64_t)(0 - digits) : (int64_t)digits;
  } else {
    t->kind = BDR_JSON_REAL;
    t->real = bdr_decimal_read(t->text);
    if (isinf(t->real))
      return fail(j, j->at, BDR_E_LIMIT, "number too large for a double");
  }
  j->at = p;
  return BDR_OK;
}

/* The text from j->at to p is a number; `few` if d holds all its digits. */
static bdr_status take_real(bdr_json *j, const char *p, int few, bdr_decimal d,
                            bdr_json_token *t) {
  t->kind = BDR_JSON_REAL;
  t->text.p = j->at;
  t->text.n = (size_t)(p - j->at);
  if (few) {
    t->real = bdr_decimal_value(d);
    if (*j->at == '-') t->real = -t->real;
  } else {
    t->real = bdr_decimal_read(t->text);
  }
  if (isinf(t->real))
    return fail(j, j->at, BDR_E_LIMIT, "number too large for a double");
  j->at = p;
  return BDR_OK;
}

static int is_exponent_mark(const char *p, const char *end) {
  return p < end && (*p == 'e' || *p == 'E');
}

/* A number at '-' or a digit.  Exponents of more than four digits are left to
** bdr_decimal_read(), as is everything that does not fit 64 bits. */
static bdr_status read_number(bdr_json *j, bdr_json_token *t) {
  const char *p = j->at + (*j->at == '-'), *first = p, *from;
  bdr_decimal d = {0, 0};
  uint64_t exponent = 0;
  int few, negative;
  p = read_digits(p, j->end, &d.digits);
  if (p == first) return fail_syntax(j, p, "digit expected");
  if (*first == '0' && p > first + 1)
    return fail_syntax(j, first + 1, "number with a leading zero");
  if (!is_exponent_mark(p, j->end) && (p == j->end || *p != '.'))
    return take_integer(j, p, d.digits, t);
  few = p - first <= SAFE_DIGITS;
  if (*p == '.') {
    from = ++p;
    p = read_digits(p, j->end, &d.digits);
    if (p == from) return fail_syntax(j, p, "digit expected");
    few = p - first <= SAFE_DIGITS + 1;
    d.exponent = few ? -(int)(p - from) : 0;
  }
  if (is_exponent_mark(p, j->end)) {
    p++;
    negative = p < j->end && *p == '-';
    if (p < j->end && (*p == '-' || *p == '+')) p++;
    from = p;
    p = read_digits(p, j->end, &exponent);
    if (p == from) return fail_syntax(j, p, "digit expected");
    few = few && p - from <= 4;
    if (few) d.exponent += negative ? -(int)exponent : (int)exponent;
  }
  return take_real(j, p, few, d, t);
}

static bdr_status read_word(bdr_json *j, bdr_json_token *t, bdr_str word,
                            bdr_json_kind kind) {
  size_t i;
  for (i = 0; i < word.n; i++)
    if (j->at + i == j->end || j->at[i] != word.p[i])
      return fail_syntax(j, j->at + i, "value expected");
  j->at += word.n;
  t->kind = kind;
  return BDR_OK;
}

static bdr_status open_container(bdr_json *j, bdr_json_token *t,
                                 bdr_json_kind kind) {
  if (j->depth == BDR_JSON_MAX_DEPTH)
    return fail(j, j->at, BDR_E_DEPTH, "nested too deeply");
  j->kinds[j->depth++] = (unsigned char)kind;
  j->expect = kind == BDR_JSON_ARRAY ? FIRST_ELEMENT : FIRST_KEY;
  j->at++;
  t->kind = kind;
  return BDR_OK;
}

static bdr_status close_container(bdr_json *j, bdr_json_token *t,
                                  bdr_json_kind kind) {
  j->depth--;
  j->expect = COMMA_OR_CLOSE;
  j->at++;
  t->kind = kind;
  return BDR_OK;
}

static bdr_status read_value(bdr_json *j, bdr_json_token *t) {
  j->expect = COMMA_OR_CLOSE;
  switch (j->at < j->end ? *j->at : 0) {
    case '"': t->kind = BDR_JSON_STRING; return read_string(j, t);
    case '{': return open_container(j, t, BDR_JSON_OBJECT);
    case '[': return open_container(j, t, BDR_JSON_ARRAY);
    case 't': return read_word(j, t, BDR_LIT("true"), BDR_JSON_TRUE);
    case 'f': return read_word(j, t, BDR_LIT("false"), BDR_JSON_FALSE);
    case 'n': return read_word(j, t, BDR_LIT("null"), BDR_JSON_NULL);
    case '-': case '0': case '1': case '2': case '3': case '4':
    case '5': case '6': case '7': case '8': case '9':
      return read_number(j, t);
    default: return fail_syntax(j, j->at, "value expected");
  }
}

static void skip_space(bdr_json *j) {
  const char *p = j->at;
  while (p < j->end && (*p == ' ' || *p == '\n' || *p == '\r' || *p == '\t'))
    p++;
  j->at = p;
}

/* Is c next?  It stays where it is. */
static int next_is(const bdr_json *j, char c) {
  return j->at < j->end && *j->at == c;
}

/* A member's name and its colon. */
static bdr_status read_key(bdr_json *j, bdr_json_token *t) {
  bdr_status status;
  if (!next_is(j, '"')) return fail_syntax(j, j->at, "member name expected");
  t->kind = BDR_JSON_KEY;
  status = read_string(j, t);
  if (status != BDR_OK) return status;
  skip_space(j);
  if (!next_is(j, ':')) return fail_syntax(j, j->at, "':' expected");
  j->at++;
  j->expect = VALUE;
  return BDR_OK;
}

/* After a value: the end of the text, of the container, or a comma and what
** follows it. */
static bdr_status read_more(bdr_json *j, bdr_json_token *t) {
  int in_object;
  if (j->depth == 0) {
    if (j->at < j->end)
      return fail_syntax(j, j->at, "end of text expected");
    return j->status = BDR_END;
  }
  in_object = j->kinds[j->depth - 1] == BDR_JSON_OBJECT;
  if (next_is(j, ',')) {
    j->at++;
    skip_space(j);
    return in_object ? read_key(j, t) : read_value(j, t);
  }
  if (in_object) {
    if (next_is(j, '}')) return close_container(j, t, BDR_JSON_OBJECT_END);
    return fail_syntax(j, j->at, "',' or '}' expected");
  }
  if (next_is(j, ']')) return close_container(j, t, BDR_JSON_ARRAY_END);
  return fail_syntax(j, j->at, "',' or ']' expected");
}

bdr_status bdr_json_next(bdr_json *j, bdr_json_token *t) {
  if (j->status != BDR_OK) return j->status;
  skip_space(j);
  switch (j->expect) {
    case COMMA_OR_CLOSE: return read_more(j, t);
    case FIRST_KEY:
      if (next_is(j, '}')) return close_container(j, t, BDR_JSON_OBJECT_END);
      return read_key(j, t);
    case FIRST_ELEMENT:
      if (next_is(j, ']')) return close_container(j, t, BDR_JSON_ARRAY_END);
      return read_value(j, t);
    default: return read_value(j, t);
  }
}

/* v's digits right-aligned before `end`; where they begin. */
static char *put_digits(char *end, uint64_t v) {
  do *--end = (char)('0' + v % 10);
  while ((v /= 10) != 0);
  return end;
}

void bdr_json_add_integer(bdr_buf *out, int64_t v) {
  char text[24], *end = text + sizeof text;
  char *p = put_digits(end, v < 0 ? 0 - (uint64_t)v : (uint64_t)v);
  if (v < 0) *--p = '-';
  bdr_buf_add(out, p, (size_t)(end - p));
}

static void add_zeros(bdr_buf *out, int n) {
  while (n-- > 0) bdr_buf_addc(out, '0');
}

/* digits with the point after the first `whole` of them (whole may be
** outside of the digits). */
static void add_plain(bdr_buf *out, bdr_str digits, int whole) {
  int n = (int)digits.n;
  if (whole <= 0) {
    bdr_buf_adds(out, BDR_LIT("0."));
    add_zeros(out, -whole);
    bdr_buf_adds(out, digits);
  } else if (whole >= n) {
    bdr_buf_adds(out, digits);
    add_zeros(out, whole - n);
    bdr_buf_adds(out, BDR_LIT(".0"));
  } else {
    bdr_buf_add(out, digits.p, (size_t)whole);
    bdr_buf_addc(out, '.');
    bdr_buf_add(out, digits.p + whole, (size_t)(n - whole));
  }
}

static void add_scientific(bdr_buf *out, bdr_str digits, int exponent) {
  bdr_buf_addc(out, digits.p[0]);
  if (digits.n > 1) {
    bdr_buf_addc(out, '.');
    bdr_buf_add(out, digits.p + 1, digits.n - 1);
  }
  bdr_buf_addc(out, 'e');
  bdr_json_add_integer(out, exponent);
}

/* Plain between 1e-5 and 1e16, the range in which Python's repr is too. */
bdr_status bdr_json_add_real(bdr_buf *out, double v) {
  char text[24], *end = text + sizeof text;
  bdr_decimal d;
  bdr_str digits;
  int whole;
  if (!isfinite(v)) return BDR_E_ARG;
  if (signbit(v)) bdr_buf_addc(out, '-');
  d = bdr_decimal_shortest(signbit(v) ? -v : v);
  digits.p = put_digits(end, d.digits);
  digits.n = (size_t)(end - digits.p);
  whole = (int)digits.n + d.exponent;
  if (whole > -4 && whole <= 16)
    add_plain(out, digits, whole);
  else
    add_scientific(out, digits, whole - 1);
  return BDR_OK;
}
