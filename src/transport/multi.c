/* see transport.h: the multi handle; transfer.c has the transfers */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "internal.h"

#define READY_MAX 64

double bdr_monotonic(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* libcurl wants to know of this socket from now on. */
static int on_socket(CURL *easy, curl_socket_t fd, int what, void *ud,
                     void *unused) {
  bdr_multi *m = ud;
  int events = 0;
  (void)easy;
  (void)unused;
  if (what == CURL_POLL_IN || what == CURL_POLL_INOUT) events |= BDR_POLL_IN;
  if (what == CURL_POLL_OUT || what == CURL_POLL_INOUT)
    events |= BDR_POLL_OUT;
  return bdr_poller_set(m->poller, (int)fd, events);
}

static int on_timer(CURLM *handle, long ms, void *ud) {
  bdr_multi *m = ud;
  (void)handle;
  m->due = ms < 0 ? -1 : bdr_monotonic() + (double)ms * 1e-3;
  return 0;
}

/* Does libcurl know a CA bundle by itself? */
static int find_bundle(void) {
#if LIBCURL_VERSION_NUM >= 0x074600
  const curl_version_info_data *built = curl_version_info(CURLVERSION_NOW);
  return built->age >= CURLVERSION_SEVENTH && built->cainfo != NULL;
#else
  return 0;
#endif
}

static int set_up(bdr_multi *m) {
  m->poller = bdr_poller_new();
  m->handle = curl_multi_init();
  return m->poller && m->handle &&
         curl_multi_setopt(m->handle, CURLMOPT_SOCKETFUNCTION, on_socket) ==
             CURLM_OK &&
         curl_multi_setopt(m->handle, CURLMOPT_SOCKETDATA, m) == CURLM_OK &&
         curl_multi_setopt(m->handle, CURLMOPT_TIMERFUNCTION, on_timer) ==
             CURLM_OK &&
         curl_multi_setopt(m->handle, CURLMOPT_TIMERDATA, m) == CURLM_OK;
}

bdr_multi *bdr_multi_new(void) {
  bdr_multi *m = calloc(1, sizeof *m);
  if (!m) return NULL;
  m->due = -1;
  m->owner = getpid();
  m->has_bundle = find_bundle();
  if (set_up(m)) return m;
  bdr_multi_free(m);
  return NULL;
}

/* The child's copies of the sockets would keep connections open that the
** parent closes.  Only those that libcurl watches are known here; the idle
** ones end with the child. */
static void abandon(bdr_multi *m) {
  bdr_ready socket;
  size_t i;
  for (i = 0; bdr_poller_each(m->poller, i, &socket); i++) close(socket.fd);
  m->forked = 1;
}

int bdr_multi_forked(bdr_multi *m) {
  if (!m->forked && m->owner != getpid()) abandon(m);
  return m->forked;
}

void bdr_multi_free(bdr_multi *m) {
  int forked;
  if (!m) return;
  forked = m->poller && bdr_multi_forked(m);
  while (m->transfers) bdr_transfer_detach(m->transfers);
  while (m->spares) curl_easy_cleanup(m->spare[--m->spares]);
  if (m->handle && !forked) curl_multi_cleanup(m->handle);
  bdr_poller_free(m->poller);
  free(m);
}

long bdr_multi_timeout(const bdr_multi *m) {
  double left;
  if (m->due < 0) return -1;
  left = ceil((m->due - bdr_monotonic()) * 1e3);
  return left > 0 ? (long)left : 0;
}

int bdr_multi_fd(const bdr_multi *m) { return bdr_poller_fd(m->poller); }

int bdr_multi_socket(const bdr_multi *m, size_t i, int *fd, int *events) {
  bdr_ready socket;
  if (!bdr_poller_each(m->poller, i, &socket)) return 0;
  *fd = socket.fd;
  *events = socket.events;
  return 1;
}

unsigned long bdr_multi_news(bdr_multi *m) {
  bdr_transfer *x = m->news;
  if (!x) return 0;
  bdr_transfer_told(x);
  return x->id;
}

static void collect_finished(bdr_multi *m) {
  CURLMsg *message;
  int left;
  while ((message = curl_multi_info_read(m->handle, &left)) != NULL) {
    char *x = NULL;
    CURLcode result = message->data.result;
    if (message->msg != CURLMSG_DONE) continue;
    curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &x);
    bdr_transfer_finished((bdr_transfer *)(void *)x, result);
  }
}

static int curl_events(int events) {
  return (events & BDR_POLL_IN ? CURL_CSELECT_IN : 0) |
         (events & BDR_POLL_OUT ? CURL_CSELECT_OUT : 0) |
         (events & BDR_POLL_ERR ? CURL_CSELECT_ERR : 0);
}

/* The sooner of the caller's limit and libcurl's timer. */
static int poll_time(const bdr_multi *m, long timeout_ms) {
  long timer = bdr_multi_timeout(m);
  if (timeout_ms < 0 || (timer >= 0 && timer < timeout_ms)) timeout_ms = timer;
  return timeout_ms > 60000 ? 60000 : (int)timeout_ms;
}

/* Short of memory libcurl gives up the call, but not the transfers that it
** was about: they would wait for ever. */
static void act(bdr_multi *m, curl_socket_t fd, int events) {
  int running;
  bdr_transfer *x;
  if (curl_multi_socket_action(m->handle, fd, events, &running) !=
      CURLM_OUT_OF_MEMORY)
    return;
  for (x = m->transfers; x; x = x->next)
    if (!x->done) bdr_transfer_finished(x, CURLE_OUT_OF_MEMORY);
}

void bdr_multi_wait(bdr_multi *m, long timeout_ms) {
  bdr_ready ready[READY_MAX];
  int i;
  int n = bdr_poller_wait(m->poller, poll_time(m, timeout_ms), ready,
                          READY_MAX);
  for (i = 0; i < n; i++) act(m, ready[i].fd, curl_events(ready[i].events));
  if (m->due >= 0 && bdr_monotonic() >= m->due) {
    m->due = -1; /* before the call: it may set the next one */
    act(m, CURL_SOCKET_TIMEOUT, 0);
  }
  collect_finished(m);
}

const char *bdr_transport_version(void) { return curl_version(); }
