/*
** poller.h - which of these sockets are ready?
**
** epoll where the system has it (one call whatever the number of sockets,
** and one descriptor that a foreign event loop can watch for all of them),
** poll(2) elsewhere.
*/
#ifndef BDR_POLLER_H
#define BDR_POLLER_H

#include <stddef.h>

#define BDR_POLL_IN 1
#define BDR_POLL_OUT 2
#define BDR_POLL_ERR 4

typedef struct bdr_poller bdr_poller;

typedef struct bdr_ready {
  int fd;
  int events; /* BDR_POLL_* */
} bdr_ready;

/* A new one; NULL when memory or descriptors are short.  Free it. */
bdr_poller *bdr_poller_new(void);
void bdr_poller_free(bdr_poller *p);

/* Watch `fd` for `events`; 0 stops watching it (an unknown one is fine).
** Returns 0, or -1 when the system refuses. */
int bdr_poller_set(bdr_poller *p, int fd, int events);

/* Wait at most timeout_ms (-1: for ever) and fill up to `max` entries of
** `ready`; returns how many, 0 also when a signal came. */
int bdr_poller_wait(bdr_poller *p, int timeout_ms, bdr_ready *ready, int max);

/* The one descriptor that is readable when any socket is ready, or -1 where
** there is none; then ask for each socket. */
int bdr_poller_fd(const bdr_poller *p);

/* The i-th watched socket (0, 1, ...) and what it is watched for; 0 when
** there are no more. */
int bdr_poller_each(const bdr_poller *p, size_t i, bdr_ready *socket);

#endif
