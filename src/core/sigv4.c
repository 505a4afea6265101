/* see sigv4.h */
#include "sigv4.h"

#include <string.h>

#include "uri.h"

#define ALGORITHM "AWS4-HMAC-SHA256"

/* Drop the last segment and its slash: what ".." asks for. */
static void drop_segment(bdr_buf *path) {
  while (path->n > 0 && path->p[--path->n] != '/') continue;
}

/* Does no segment begin with a dot, and is none empty?  Such a path, which
** most are, is its own normal form. */
static int is_normal(bdr_str path) {
  size_t i;
  if (path.p[0] != '/') return 0;
  for (i = 1; i < path.n; i++)
    if (path.p[i - 1] == '/' && (path.p[i] == '/' || path.p[i] == '.'))
      return 0;
  return 1;
}

/* RFC 3986 section 5.2.4, and runs of slashes become one. */
static void add_normal_path(bdr_str path, bdr_buf *out) {
  size_t i = 0, end;
  while (i < path.n) {
    bdr_str segment;
    while (i < path.n && path.p[i] == '/') i++;
    for (end = i; end < path.n && path.p[end] != '/';) end++;
    segment.p = path.p + i;
    segment.n = end - i;
    i = end;
    if (bdr_str_equal(segment, BDR_LIT(".."))) {
      drop_segment(out);
    } else if (segment.n && !bdr_str_equal(segment, BDR_LIT("."))) {
      bdr_buf_addc(out, '/');
      bdr_buf_adds(out, segment);
    }
  }
  if (out->n == 0 || path.p[path.n - 1] == '/') bdr_buf_addc(out, '/');
}

/*
** The wire's path, encoded once more: "%3A" is signed as "%253A" (every
** service but S3 does so).
*/
static bdr_status add_path(const bdr_sigv4_request *r, bdr_buf *out) {
  bdr_buf normal = {0};
  bdr_str path = r->path.n ? r->path : BDR_LIT("/");
  bdr_status status;
  if (!r->keep_path && !is_normal(path)) {
    add_normal_path(path, &normal);
    path = bdr_buf_str(&normal);
  }
  bdr_uri_encode(path, 1, out);
  status = bdr_buf_status(&normal);
  bdr_buf_free(&normal);
  return status;
}

typedef struct parameter {
  bdr_str name, value;
} parameter;

static bdr_str canonical_piece(bdr_str piece, bdr_buf *decoded, bdr_buf *out) {
  bdr_str result;
  size_t start = out->n;
  decoded->n = 0; /* not _clear, which would forget a failure */
  bdr_uri_decode(piece, decoded);
  bdr_uri_encode(bdr_buf_str(decoded), 0, out);
  result.p = out->p + start;
  result.n = out->n - start;
  return result;
}

/* Up to the first `mark`; the rest after it stays in *rest. */
static bdr_str cut_at(bdr_str *rest, char mark) {
  const char *found = rest->n ? memchr(rest->p, mark, rest->n) : NULL;
  bdr_str piece = *rest;
  if (!found) {
    rest->n = 0;
    return piece;
  }
  piece.n = (size_t)(found - rest->p);
  bdr_cut(rest, piece.n + 1, NULL);
  return piece;
}

static int compare_parameters(const parameter *a, const parameter *b) {
  int order = bdr_str_compare(a->name, b->name);
  return order ? order : bdr_str_compare(a->value, b->value);
}

/* Insertion sort: stable, and a request has a handful of parameters. */
static void insert_parameter(parameter *list, size_t n, parameter item) {
  while (n > 0 && compare_parameters(&list[n - 1], &item) > 0) {
    list[n] = list[n - 1];
    n--;
  }
  list[n] = item;
}

static void write_parameters(const parameter *list, size_t n, bdr_buf *out) {
  size_t i;
  for (i = 0; i < n; i++) {
    if (i > 0) bdr_buf_addc(out, '&');
    bdr_buf_adds(out, list[i].name);
    bdr_buf_addc(out, '=');
    bdr_buf_adds(out, list[i].value);
  }
}

static size_t count_char(bdr_str s, char c) {
  size_t i, n = 0;
  for (i = 0; i < s.n; i++) n += s.p[i] == c;
  return n;
}

/*
** Sorted by encoded name, then by encoded value; a name without a value
** gets its '='.  `text` is reserved whole beforehand (a byte becomes three
** at most), so that the views into it stay where they are.
*/
static bdr_status add_query(bdr_str query, bdr_buf *out) {
  bdr_buf text = {0}, decoded = {0}, list = {0};
  size_t most = count_char(query, '&') + 1, n = 0;
  parameter *parameters;
  bdr_status status = BDR_OK;
  if (query.n == 0) return BDR_OK;
  if (query.n > SIZE_MAX / (4 * sizeof *parameters)) return BDR_E_NOMEM;
  parameters =
      (parameter *)(void *)bdr_buf_room(&list, most * sizeof *parameters);
  if (!bdr_buf_room(&text, 3 * query.n) || !parameters) status = BDR_E_NOMEM;
  while (status == BDR_OK && query.n) {
    bdr_str pair = cut_at(&query, '&');
    parameter item;
    if (pair.n == 0) continue;
    item.name = canonical_piece(cut_at(&pair, '='), &decoded, &text);
    item.value = canonical_piece(pair, &decoded, &text);
    insert_parameter(parameters, n++, item);
    status = bdr_buf_status(&decoded);
  }
  if (status == BDR_OK) write_parameters(parameters, n, out);
  bdr_buf_free(&text);
  bdr_buf_free(&decoded);
  bdr_buf_free(&list);
  return status;
}

/*
** Sent, but never signed: hop-by-hop (RFC 9110, 7.6.1) and what proxies or
** tracing rewrite on the way.  The list is that of AWS's SDKs.
*/
static int is_signed(bdr_str name) {
  static const char *const unsigned_names[] = {
      "authorization", "cache-control",       "connection",
      "expect",        "keep-alive",          "max-forwards",
      "pragma",        "proxy-authorization", "proxy-authenticate",
      "referer",       "te",                  "trailer",
      "upgrade",       "transfer-encoding",   "user-agent",
      "x-amzn-trace-id"};
  char first = name.n ? bdr_lower(name.p[0]) : '\0';
  size_t i;
  for (i = 0; i < sizeof unsigned_names / sizeof *unsigned_names; i++)
    if (unsigned_names[i][0] == first &&
        bdr_str_equal_nocase(name, bdr_str_of(unsigned_names[i])))
      return 0;
  return 1;
}

static int compare_names(bdr_str a, bdr_str b) {
  size_t i, common = a.n < b.n ? a.n : b.n;
  for (i = 0; i < common; i++) {
    int order = (unsigned char)bdr_lower(a.p[i]) -
                (unsigned char)bdr_lower(b.p[i]);
    if (order) return order;
  }
  return (a.n > b.n) - (a.n < b.n);
}

/* Stable, so that values of one name keep the order they are sent in. */
static void sort_headers(bdr_header *list, size_t n) {
  size_t i, j;
  for (i = 1; i < n; i++) {
    bdr_header item = list[i];
    for (j = i; j > 0 && compare_names(list[j - 1].name, item.name) > 0; j--)
      list[j] = list[j - 1];
    list[j] = item;
  }
}

/* In small letters, to `names` and to `out`. */
static void add_name(bdr_str name, bdr_buf *names, bdr_buf *out) {
  char *to = bdr_buf_room(names, name.n);
  size_t i;
  if (!to) return;
  for (i = 0; i < name.n; i++) to[i] = bdr_lower(name.p[i]);
  names->n += name.n;
  bdr_buf_add(out, to, name.n);
}

static int is_blank(char c) { return c == ' ' || c == '\t'; }

/* Trimmed, and each run of blanks inside it made one space. */
static bdr_status add_value(bdr_str value, bdr_buf *out) {
  char *to = bdr_buf_room(out, value.n);
  size_t i = 0, n = 0;
  if (!to) return bdr_buf_status(out);
  while (value.n && is_blank(value.p[value.n - 1])) value.n--;
  while (i < value.n && is_blank(value.p[i])) i++;
  for (; i < value.n; i++) {
    char c = value.p[i];
    if ((unsigned char)c > ' ') { /* as most are */
      to[n++] = c;
      continue;
    }
    if (c == '\r' || c == '\n' || c == '\0') return BDR_E_ARG;
    if (is_blank(c) && is_blank(value.p[i + 1])) continue;
    to[n++] = is_blank(c) ? ' ' : c;
  }
  out->n += n;
  return BDR_OK;
}

static bdr_status add_headers(const bdr_sigv4_request *r, bdr_buf *out,
                              bdr_buf *names) {
  size_t i;
  const bdr_header *last = NULL;
  sort_headers(r->headers, r->header_count);
  for (i = 0; i < r->header_count; i++) {
    const bdr_header *item = &r->headers[i];
    int same = last && bdr_str_equal_nocase(last->name, item->name);
    if (!is_signed(item->name)) continue;
    if (same) {
      out->n -= out->n > 0; /* the line goes on: take its end back */
      bdr_buf_addc(out, ',');
    } else {
      if (last) bdr_buf_addc(names, ';');
      add_name(item->name, names, out);
      bdr_buf_addc(out, ':');
    }
    if (add_value(item->value, out) != BDR_OK) return BDR_E_ARG;
    bdr_buf_addc(out, '\n');
    last = item;
  }
  return bdr_buf_status(names);
}

bdr_status bdr_sigv4_canonical_request(const bdr_sigv4_request *r, bdr_buf *out,
                                       bdr_buf *names) {
  bdr_status status;
  bdr_buf_adds(out, r->method);
  bdr_buf_addc(out, '\n');
  status = add_path(r, out);
  bdr_buf_addc(out, '\n');
  if (status == BDR_OK) status = add_query(r->query, out);
  bdr_buf_addc(out, '\n');
  if (status == BDR_OK) status = add_headers(r, out, names);
  bdr_buf_addc(out, '\n');
  bdr_buf_adds(out, bdr_buf_str(names));
  bdr_buf_addc(out, '\n');
  bdr_buf_adds(out, r->payload_hash);
  return status == BDR_OK ? bdr_buf_status(out) : status;
}

static bdr_str date_of(bdr_str amz_date) {
  if (amz_date.n > 8) amz_date.n = 8; /* YYYYMMDD */
  return amz_date;
}

bdr_status bdr_sigv4_credential_scope(const bdr_sigv4_scope *s, bdr_buf *out) {
  bdr_buf_adds(out, date_of(s->amz_date));
  bdr_buf_addc(out, '/');
  bdr_buf_adds(out, s->region);
  bdr_buf_addc(out, '/');
  bdr_buf_adds(out, s->service);
  bdr_buf_adds(out, BDR_LIT("/aws4_request"));
  return bdr_buf_status(out);
}

bdr_status bdr_sigv4_string_to_sign(bdr_hash *h, bdr_str amz_date,
                                    bdr_str credential_scope,
                                    bdr_str canonical_request, bdr_buf *out) {
  unsigned char digest[BDR_SHA256_SIZE];
  bdr_status status = bdr_sha256(h, canonical_request, digest);
  if (status != BDR_OK) return status;
  bdr_buf_adds(out, BDR_LIT(ALGORITHM "\n"));
  bdr_buf_adds(out, amz_date);
  bdr_buf_addc(out, '\n');
  bdr_buf_adds(out, credential_scope);
  bdr_buf_addc(out, '\n');
  bdr_hex(digest, sizeof digest, out);
  return bdr_buf_status(out);
}

/* HMAC after HMAC: "AWS4" + secret, over date, region, service, the end. */
bdr_status bdr_sigv4_key(bdr_hash *h, bdr_str secret, bdr_str scope,
                         unsigned char key[BDR_SHA256_SIZE]) {
  unsigned char next[BDR_SHA256_SIZE];
  bdr_buf first = {0};
  bdr_str current;
  bdr_status status;
  bdr_buf_adds(&first, BDR_LIT("AWS4"));
  bdr_buf_adds(&first, secret);
  status = bdr_buf_status(&first);
  current = bdr_buf_str(&first);
  while (status == BDR_OK && scope.n) {
    status = bdr_hmac_sha256(h, current, cut_at(&scope, '/'), next);
    memcpy(key, next, sizeof next);
    current.p = (const char *)key;
    current.n = BDR_SHA256_SIZE;
  }
  bdr_wipe(next, sizeof next);
  bdr_buf_wipe(&first);
  return status;
}

bdr_status bdr_sigv4_signature(bdr_hash *h,
                               const unsigned char key[BDR_SHA256_SIZE],
                               bdr_str string_to_sign, bdr_buf *out) {
  unsigned char mac[BDR_SHA256_SIZE];
  bdr_str key_view = {(const char *)key, BDR_SHA256_SIZE};
  bdr_status status = bdr_hmac_sha256(h, key_view, string_to_sign, mac);
  if (status != BDR_OK) return status;
  bdr_hex(mac, sizeof mac, out);
  return bdr_buf_status(out);
}

/* The key of this secret and scope: the kept one, or a new one. */
static bdr_status find_key(bdr_sigv4_signer *k, bdr_str secret) {
  bdr_str scope = bdr_buf_str(&k->scope);
  bdr_status status;
  if (k->has_key && bdr_str_equal(bdr_buf_str(&k->key_scope), scope) &&
      bdr_str_equal(bdr_buf_str(&k->secret), secret))
    return BDR_OK;
  k->has_key = 0;
  bdr_buf_wipe(&k->secret);
  bdr_buf_clear(&k->key_scope);
  bdr_buf_adds(&k->secret, secret);
  bdr_buf_adds(&k->key_scope, scope);
  status = bdr_sigv4_key(&k->hash, secret, scope, k->key);
  k->has_key = status == BDR_OK && bdr_buf_status(&k->secret) == BDR_OK &&
               bdr_buf_status(&k->key_scope) == BDR_OK;
  return status;
}

static void write_authorization(bdr_sigv4_signer *k, const bdr_sigv4_scope *s,
                                bdr_buf *out) {
  bdr_buf_adds(out, BDR_LIT(ALGORITHM " Credential="));
  bdr_buf_adds(out, s->access_key_id);
  bdr_buf_addc(out, '/');
  bdr_buf_adds(out, bdr_buf_str(&k->scope));
  bdr_buf_adds(out, BDR_LIT(", SignedHeaders="));
  bdr_buf_adds(out, bdr_buf_str(&k->names));
  bdr_buf_adds(out, BDR_LIT(", Signature="));
}

bdr_status bdr_sigv4_sign(bdr_sigv4_signer *k, const bdr_sigv4_request *r,
                          const bdr_sigv4_scope *s, bdr_buf *out) {
  bdr_status status;
  bdr_buf_clear(&k->canonical);
  bdr_buf_clear(&k->names);
  bdr_buf_clear(&k->scope);
  bdr_buf_clear(&k->string);
  status = bdr_sigv4_canonical_request(r, &k->canonical, &k->names);
  if (status == BDR_OK) status = bdr_sigv4_credential_scope(s, &k->scope);
  if (status == BDR_OK)
    status =
        bdr_sigv4_string_to_sign(&k->hash, s->amz_date, bdr_buf_str(&k->scope),
                                 bdr_buf_str(&k->canonical), &k->string);
  if (status == BDR_OK) status = find_key(k, s->secret_access_key);
  if (status != BDR_OK) return status;
  write_authorization(k, s, out);
  return bdr_sigv4_signature(&k->hash, k->key, bdr_buf_str(&k->string), out);
}

void bdr_sigv4_signer_free(bdr_sigv4_signer *k) {
  bdr_hash_free(&k->hash);
  bdr_buf_wipe(&k->canonical); /* session tokens are in it */
  bdr_buf_free(&k->names);
  bdr_buf_free(&k->scope);
  bdr_buf_free(&k->string);
  bdr_buf_wipe(&k->secret);
  bdr_buf_free(&k->key_scope);
  bdr_wipe(k->key, sizeof k->key);
  k->has_key = 0;
}
