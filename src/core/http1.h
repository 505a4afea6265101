/*
** http1.h - HTTP/1.1 for a client: a response parser and the writer of a
** request's head (RFC 9112, RFC 9110).  For hosts that bring their own
** sockets, such as nginx; libcurl has its own.
**
**     bytes in --> head (status, fields) --> body pieces --> end
**
** The parser keeps no body: pieces are views into the bytes it is given,
** and only a line or a head that has not ended yet is copied.  What comes
** out is the same however the input is cut, errors included.
**
** It believes one reading of a message or none: two lengths, a length beside
** chunks, a bare LF, a folded line, an unknown coding are errors, because
** another reader on the way may have taken the other meaning (response
** smuggling, RFC 9112 section 11.1).
*/
#ifndef BDR_HTTP1_H
#define BDR_HTTP1_H

#include "bytes.h"

/* All heads of one response together, interim (1xx) ones included.  AWS's
** own are below 4 KiB; 64 KiB is what curl and nginx users meet elsewhere. */
#define BDR_HTTP1_MAX_HEAD 65536

/* Fields of one head; Apache's and Go's defaults lie near it. */
#define BDR_HTTP1_MAX_FIELDS 128

/* One chunk-size line with its extensions, which nobody sends. */
#define BDR_HTTP1_MAX_CHUNK_LINE 1024

/* The trailer section of a chunked body. */
#define BDR_HTTP1_MAX_TRAILERS 8192

/*
** One response being read.  All-zero is a parser that has seen nothing.  The
** first three may be set before the first byte; the rest is its own.
*/
typedef struct bdr_http1 {
  size_t max_head;   /* 0: BDR_HTTP1_MAX_HEAD */
  size_t max_fields; /* 0: BDR_HTTP1_MAX_FIELDS */
  int head_only;     /* ends after its head: the answer to HEAD or CONNECT */

  bdr_status status; /* the first error, which sticks */
  const char *why;   /* its sentence */
  int at;            /* which part comes next */
  int code;          /* 200 */
  int minor;         /* of HTTP/1.x */
  int has_length;
  int chunked;
  int close;       /* `connection: close`, or the message gave reason */
  int keep;        /* `connection: keep-alive` */
  uint64_t left;   /* bytes still to come of the body or chunk */
  size_t used;     /* bytes of head or trailers read so far */
  size_t count;    /* fields in them */
  bdr_buf line;    /* a line whose end has not come */
  bdr_buf fields;  /* name NUL value NUL name ... */
} bdr_http1;

/*
** Read the head off the front of *in.  BDR_OK: it is there (again and again
** afterwards; nothing more is taken).  BDR_MORE: *in is used up, give more.
** Errors: BDR_E_HTTP, BDR_E_LIMIT, BDR_E_NOMEM; they stick.
*/
bdr_status bdr_http1_head(bdr_http1 *p, bdr_str *in);

/*
** Take the next piece of the body off the front of *in (of the head first,
** if that is not done).  BDR_OK: *out has at least one byte and lives as long
** as the bytes of *in.  BDR_MORE: *in is used up.  BDR_END: the response is
** whole; what is left of *in does not belong to it.  Errors as above, and
** only after every byte before the fault was handed out.
*/
bdr_status bdr_http1_body(bdr_http1 *p, bdr_str *in, bdr_str *out);

/*
** The connection has closed and every byte was given.  BDR_OK when the
** response is whole (one without a length ends here), else the error that
** sticks, BDR_E_HTTP_CUT if none came before.
*/
bdr_status bdr_http1_finish(bdr_http1 *p);

/* Is the response whole? */
int bdr_http1_done(const bdr_http1 *p);

/*
** May the connection carry another request?  Only after a whole response
** that said where it ends, without bytes behind it: `rest` is what is left
** of the input.
*/
int bdr_http1_keep_alive(const bdr_http1 *p, bdr_str rest);

/* The status code, or 0 while the head has not come. */
int bdr_http1_code(const bdr_http1 *p);

/*
** Walk over the fields of the head in their order, *at from 0; names are in
** lower case, repeated ones come as often as they were sent.  0 at the end.
** The views live until bdr_http1_free.
*/
int bdr_http1_field(const bdr_http1 *p, size_t *at, bdr_str *name,
                    bdr_str *value);

/* What was wrong, as a sentence; static, never NULL. */
const char *bdr_http1_why(const bdr_http1 *p);

/* Give the memory back; the limits stay, everything else is all-zero. */
void bdr_http1_free(bdr_http1 *p);

/* One header field; borrowed. */
typedef struct bdr_http1_pair {
  bdr_str name;
  bdr_str value;
} bdr_http1_pair;

/* A request's head; borrowed, but for `why`, which writing sets. */
typedef struct bdr_http1_request {
  bdr_str method;
  bdr_str target; /* "/path?query", or "host:port" for CONNECT */
  const bdr_http1_pair *fields;
  size_t count;
  int has_body;         /* 0: no content-length is written */
  uint64_t body_length; /* when has_body */
  const char *why;      /* a static sentence when BDR_E_ARG */
} bdr_http1_request;

/*
** Append the head to *out, fields in the order given, content-length last
** unless it is among them.  BDR_E_ARG, and nothing appended, for what could
** be read as another message: a byte outside a token, a target or a value,
** no or two `host`, any name twice, a content-length that is not the
** body's, a transfer-encoding.  BDR_E_NOMEM.
*/
bdr_status bdr_http1_request_head(bdr_http1_request *request, bdr_buf *out);

#endif
