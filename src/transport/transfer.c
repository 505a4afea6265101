/* see transport.h: the transfers; multi.c has the multi handle */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "failure.h"
#include "internal.h"

/* What libcurl would send on its own: a line without a value suppresses each
** that is not among the request's headers. */
static const char *const uninvited[] = {"accept:", "content-type:", "expect:"};
#define UNINVITED (sizeof uninvited / sizeof *uninvited)

/* At the head of the list: who reads looks at all of it anyway. */
void bdr_transfer_tell(bdr_transfer *x) {
  bdr_multi *m = x->multi;
  if (x->is_news || !m) return;
  x->is_news = 1;
  x->previous_news = NULL;
  x->next_news = m->news;
  if (m->news) m->news->previous_news = x;
  m->news = x;
}

void bdr_transfer_told(bdr_transfer *x) {
  if (!x->is_news) return;
  x->is_news = 0;
  if (x->previous_news) x->previous_news->next_news = x->next_news;
  if (x->next_news) x->next_news->previous_news = x->previous_news;
  if (x->multi->news == x) x->multi->news = x->next_news;
}

/*
** A header line, without its end.  Runs deep inside libcurl: it copies and
** returns.  A short count stops the transfer; `own` then says why.  A status
** line begins a new response (after a 100, or a proxy's); what comes after
** the head is a trailer, and nobody asked for those.
*/
static size_t on_header(char *p, size_t one, size_t n, void *ud) {
  bdr_transfer *x = ud;
  (void)one; /* always 1, says libcurl's manual */
  if (x->head_complete) return n;
  if (n > 5 && memcmp(p, "HTTP/", 5) == 0) {
    long status = 0;
    curl_easy_getinfo(x->easy, CURLINFO_RESPONSE_CODE, &status);
    x->status = (int)status;
    bdr_buf_clear(&x->head);
    return n;
  }
  if (n <= 2) { /* the empty line */
    x->head_complete = x->status >= 200;
    x->since = bdr_monotonic();
    bdr_transfer_tell(x);
    return n;
  }
  if (x->head.n + n > BDR_HEAD_MAX) x->own = BDR_E_LIMIT;
  bdr_buf_add(&x->head, p, n);
  if (bdr_buf_status(&x->head) != BDR_OK) x->own = BDR_E_NOMEM;
  return x->own == BDR_OK ? n : 0;
}

/* Body bytes, likewise; a full buffer pauses the sender. */
static size_t on_body(char *p, size_t one, size_t n, void *ud) {
  bdr_transfer *x = ud;
  (void)one;
  if (x->body.n && x->body.n + n > BDR_HIGH_WATER) {
    x->paused = 1;
    return CURL_WRITEFUNC_PAUSE;
  }
  bdr_buf_add(&x->body, p, n);
  bdr_transfer_tell(x);
  if (bdr_buf_status(&x->body) == BDR_OK) return n;
  x->own = BDR_E_NOMEM;
  return 0;
}

/* Its length; SIZE_MAX where a byte is below a space, or DEL: a CR or LF would
** end the line. */
static size_t clean_length(const char *s) {
  const char *at = s;
  for (; *at; at++)
    if (((unsigned char)*at < ' ' && *at != '\t') || *at == 127)
      return SIZE_MAX;
  return (size_t)(at - s);
}

static int is_clean(const char *s) { return clean_length(s) != SIZE_MAX; }

/* Do two header lines have one name?  Its colon (or the end) counts too. */
static int same_name(const char *a, const char *b) {
  while (*a && *a != ':' && bdr_lower(*a) == bdr_lower(*b)) a++, b++;
  return *a == *b;
}

/* Which of the uninvited is this line's header?  As a bit, or 0. */
static unsigned uninvited_bit(const char *line) {
  size_t i;
  for (i = 0; i < UNINVITED; i++)
    if (same_name(uninvited[i], line)) return 1u << i;
  return 0;
}

/* Count the lines and their bytes; which of the uninvited are among them? */
static bdr_status measure_headers(const bdr_request *r, size_t *lines,
                                  size_t *bytes, unsigned *given) {
  const char *const *line;
  size_t i;
  for (line = r->headers; *line; line++) {
    size_t n = clean_length(*line);
    if (n == SIZE_MAX) return BDR_E_ARG;
    *lines += 1;
    *bytes += n + 1;
    *given |= uninvited_bit(*line);
  }
  for (i = 0; i < UNINVITED; i++) {
    if (*given & 1u << i) continue;
    *lines += 1;
    *bytes += strlen(uninvited[i]) + 1;
  }
  return BDR_OK;
}

/* The next node of the list; its text goes to *text. */
static struct curl_slist *add_line(struct curl_slist *node, char **text,
                                   const char *line) {
  size_t n = strlen(line) + 1;
  node->data = memcpy(*text, line, n);
  node->next = node + 1;
  *text += n;
  return node + 1;
}

/* libcurl only reads its list: nodes and lines are one piece of memory. */
static bdr_status set_headers(bdr_transfer *x, const bdr_request *r) {
  size_t lines = 0, bytes = 0, i;
  unsigned given = 0;
  const char *const *line;
  struct curl_slist *node;
  char *text;
  bdr_status status = measure_headers(r, &lines, &bytes, &given);
  if (status != BDR_OK) return status;
  x->headers_size = lines * sizeof *node + bytes;
  x->headers = node = malloc(x->headers_size);
  if (!node) return BDR_E_NOMEM;
  text = (char *)(node + lines);
  for (line = r->headers; *line; line++) node = add_line(node, &text, *line);
  for (i = 0; i < UNINVITED; i++)
    if (!(given & 1u << i)) node = add_line(node, &text, uninvited[i]);
  (node - 1)->next = NULL; /* the uninvited are there, one way or another */
  return BDR_OK;
}

/* Tokens were in it. */
static void free_headers(bdr_transfer *x) {
  if (x->headers) bdr_wipe(x->headers, x->headers_size);
  free(x->headers);
  x->headers = NULL;
}

/*
** Debian's libcurl names a CA directory beside the bundle, and then parses
** the bundle anew for each connection (900 KiB, 20 ms); without the
** directory the parsed store is shared.  Only where a bundle is known.
*/
static void set_trust(CURL *e, const bdr_request *r, const bdr_multi *m) {
  if (r->ca_bundle) curl_easy_setopt(e, CURLOPT_CAINFO, r->ca_bundle);
  if (r->ca_bundle || m->has_bundle)
    curl_easy_setopt(e, CURLOPT_CAPATH, (char *)NULL);
}

/* libcurl 7.88 fails the second request of a clear-text HTTP/2 connection
** ("Error in the HTTP2 framing layer"): each gets one of its own. */
static void set_sharing(CURL *e, int is_tls) {
  if (is_tls || curl_version_info(CURLVERSION_NOW)->version_num >= 0x080000) {
    curl_easy_setopt(e, CURLOPT_PIPEWAIT, 1L); /* wait for it, and share it */
    return;
  }
  curl_easy_setopt(e, CURLOPT_FRESH_CONNECT, 1L);
  curl_easy_setopt(e, CURLOPT_FORBID_REUSE, 1L);
}

/* Bytes that libcurl reads at once over HTTP/1.1.  Each transfer has a buffer
** of that size: with libcurl's default, 16 KiB, a slow stream over TLS took
** 10 KiB more, and one at full speed no fewer instructions.  (Over HTTP/2
** libcurl 7.88 forgets a paused stream whose frame is larger.) */
#define READ_SIZE 8192L

static void set_protocols(CURL *e, const bdr_request *r) {
  int is_tls;
#if LIBCURL_VERSION_NUM >= 0x075500
  curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https");
#else
  curl_easy_setopt(e, CURLOPT_PROTOCOLS, CURLPROTO_HTTP | CURLPROTO_HTTPS);
#endif
  curl_easy_setopt(e, CURLOPT_FOLLOWLOCATION, 0L);
  curl_easy_setopt(e, CURLOPT_PATH_AS_IS, 1L);
  curl_easy_setopt(e, CURLOPT_HTTP_CONTENT_DECODING, 0L);
  curl_easy_setopt(e, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
  if (!r->http2) {
    curl_easy_setopt(e, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(e, CURLOPT_BUFFERSIZE, READ_SIZE);
    return;
  }
  is_tls = strncmp(r->url, "https", 5) == 0;
  curl_easy_setopt(e, CURLOPT_HTTP_VERSION,
                   is_tls ? (long)CURL_HTTP_VERSION_2TLS
                          : (long)CURL_HTTP_VERSION_2_PRIOR_KNOWLEDGE);
  set_sharing(e, is_tls);
}

static void set_request(bdr_transfer *x, const bdr_request *r) {
  CURL *e = x->easy;
  x->body_size = r->body.n;
  curl_easy_setopt(e, CURLOPT_URL, r->url);
  if (r->body.p || strcmp(r->method, "POST") == 0) {
    curl_easy_setopt(e, CURLOPT_POST, 1L);
    curl_easy_setopt(e, CURLOPT_POSTFIELDS, r->body.n ? r->body.p : "");
    curl_easy_setopt(e, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)r->body.n);
  }
  curl_easy_setopt(e, CURLOPT_CUSTOMREQUEST, r->method);
  curl_easy_setopt(e, CURLOPT_HTTPHEADER, x->headers);
  if (r->proxy) curl_easy_setopt(e, CURLOPT_PROXY, r->proxy);
  if (r->fresh) curl_easy_setopt(e, CURLOPT_FRESH_CONNECT, 1L);
  if (r->connect_timeout_ms > 0)
    curl_easy_setopt(e, CURLOPT_CONNECTTIMEOUT_MS, r->connect_timeout_ms);
}

/*
** Before the request goes out; a second time when libcurl would send it again
** because a kept connection closed, or HTTP/2 refused the stream, before any
** reply.  Unasked it does so five times, each perhaps paid for and none seen:
** to try again is our caller's decision.
*/
#if LIBCURL_VERSION_NUM >= 0x075000
static int on_request(void *ud, char *ip, char *own_ip, int port,
                      int own_port) {
  bdr_transfer *x = ud;
  (void)ip;
  (void)own_ip;
  (void)port;
  (void)own_port;
  if (x->asked) x->stale = 1;
  x->asked = 1;
  return x->stale ? CURL_PREREQFUNC_ABORT : CURL_PREREQFUNC_OK;
}
#endif

/* No program that this process starts inherits the socket: a copy of it
** would keep the connection open after its end. */
static int on_socket_made(void *ud, curl_socket_t fd, curlsocktype purpose) {
  (void)ud;
  (void)purpose;
  fcntl(fd, F_SETFD, FD_CLOEXEC);
  return CURL_SOCKOPT_OK;
}

static void set_connection(bdr_transfer *x) {
  CURL *e = x->easy;
  curl_easy_setopt(e, CURLOPT_SOCKOPTFUNCTION, on_socket_made);
#if LIBCURL_VERSION_NUM >= 0x075000
  curl_easy_setopt(e, CURLOPT_PREREQFUNCTION, on_request);
  curl_easy_setopt(e, CURLOPT_PREREQDATA, x);
#endif
  curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(e, CURLOPT_TCP_KEEPALIVE, 1L); /* NATs forget at 350 s */
  curl_easy_setopt(e, CURLOPT_ERRORBUFFER, x->text);
  curl_easy_setopt(e, CURLOPT_HEADERFUNCTION, on_header);
  curl_easy_setopt(e, CURLOPT_HEADERDATA, x);
  curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, on_body);
  curl_easy_setopt(e, CURLOPT_WRITEDATA, x);
  curl_easy_setopt(e, CURLOPT_PRIVATE, (char *)(void *)x);
}

static void link_to(bdr_transfer *x, bdr_multi *m) {
  x->multi = m;
  x->id = ++m->count;
  x->next = m->transfers;
  if (x->next) x->next->previous = x;
  m->transfers = x;
}

static bdr_status prepare(bdr_transfer *x, const bdr_request *r,
                          bdr_multi *m) {
  bdr_status status;
  if (!is_clean(r->method) || !is_clean(r->url) || strchr(r->url, ' '))
    return BDR_E_ARG;
  status = set_headers(x, r);
  if (status != BDR_OK) return status;
  x->easy = m->spares ? m->spare[--m->spares] : curl_easy_init();
  if (!x->easy) return BDR_E_NOMEM;
  set_request(x, r);
  set_protocols(x->easy, r);
  set_trust(x->easy, r, m);
  set_connection(x);
  return BDR_OK;
}

bdr_status bdr_transfer_start(bdr_multi *m, const bdr_request *r,
                              bdr_transfer **out) {
  bdr_transfer *x = calloc(1, sizeof *x);
  bdr_status status;
  if (!x) return BDR_E_NOMEM;
  x->sent = -1;
  x->since = bdr_monotonic();
  status = prepare(x, r, m);
  if (status == BDR_OK) {
    link_to(x, m);
    if (curl_multi_add_handle(m->handle, x->easy) != CURLM_OK)
      status = BDR_E_NOMEM;
  }
  if (status != BDR_OK) {
    bdr_transfer_close(x);
    return status;
  }
  *out = x;
  return BDR_OK;
}

void bdr_transfer_finished(bdr_transfer *x, CURLcode result) {
  x->done = 1;
  x->result = x->stale ? CURLE_RECV_ERROR : bdr_failure_code(result, x->text);
  bdr_transfer_tell(x);
}

unsigned long bdr_transfer_id(const bdr_transfer *x) { return x->id; }

int bdr_transfer_status(const bdr_transfer *x) {
  return x->head_complete ? x->status : 0;
}

bdr_str bdr_transfer_head(const bdr_transfer *x) {
  return bdr_buf_str(&x->head);
}

int bdr_transfer_connected(const bdr_transfer *x) {
  curl_off_t microseconds = 0;
  if (!x->easy) return 0;
  curl_easy_getinfo(x->easy, CURLINFO_PRETRANSFER_TIME_T, &microseconds);
  return microseconds > 0;
}

/* Bytes of the body that were handed to the system; -1: no connection yet. */
static long long bytes_sent(const bdr_transfer *x) {
  curl_off_t bytes = 0;
  if (!bdr_transfer_connected(x)) return -1;
  curl_easy_getinfo(x->easy, CURLINFO_SIZE_UPLOAD_T, &bytes);
  return (long long)bytes;
}

/* libcurl looks at its list of headers, and at a body that was sent, only
** where it would send them again: for a connection that was stale (on_request)
** or after a redirect, neither of which comes behind the final head. */
int bdr_transfer_release(bdr_transfer *x) {
  if (!x->head_complete || !x->easy || !x->multi || bdr_multi_forked(x->multi))
    return 0;
  curl_easy_setopt(x->easy, CURLOPT_HTTPHEADER, NULL);
  free_headers(x);
  bdr_buf_free(&x->head);
  if (bytes_sent(x) != (long long)x->body_size) return 0;
  curl_easy_setopt(x->easy, CURLOPT_POSTFIELDS, NULL);
  return 1;
}

/* What the reader has next. */
static bdr_str piece_of(const bdr_transfer *x) {
  bdr_str piece = bdr_buf_str(&x->body);
  bdr_cut(&piece, x->taken, NULL);
  if (piece.n > BDR_READ_MAX) piece.n = BDR_READ_MAX;
  return piece;
}

bdr_status bdr_transfer_read(bdr_transfer *x, bdr_str *bytes) {
  if (x->body.n) {
    *bytes = piece_of(x);
    return BDR_OK;
  }
  if (x->own != BDR_OK) return x->own;
  if (x->multi && x->multi->forked) return BDR_E_ARG;
  if (!x->done) return x->multi ? BDR_MORE : BDR_E_ARG;
  return x->result == CURLE_OK ? BDR_END : BDR_E_HTTP;
}

/* The reader has had all.  Going on may call on_body at once, with what
** libcurl held back. */
static void go_on(bdr_transfer *x) {
  x->taken = 0;
  x->since = bdr_monotonic();
  bdr_buf_clear(&x->body);
  if (!x->paused || !x->multi) return;
  if (bdr_multi_forked(x->multi)) return;
  x->paused = 0;
  curl_easy_pause(x->easy, CURLPAUSE_CONT);
}

void bdr_transfer_consume(bdr_transfer *x) {
  x->taken += piece_of(x).n;
  if (x->taken == x->body.n) go_on(x);
}

bdr_status bdr_transfer_take(bdr_transfer *x, bdr_buf *into) {
  bdr_str bytes;
  bdr_buf body = x->body;
  bdr_status status = bdr_transfer_read(x, &bytes);
  if (status != BDR_OK) return status;
  if (x->taken > 0) memmove(body.p, body.p + x->taken, body.n - x->taken);
  body.n -= x->taken;
  x->body = *into;
  *into = body;
  go_on(x);
  return BDR_OK;
}

void bdr_transfer_error(const bdr_transfer *x, const char **name,
                        const char **text) {
  *name = *text = NULL;
  if (x->own != BDR_OK) {
    *name = bdr_status_name(x->own);
    *text = x->own == BDR_E_LIMIT ? "the response's header block is too large"
                                  : bdr_status_text(x->own);
  } else if (x->multi && x->multi->forked) {
    *name = "Forked";
    *text = "the transfer belongs to the process that this one was forked "
            "from";
  } else if (!x->multi) {
    *name = "Closed";
    *text = "the transfer was closed";
  } else if (x->done && x->result != CURLE_OK) {
    *name = bdr_failure_name(x->result);
    *text = bdr_failure_text(x->result);
  }
}

const char *bdr_transfer_detail(const bdr_transfer *x) {
  return x->stale ? "a kept connection closed, or a stream was refused"
                  : x->text;
}

double bdr_transfer_progress(bdr_transfer *x, bdr_phase *phase) {
  if (!x->head_complete) {
    long long sent = bytes_sent(x);
    if (sent != x->sent) x->since = bdr_monotonic();
    x->sent = sent;
  }
  *phase = x->head_complete  ? BDR_READING
           : x->sent >= 0    ? BDR_AWAITING
                             : BDR_CONNECTING;
  return x->since;
}

int bdr_transfer_reused(const bdr_transfer *x) {
  long made = 0;
  if (!bdr_transfer_connected(x)) return 0;
  curl_easy_getinfo(x->easy, CURLINFO_NUM_CONNECTS, &made);
  return made == 0;
}

int bdr_transfer_stale(const bdr_transfer *x) { return x->stale; }

/* Taking a running transfer off closes its connection (HTTP/1.1) or resets
** its stream (HTTP/2): nothing half-read goes back to the pool. */
void bdr_transfer_detach(bdr_transfer *x) {
  bdr_multi *m = x->multi;
  if (!m) return;
  if (bdr_multi_forked(m))
    x->easy = NULL; /* to clean it up would speak to the parent's peer */
  else if (x->easy)
    curl_multi_remove_handle(m->handle, x->easy);
  if (x->previous) x->previous->next = x->next;
  if (x->next) x->next->previous = x->previous;
  if (m->transfers == x) m->transfers = x->next;
  bdr_transfer_told(x);
  x->multi = NULL;
  x->next = x->previous = NULL;
}

/* Saves what libcurl does to make a handle and to free it: 26,000
** instructions, a sixth of all that it does for a small request. */
static void give_back(CURL *easy, bdr_multi *m) {
  curl_easy_reset(easy);
  m->spare[m->spares++] = easy;
}

void bdr_transfer_close(bdr_transfer *x) {
  bdr_multi *m;
  if (!x) return;
  m = x->multi;
  bdr_transfer_detach(x);
  if (m && x->easy && x->done && x->result == CURLE_OK &&
      m->spares < BDR_SPARE_MAX)
    give_back(x->easy, m);
  else if (x->easy)
    curl_easy_cleanup(x->easy);
  free_headers(x);
  bdr_buf_free(&x->head);
  bdr_buf_free(&x->body);
  free(x);
}
