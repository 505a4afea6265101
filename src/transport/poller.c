/* see poller.h */
#include "poller.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#if defined(__linux__) && !defined(BDR_WITHOUT_EPOLL)
#define USE_EPOLL 1
#include <sys/epoll.h>
#else
#define USE_EPOLL 0
#endif

#define WAIT_MAX 64 /* sockets told by one epoll_wait */

/*
** The watched sockets are kept in an array in both forms: poll(2) takes it
** as it is, and a foreign loop may ask for it.  `place[fd]` is where in it a
** descriptor is, if it is there at all: the array has the last word.
*/
struct bdr_poller {
  struct pollfd *sockets;
  size_t n, cap;
  size_t *place, places;
  int epoll; /* -1 where there is none */
};

bdr_poller *bdr_poller_new(void) {
  bdr_poller *p = calloc(1, sizeof *p);
  if (!p) return NULL;
  p->epoll = -1;
#if USE_EPOLL
  p->epoll = epoll_create1(EPOLL_CLOEXEC);
  if (p->epoll < 0) {
    free(p);
    return NULL;
  }
#endif
  return p;
}

void bdr_poller_free(bdr_poller *p) {
  if (!p) return;
  if (p->epoll >= 0) close(p->epoll);
  free(p->sockets);
  free(p->place);
  free(p);
}

/* Its place in the array; the array's length where it is not watched. */
static size_t find(const bdr_poller *p, int fd) {
  size_t i = (size_t)fd < p->places ? p->place[fd] : p->n;
  return i < p->n && p->sockets[i].fd == fd ? i : p->n;
}

static int reserve_place(bdr_poller *p, size_t fd) {
  size_t places = p->places ? p->places : 16;
  size_t *grown;
  if (fd < p->places) return 1;
  while (places <= fd) places *= 2;
  grown = realloc(p->place, places * sizeof *grown);
  if (!grown) return 0;
  memset(grown + p->places, 0, (places - p->places) * sizeof *grown);
  p->place = grown;
  p->places = places;
  return 1;
}

/* Room for one more, fd. */
static int reserve(bdr_poller *p, int fd) {
  size_t cap = p->cap ? 2 * p->cap : 8;
  struct pollfd *grown;
  if (!reserve_place(p, (size_t)fd)) return 0;
  if (p->n < p->cap) return 1;
  grown = realloc(p->sockets, cap * sizeof *grown);
  if (!grown) return 0;
  p->sockets = grown;
  p->cap = cap;
  return 1;
}

static void put(bdr_poller *p, size_t i, struct pollfd socket) {
  p->sockets[i] = socket;
  p->place[socket.fd] = i;
}

#if USE_EPOLL
/*
** libcurl may close a socket and open another with the same number before
** it tells us of the first: ADD and MOD each fall back on the other.
*/
static int tell_kernel(bdr_poller *p, int fd, int events) {
  struct epoll_event e = {0};
  e.data.fd = fd;
  if (events & BDR_POLL_IN) e.events |= EPOLLIN;
  if (events & BDR_POLL_OUT) e.events |= EPOLLOUT;
  if (events == 0) {
    epoll_ctl(p->epoll, EPOLL_CTL_DEL, fd, &e); /* may be closed already */
    return 0;
  }
  if (epoll_ctl(p->epoll, EPOLL_CTL_MOD, fd, &e) == 0) return 0;
  return epoll_ctl(p->epoll, EPOLL_CTL_ADD, fd, &e);
}
#else
static int tell_kernel(bdr_poller *p, int fd, int events) {
  (void)p;
  (void)fd;
  (void)events;
  return 0;
}
#endif

static short poll_events(int events) {
  return (short)((events & BDR_POLL_IN ? POLLIN : 0) |
                 (events & BDR_POLL_OUT ? POLLOUT : 0));
}

int bdr_poller_set(bdr_poller *p, int fd, int events) {
  size_t i = find(p, fd);
  struct pollfd socket = {0};
  if (tell_kernel(p, fd, events) != 0) return -1;
  if (events == 0) {
    if (i < p->n) put(p, i, p->sockets[--p->n]);
    return 0;
  }
  if (i == p->n) {
    if (!reserve(p, fd)) return -1;
    p->n++;
  }
  socket.fd = fd;
  socket.events = poll_events(events);
  put(p, i, socket);
  return 0;
}

#if USE_EPOLL
int bdr_poller_wait(bdr_poller *p, int timeout_ms, bdr_ready *ready, int max) {
  struct epoll_event events[WAIT_MAX];
  int i, n;
  n = epoll_wait(p->epoll, events, max < WAIT_MAX ? max : WAIT_MAX, timeout_ms);
  for (i = 0; i < n; i++) {
    ready[i].fd = events[i].data.fd;
    ready[i].events = (events[i].events & EPOLLIN ? BDR_POLL_IN : 0) |
                      (events[i].events & EPOLLOUT ? BDR_POLL_OUT : 0) |
                      (events[i].events & (EPOLLERR | EPOLLHUP) ? BDR_POLL_ERR
                                                                : 0);
  }
  return n > 0 ? n : 0;
}
#else
int bdr_poller_wait(bdr_poller *p, int timeout_ms, bdr_ready *ready, int max) {
  size_t i;
  int n = 0;
  if (poll(p->sockets, (nfds_t)p->n, timeout_ms) <= 0) return 0;
  for (i = 0; i < p->n && n < max; i++) {
    short got = p->sockets[i].revents;
    if (!got) continue;
    ready[n].fd = p->sockets[i].fd;
    ready[n++].events = (got & POLLIN ? BDR_POLL_IN : 0) |
                        (got & POLLOUT ? BDR_POLL_OUT : 0) |
                        (got & (POLLERR | POLLHUP | POLLNVAL) ? BDR_POLL_ERR
                                                              : 0);
  }
  return n;
}
#endif

int bdr_poller_fd(const bdr_poller *p) { return p->epoll; }

int bdr_poller_each(const bdr_poller *p, size_t i, bdr_ready *socket) {
  if (i >= p->n) return 0;
  socket->fd = p->sockets[i].fd;
  socket->events = (p->sockets[i].events & POLLIN ? BDR_POLL_IN : 0) |
                   (p->sockets[i].events & POLLOUT ? BDR_POLL_OUT : 0);
  return 1;
}
