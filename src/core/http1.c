/* see http1.h */
#include "http1.h"

#include <string.h>

/* What comes next, in the order of a message; 0 is its first byte. */
enum {
  AT_STATUS_LINE = 0,
  AT_FIELDS,
  AT_LENGTH,     /* a body of `left` bytes */
  AT_CLOSE,      /* a body up to the end of the connection */
  AT_CHUNK_SIZE, /* chunked = *(size CRLF data CRLF) "0" CRLF trailers CRLF */
  AT_CHUNK,
  AT_CHUNK_CR,
  AT_CHUNK_LF,
  AT_TRAILERS,
  AT_END
};

static bdr_status fail(bdr_http1 *p, bdr_status status, const char *why) {
  p->status = status;
  p->why = why;
  return status;
}

static bdr_status refuse(bdr_http1 *p, const char *why) {
  return fail(p, BDR_E_HTTP, why);
}

static int is_digit(char c) { return c >= '0' && c <= '9'; }

/* RFC 9110 5.6.2: what names and methods are made of. */
static int is_token_char(char c) {
  if (is_digit(c) || (bdr_lower(c) >= 'a' && bdr_lower(c) <= 'z')) return 1;
  return c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL;
}

/* RFC 9110 5.5: everything but the controls, of which tab alone may pass. */
static int is_value_char(char c) {
  unsigned char byte = (unsigned char)c;
  return c == '\t' || (byte >= 0x20 && byte != 0x7f);
}

/* A request target: one word of visible ASCII. */
static int is_target_char(char c) { return c > 0x20 && c < 0x7f; }

static int all(bdr_str s, int (*is)(char)) {
  size_t i;
  for (i = 0; i < s.n; i++)
    if (!is(s.p[i])) return 0;
  return 1;
}

static int is_token(bdr_str s) { return s.n > 0 && all(s, is_token_char); }

static bdr_str trim(bdr_str s) {
  while (s.n && (s.p[0] == ' ' || s.p[0] == '\t')) bdr_cut(&s, 1, NULL);
  while (s.n && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\t')) s.n--;
  return s;
}

/* Up to `separator`, which is dropped; 0 if there is none. */
static int cut_at(bdr_str *rest, char separator, bdr_str *out) {
  const char *at = rest->n ? memchr(rest->p, separator, rest->n) : NULL;
  if (!at) return 0;
  bdr_cut(rest, (size_t)(at - rest->p), out);
  bdr_cut(rest, 1, NULL);
  return 1;
}

/*
** The next line without its CRLF, at most `limit` bytes with it.  The limit
** is looked at before the contents, so that the answer to a long bad line
** does not hang on how much of it has come.  The view lives until the next
** call: clearing `line` leaves its bytes where they are.
*/
static bdr_status take_line(bdr_http1 *p, bdr_str *in, size_t limit,
                            bdr_str *line) {
  const char *end = in->n ? memchr(in->p, '\n', in->n) : NULL;
  size_t n = end ? (size_t)(end - in->p) + 1 : in->n;
  if (p->line.n > limit || n > limit - p->line.n)
    return fail(p, BDR_E_LIMIT, "HTTP head or chunk line above its limit");
  bdr_cut(in, n, line);
  if (!end || p->line.n) {
    bdr_buf_adds(&p->line, *line);
    if (bdr_buf_status(&p->line) != BDR_OK)
      return fail(p, BDR_E_NOMEM, bdr_status_text(BDR_E_NOMEM));
    if (!end) return BDR_MORE;
    *line = bdr_buf_str(&p->line);
    bdr_buf_clear(&p->line);
  }
  if (line->n < 2 || line->p[line->n - 2] != '\r')
    return refuse(p, "HTTP line ends in a bare line feed");
  line->n -= 2;
  return BDR_OK;
}

/* A line of the head or the trailers, counted against their limit. */
static bdr_status take_head_line(bdr_http1 *p, bdr_str *in, size_t limit,
                                 bdr_str *line) {
  bdr_status status = take_line(p, in, limit - p->used, line);
  if (status == BDR_OK) p->used += line->n + 2;
  return status;
}

/* "HTTP/1.1 200 OK"; the reason, and the blank before it, may be missing. */
static bdr_status read_status_line(bdr_http1 *p, bdr_str line) {
  bdr_str version, blank, code;
  if (!bdr_cut(&line, 8, &version) ||
      (!bdr_str_equal(version, BDR_LIT("HTTP/1.1")) &&
       !bdr_str_equal(version, BDR_LIT("HTTP/1.0"))))
    return refuse(p, "not an HTTP/1.1 response");
  if (!bdr_cut(&line, 1, &blank) || blank.p[0] != ' ' ||
      !bdr_cut(&line, 3, &code) || !all(code, is_digit) ||
      (line.n && line.p[0] != ' ') || !all(line, is_value_char))
    return refuse(p, "malformed HTTP status line");
  p->minor = version.p[7] - '0';
  p->code = (code.p[0] - '0') * 100 + (code.p[1] - '0') * 10 + code.p[2] - '0';
  if (p->code < 100 || p->code > 599)
    return refuse(p, "HTTP status out of range");
  p->at = AT_FIELDS;
  return BDR_OK;
}

/* "name: value"; no blank before the colon, no folded line (RFC 9112 5). */
static bdr_status read_field(bdr_http1 *p, bdr_str line, bdr_str *name,
                             bdr_str *value) {
  size_t max = p->max_fields ? p->max_fields : BDR_HTTP1_MAX_FIELDS;
  if (line.p[0] == ' ' || line.p[0] == '\t')
    return refuse(p, "folded HTTP header line");
  if (!cut_at(&line, ':', name) || !is_token(*name))
    return refuse(p, "malformed HTTP header name");
  *value = trim(line);
  if (!all(*value, is_value_char))
    return refuse(p, "control character in an HTTP header");
  if (++p->count > max)
    return fail(p, BDR_E_LIMIT, "more HTTP headers than the limit allows");
  return BDR_OK;
}

/* 18 digits: no sum of two such numbers leaves 64 bits. */
static int read_length(bdr_str digits, uint64_t *out) {
  uint64_t n = 0;
  size_t i;
  if (digits.n == 0 || digits.n > 18 || !all(digits, is_digit)) return 0;
  for (i = 0; i < digits.n; i++) n = n * 10 + (uint64_t)(digits.p[i] - '0');
  *out = n;
  return 1;
}

static void note_connection(bdr_http1 *p, bdr_str list) {
  bdr_str item;
  while (list.n) {
    if (!cut_at(&list, ',', &item)) bdr_cut(&list, list.n, &item);
    item = trim(item);
    if (bdr_str_equal_nocase(item, BDR_LIT("close"))) p->close = 1;
    if (bdr_str_equal_nocase(item, BDR_LIT("keep-alive"))) p->keep = 1;
  }
}

/*
** The three fields that say where the message ends and what follows.  A
** length said twice is refused even if both agree; of codings only the bare
** `chunked` is known, for no request of ours names another in TE.
*/
static bdr_status note_field(bdr_http1 *p, bdr_str name, bdr_str value) {
  if (bdr_str_equal_nocase(name, BDR_LIT("content-length"))) {
    if (p->has_length++) return refuse(p, "more than one content-length");
    if (!read_length(value, &p->left))
      return refuse(p, "malformed content-length");
  } else if (bdr_str_equal_nocase(name, BDR_LIT("transfer-encoding"))) {
    if (p->chunked++) return refuse(p, "more than one transfer-encoding");
    if (!bdr_str_equal_nocase(value, BDR_LIT("chunked")))
      return refuse(p, "unknown transfer-encoding");
  } else if (bdr_str_equal_nocase(name, BDR_LIT("connection"))) {
    note_connection(p, value);
  }
  return BDR_OK;
}

/* Neither holds a NUL: both were checked. */
static bdr_status keep_field(bdr_http1 *p, bdr_str name, bdr_str value) {
  size_t i;
  for (i = 0; i < name.n; i++)
    bdr_buf_addc(&p->fields, bdr_lower(name.p[i]));
  bdr_buf_addc(&p->fields, '\0');
  bdr_buf_adds(&p->fields, value);
  bdr_buf_addc(&p->fields, '\0');
  if (bdr_buf_status(&p->fields) == BDR_OK) return BDR_OK;
  return fail(p, BDR_E_NOMEM, bdr_status_text(BDR_E_NOMEM));
}

/*
** 1xx: forgotten, another head follows; `used` goes on, so that they cannot
** come for ever.  Framing fields have no business there (RFC 9110 8.6).
*/
static bdr_status end_interim(bdr_http1 *p) {
  if (p->code == 101) return refuse(p, "HTTP 101 that nobody asked for");
  if (p->has_length || p->chunked)
    return refuse(p, "interim HTTP response with a body");
  bdr_buf_clear(&p->fields);
  p->count = 0;
  p->code = p->close = p->keep = 0;
  p->at = AT_STATUS_LINE;
  return BDR_OK;
}

/* Where the body ends: RFC 9112 section 6.3, in its order. */
static bdr_status end_head(bdr_http1 *p) {
  int bodiless = p->head_only || p->code == 204 || p->code == 304;
  if (p->code < 200) return end_interim(p);
  if (p->chunked && p->has_length)
    return refuse(p, "both content-length and transfer-encoding");
  if (p->chunked && p->minor == 0)
    return refuse(p, "transfer-encoding in an HTTP/1.0 response");
  if (p->code == 204 && (p->chunked || p->left)) p->close = 1;
  if (bodiless) {
    p->at = AT_END;
  } else if (p->chunked) {
    p->at = AT_CHUNK_SIZE;
  } else if (p->has_length) {
    p->at = p->left ? AT_LENGTH : AT_END;
  } else {
    p->at = AT_CLOSE;
    p->close = 1;
  }
  return BDR_OK;
}

static bdr_status read_head_line(bdr_http1 *p, bdr_str line) {
  bdr_str name, value;
  bdr_status status;
  if (p->at == AT_STATUS_LINE) return read_status_line(p, line);
  if (line.n == 0) return end_head(p);
  status = read_field(p, line, &name, &value);
  if (status == BDR_OK) status = note_field(p, name, value);
  if (status == BDR_OK) status = keep_field(p, name, value);
  return status;
}

bdr_status bdr_http1_head(bdr_http1 *p, bdr_str *in) {
  size_t max = p->max_head ? p->max_head : BDR_HTTP1_MAX_HEAD;
  bdr_status status = p->status;
  bdr_str line;
  while (status == BDR_OK && p->at <= AT_FIELDS) {
    status = take_head_line(p, in, max, &line);
    if (status == BDR_OK) status = read_head_line(p, line);
  }
  return status;
}

/* As much of `left` as there is; when all of it was, `next` follows. */
static bdr_status take_counted(bdr_http1 *p, bdr_str *in, bdr_str *out,
                               int next) {
  size_t n = in->n;
  if (n == 0) return BDR_MORE;
  if (n > p->left) n = (size_t)p->left;
  bdr_cut(in, n, out);
  p->left -= n;
  if (p->left == 0) p->at = next;
  return BDR_OK;
}

static int hex_value(char c) {
  if (is_digit(c)) return c - '0';
  c = bdr_lower(c);
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/*
** "1a2b[;extension]".  15 digits stay below 2^60.  Blanks may stand before
** the semicolon (RFC 9112 7.1.1) and nowhere else: readers disagree on what
** "5 " means.  Extensions are read over.
*/
static bdr_status read_chunk_size(bdr_http1 *p, bdr_str line) {
  uint64_t n = 0;
  size_t digits = 0;
  bdr_str extension;
  while (digits < line.n && hex_value(line.p[digits]) >= 0) {
    if (digits == 15) return refuse(p, "HTTP chunk size out of range");
    n = n << 4 | (uint64_t)hex_value(line.p[digits++]);
  }
  bdr_cut(&line, digits, NULL);
  extension = trim(line);
  if (digits == 0 || !all(line, is_value_char) ||
      (line.n && (extension.n == 0 || extension.p[0] != ';')))
    return refuse(p, "malformed HTTP chunk size");
  p->left = n;
  p->at = n ? AT_CHUNK : AT_TRAILERS;
  p->used = p->count = 0;
  return BDR_OK;
}

/* Trailers must be well-formed; none of them means anything here. */
static bdr_status read_trailer(bdr_http1 *p, bdr_str line) {
  bdr_str name, value;
  if (line.n) return read_field(p, line, &name, &value);
  p->at = AT_END;
  return BDR_OK;
}

static bdr_status take_byte(bdr_http1 *p, bdr_str *in, char wanted, int next) {
  bdr_str byte;
  if (!bdr_cut(in, 1, &byte)) return BDR_MORE;
  if (byte.p[0] != wanted)
    return refuse(p, "HTTP chunk longer or shorter than its size");
  p->at = next;
  return BDR_OK;
}

/* One part of the body, or one step to the next part. */
static bdr_status step(bdr_http1 *p, bdr_str *in, bdr_str *out) {
  bdr_status status;
  bdr_str line;
  switch (p->at) {
    case AT_LENGTH: return take_counted(p, in, out, AT_END);
    case AT_CHUNK: return take_counted(p, in, out, AT_CHUNK_CR);
    case AT_CHUNK_CR: return take_byte(p, in, '\r', AT_CHUNK_LF);
    case AT_CHUNK_LF: return take_byte(p, in, '\n', AT_CHUNK_SIZE);
    case AT_CLOSE: return bdr_cut(in, in->n, out), out->n ? BDR_OK : BDR_MORE;
    case AT_CHUNK_SIZE:
      status = take_line(p, in, BDR_HTTP1_MAX_CHUNK_LINE, &line);
      return status == BDR_OK ? read_chunk_size(p, line) : status;
    case AT_TRAILERS:
      status = take_head_line(p, in, BDR_HTTP1_MAX_TRAILERS, &line);
      return status == BDR_OK ? read_trailer(p, line) : status;
    default: return BDR_END;
  }
}

bdr_status bdr_http1_body(bdr_http1 *p, bdr_str *in, bdr_str *out) {
  bdr_status status = bdr_http1_head(p, in);
  out->p = NULL;
  out->n = 0;
  while (status == BDR_OK && out->n == 0) status = step(p, in, out);
  return status;
}

bdr_status bdr_http1_finish(bdr_http1 *p) {
  if (p->status != BDR_OK) return p->status;
  if (p->at == AT_CLOSE) p->at = AT_END;
  if (p->at == AT_END) return BDR_OK;
  return fail(p, BDR_E_HTTP_CUT, bdr_status_text(BDR_E_HTTP_CUT));
}

int bdr_http1_done(const bdr_http1 *p) {
  return p->status == BDR_OK && p->at == AT_END;
}

int bdr_http1_keep_alive(const bdr_http1 *p, bdr_str rest) {
  if (!bdr_http1_done(p) || rest.n || p->close) return 0;
  return p->minor == 1 || p->keep;
}

int bdr_http1_code(const bdr_http1 *p) {
  return p->at > AT_FIELDS ? p->code : 0;
}

int bdr_http1_field(const bdr_http1 *p, size_t *at, bdr_str *name,
                    bdr_str *value) {
  bdr_str rest = bdr_buf_str(&p->fields);
  if (p->at <= AT_FIELDS || !bdr_cut(&rest, *at, NULL)) return 0;
  if (!cut_at(&rest, '\0', name) || !cut_at(&rest, '\0', value)) return 0;
  *at = p->fields.n - rest.n;
  return 1;
}

const char *bdr_http1_why(const bdr_http1 *p) {
  return p->why ? p->why : bdr_status_text(p->status);
}

void bdr_http1_free(bdr_http1 *p) {
  bdr_http1 empty;
  memset(&empty, 0, sizeof empty);
  empty.max_head = p->max_head;
  empty.max_fields = p->max_fields;
  empty.head_only = p->head_only;
  bdr_buf_free(&p->line);
  bdr_buf_free(&p->fields);
  *p = empty;
}

static int named_before(const bdr_http1_request *r, size_t i) {
  size_t j;
  for (j = 0; j < i; j++)
    if (bdr_str_equal_nocase(r->fields[j].name, r->fields[i].name)) return 1;
  return 0;
}

/* What is wrong with field i, or NULL. */
static const char *field_fault(const bdr_http1_request *r, size_t i) {
  const bdr_http1_pair *field = &r->fields[i];
  uint64_t length;
  if (!is_token(field->name)) return "malformed name of a request header";
  if (!all(field->value, is_value_char))
    return "control character in a request header";
  if (named_before(r, i)) return "a request header is given twice";
  if (bdr_str_equal_nocase(field->name, BDR_LIT("transfer-encoding")))
    return "a request takes no transfer-encoding";
  if (bdr_str_equal_nocase(field->name, BDR_LIT("content-length")) &&
      !(r->has_body && read_length(field->value, &length) &&
        length == r->body_length))
    return "content-length is not the body's";
  return NULL;
}

static int has_field(const bdr_http1_request *r, bdr_str name) {
  size_t i;
  for (i = 0; i < r->count; i++)
    if (bdr_str_equal_nocase(r->fields[i].name, name)) return 1;
  return 0;
}

static const char *request_fault(const bdr_http1_request *r) {
  const char *why = NULL;
  size_t i;
  if (!is_token(r->method)) return "malformed request method";
  if (r->target.n == 0 || !all(r->target, is_target_char))
    return "malformed request target";
  for (i = 0; i < r->count && !why; i++) why = field_fault(r, i);
  if (!why && !has_field(r, BDR_LIT("host"))) why = "a request needs a host";
  return why;
}

static void add_pair(bdr_buf *out, bdr_str name, bdr_str value) {
  bdr_buf_adds(out, name);
  bdr_buf_adds(out, BDR_LIT(": "));
  bdr_buf_adds(out, value);
  bdr_buf_adds(out, BDR_LIT("\r\n"));
}

/* Written from the right into a buffer that the longest number fills. */
static void add_length(bdr_buf *out, uint64_t n) {
  char digits[20];
  size_t at = sizeof digits;
  bdr_str text;
  do {
    digits[--at] = (char)('0' + n % 10);
    n /= 10;
  } while (n);
  text.p = digits + at;
  text.n = sizeof digits - at;
  add_pair(out, BDR_LIT("content-length"), text);
}

bdr_status bdr_http1_request_head(bdr_http1_request *request, bdr_buf *out) {
  size_t i;
  request->why = request_fault(request);
  if (request->why) return BDR_E_ARG;
  bdr_buf_adds(out, request->method);
  bdr_buf_addc(out, ' ');
  bdr_buf_adds(out, request->target);
  bdr_buf_adds(out, BDR_LIT(" HTTP/1.1\r\n"));
  for (i = 0; i < request->count; i++)
    add_pair(out, request->fields[i].name, request->fields[i].value);
  if (request->has_body && !has_field(request, BDR_LIT("content-length")))
    add_length(out, request->body_length);
  bdr_buf_adds(out, BDR_LIT("\r\n"));
  return bdr_buf_status(out);
}
