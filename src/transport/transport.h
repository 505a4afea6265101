/*
** transport.h - HTTP exchanges over one libcurl multi handle.
**
**     bdr_multi ----< bdr_transfer (one request and its reply)
**        | act                | start, status, head, read, close
**     [ poller ]
**
** Nothing waits but bdr_multi_wait.  libcurl's callbacks copy bytes and
** return; whoever owns a transfer pulls them out with bdr_transfer_read.  A
** reader that is slower than the sender stops it: what would make it more than
** BDR_HIGH_WATER buffered bytes pauses the transfer until they were read.
**
** One multi handle and its transfers belong to one thread.
*/
#ifndef BDR_TRANSPORT_H
#define BDR_TRANSPORT_H

#include "bytes.h"

/* Body bytes of one transfer that wait for their reader at most. */
#define BDR_HIGH_WATER ((size_t)64 << 10)

/* Bytes handed out at once at most: copies of them stay in the processor's
** cache, and in memory that is used again. */
#define BDR_READ_MAX ((size_t)32 << 10)

/* Bytes of all response header lines together. */
#define BDR_HEAD_MAX ((size_t)128 << 10)

typedef struct bdr_multi bdr_multi;
typedef struct bdr_transfer bdr_transfer;

/* What is to be sent.  Strings are NUL-terminated and copied, except the
** body, which is borrowed until the transfer is closed (or _release says). */
typedef struct bdr_request {
  const char *method;
  const char *url;            /* goes out as it is */
  const char *const *headers; /* "name: value", then NULL; no others go out */
  bdr_str body;               /* p NULL: the request has none */
  long connect_timeout_ms;    /* name look-up, TCP and TLS; 0: libcurl's */
  const char *proxy;          /* NULL: as the environment says; "": none */
  const char *ca_bundle;      /* NULL: the system's */
  int http2;                  /* may share a connection with others */
  int fresh;                  /* not over a connection that was kept */
} bdr_request;

/* A new multi handle; NULL when memory or descriptors are short. */
bdr_multi *bdr_multi_new(void);

/*
** Is this process a child (fork) of the one that made m?  Its sockets belong
** to the parent, whose TLS sessions and epoll set a word from us would spoil.
** From then on m and its transfers do nothing: reading says "Forked", freeing
** closes our copies of the sockets and leaves libcurl's memory behind.
*/
int bdr_multi_forked(bdr_multi *m);

/* Ends what is left of its transfers (their owners still close them). */
void bdr_multi_free(bdr_multi *m);

/* Let transfers go on: wait until a socket is ready or a timer is due, at
** most timeout_ms (0: do not wait, -1: no limit), then act once. */
void bdr_multi_wait(bdr_multi *m, long timeout_ms);

/* Milliseconds until bdr_multi_wait(m, 0) must be called at the latest; -1:
** not before a socket is ready. */
long bdr_multi_timeout(const bdr_multi *m);

/* The descriptor that is readable when there is something to do, or -1. */
int bdr_multi_fd(const bdr_multi *m);

/* The i-th socket and its BDR_POLL_* events (poller.h); 0: no more. */
int bdr_multi_socket(const bdr_multi *m, size_t i, int *fd, int *events);

/*
** The id of a transfer that has something new for its reader (bytes, a whole
** head, its end) since it was last named here; 0: there is none.  So whoever
** reads many transfers need not look at each.
*/
unsigned long bdr_multi_news(bdr_multi *m);

/* Monotonic seconds, from an arbitrary start. */
double bdr_monotonic(void);

/*
** Start a request.  BDR_OK and *out, to be closed; BDR_E_ARG: a control
** character in method, URL or header; BDR_E_NOMEM.
*/
bdr_status bdr_transfer_start(bdr_multi *m, const bdr_request *r,
                              bdr_transfer **out);

/* What bdr_multi_news calls it: never 0, and no other of its multi handle. */
unsigned long bdr_transfer_id(const bdr_transfer *x);

/* HTTP status once the whole head is there, else 0. */
int bdr_transfer_status(const bdr_transfer *x);

/* The final response's header lines, each ended by CR LF, without the status
** line; valid until _release or _close. */
bdr_str bdr_transfer_head(const bdr_transfer *x);

/*
** Give back what only the request and the head were needed for, once both are
** over: a stream may go on for long.  The head is empty then.  Returns whether
** the request's body was wholly sent, and is borrowed no more.
*/
int bdr_transfer_release(bdr_transfer *x);

/*
** Look at body bytes that have come: BDR_OK and a view, until _consume;
** BDR_MORE: none yet; BDR_END: it ended as it should; below zero: it failed
** (see bdr_transfer_error).  Bytes come before the failure that followed.
*/
bdr_status bdr_transfer_read(bdr_transfer *x, bdr_str *bytes);

/* The bytes looked at were taken; a paused sender goes on after the last. */
void bdr_transfer_consume(bdr_transfer *x);

/* The same for all that has come: it changes places with the empty buffer
** `into`, whose memory takes what comes next.  Results as of _read. */
bdr_status bdr_transfer_take(bdr_transfer *x, bdr_buf *into);

/* What a transfer is waiting for. */
typedef enum bdr_phase {
  BDR_CONNECTING,
  BDR_AWAITING, /* the head; bytes of the request may still go out */
  BDR_READING
} bdr_phase;

/*
** When it last got on, in seconds of bdr_monotonic: since then it connects, no
** byte of the request's body has gone out, or its reader has had all of the
** response that had come (while there is something to read, not since before
** that).  What went out is noticed when somebody asks.
*/
double bdr_transfer_progress(bdr_transfer *x, bdr_phase *phase);

/* Why it failed: a short name ("ConnectionRefused") and a sentence; both
** last as long as the transfer.  NULL, NULL if it has not. */
void bdr_transfer_error(const bdr_transfer *x, const char **name,
                        const char **text);

/* More of the failure, mostly in libcurl's words; "" if nothing.  Lasts as
** long as the transfer. */
const char *bdr_transfer_detail(const bdr_transfer *x);

/* Was the connection made (and TLS agreed)?  Before that, nothing of the
** request can have reached the server. */
int bdr_transfer_connected(const bdr_transfer *x);

/* Did it go over a connection that an earlier one had left open? */
int bdr_transfer_reused(const bdr_transfer *x);

/* Did it fail since a kept connection closed (or HTTP/2 refused the stream)
** before any reply?  Then it may be sent again, over a fresh one.  libcurl
** before 7.80 does that by itself, unseen. */
int bdr_transfer_stale(const bdr_transfer *x);

/* End it: a reply not wholly read closes its connection.  Frees x (NULL is
** fine).  */
void bdr_transfer_close(bdr_transfer *x);

/* "libcurl/7.88.1 OpenSSL/3.0.22 ..." */
const char *bdr_transport_version(void);

#endif
