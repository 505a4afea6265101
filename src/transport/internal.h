/*
** internal.h - what multi.c and transfer.c share.
**
** The multi handle keeps its transfers in a list, so that freeing it can
** end them: Lua's collector frees the two in any order.
*/
#ifndef BDR_TRANSPORT_INTERNAL_H
#define BDR_TRANSPORT_INTERNAL_H

#include <curl/curl.h>
#include <sys/types.h>

#include "poller.h"
#include "transport.h"

#define BDR_SPARE_MAX 16

struct bdr_multi {
  CURLM *handle;
  bdr_poller *poller;
  double due; /* monotonic time of libcurl's timer; negative: none */
  bdr_transfer *transfers;
  bdr_transfer *news;           /* the first that has something new */
  unsigned long count;          /* of transfers that were started */
  pid_t owner; /* the process that made it */
  int forked;  /* this one is a child of that: nothing may be touched */
  int has_bundle; /* libcurl was built with one; slow to ask */
  CURL *spare[BDR_SPARE_MAX]; /* of transfers that ended well, for the next */
  size_t spares;
};

struct bdr_transfer {
  bdr_multi *multi; /* NULL once that was freed */
  bdr_transfer *next, *previous;
  bdr_transfer *next_news, *previous_news;
  unsigned long id;
  int is_news; /* it is in its multi handle's list of news */
  CURL *easy;
  struct curl_slist *headers; /* one piece of memory */
  size_t headers_size;
  size_t body_size;  /* of the request */
  bdr_buf head;      /* header lines of the response that is being read */
  bdr_buf body;      /* bytes that wait for the reader */
  size_t taken;      /* of them: those that it has had */
  long long sent;    /* of the request's body; -1: there is no connection */
  double since;      /* when it last got on; monotonic */
  int status;        /* of the response whose lines are in `head` */
  int head_complete; /* the final response's head is there */
  int done;          /* libcurl has no more to do with it */
  int paused;
  int asked; /* the request was handed to the system */
  int stale; /* ... and would have been a second time (see on_request) */
  CURLcode result; /* valid when done */
  bdr_status own;  /* our own reason to stop it, else BDR_OK */
  char text[CURL_ERROR_SIZE];
};

/* Take note that its reader may go on; again is fine. */
void bdr_transfer_tell(bdr_transfer *x);

/* Take it off the list of news; fine if it is not there. */
void bdr_transfer_told(bdr_transfer *x);

/* Take note that libcurl has finished with it. */
void bdr_transfer_finished(bdr_transfer *x, CURLcode result);

/* Its multi handle goes away: release all that hangs on it. */
void bdr_transfer_detach(bdr_transfer *x);

#endif
