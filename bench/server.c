/*
** server.c - a Bedrock that costs next to nothing, for benchmarks.
**
**     server FOLDER [CERTIFICATE KEY]
**
** Prints the ports of http and https as a line, and serves 127.0.0.1 until
** its standard input ends.  Signatures are not looked at.  The model id of a
** request names the answer, which is built at its first use and from then on
** only written:
**
**     NAME.whole.SIZE.TIMES    FOLDER/NAME.bin, TIMES over, in HTTP chunks of
**                              SIZE bytes
**     NAME.events.COUNT.TIMES  the same, COUNT messages to an HTTP chunk
**     NAME.drip.MS.TIMES       one message, then silence for MS milliseconds
**     NAME.json.0.1            FOLDER/NAME.json with its length
**
** A stream begins with NAME.start and ends with NAME.stop where those exist.
*/
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define IN_SIZE 16384
#define WRITE_MAX ((size_t)1 << 20)

typedef struct text {
  char *p;
  size_t n, cap;
} text;

/* start, then `times` the middle, then stop */
typedef struct answer {
  struct answer *next;
  char id[128];
  text start, middle, stop;
  size_t *stops; /* drip: offsets in the middle where it pauses */
  size_t stop_count;
  size_t times;
  double pause; /* seconds; 0: none */
} answer;

enum part { START, MIDDLE, STOP, DONE };

typedef struct connection {
  int fd, accepted, closed, queued;
  SSL *ssl;
  char in[IN_SIZE];
  size_t n;    /* bytes in `in` */
  size_t skip; /* bytes of the request's body still to come */
  answer *a;   /* what is being written */
  enum part part;
  size_t sent, round, stop; /* in the part; of the middle; of its stops */
  double due;
  struct connection *earlier, *later; /* the queue of the dripping */
} connection;

static const char *folder;
static answer *answers;
static connection *first_due, *last_due;
static int poller;
static SSL_CTX *tls;

static void die(const char *what) {
  perror(what);
  exit(1);
}

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* ---- answers ------------------------------------------------------------ */

static void add(text *t, const char *p, size_t n) {
  while (t->n + n > t->cap) {
    t->cap = t->cap ? 2 * t->cap : 4096;
    t->p = realloc(t->p, t->cap);
    if (!t->p) die("memory");
  }
  if (n) memcpy(t->p + t->n, p, n);
  t->n += n;
}

static void add_string(text *t, const char *s) { add(t, s, strlen(s)); }

static int read_file(const char *name, const char *suffix, text *out) {
  char path[512], piece[65536];
  size_t n;
  FILE *f;
  snprintf(path, sizeof path, "%s/%s.%s", folder, name, suffix);
  f = fopen(path, "rb");
  if (!f) return 0;
  while ((n = fread(piece, 1, sizeof piece, f)) > 0) add(out, piece, n);
  fclose(f);
  return 1;
}

static void add_chunk(text *t, const char *p, size_t n) {
  char size[32];
  if (n == 0) return;
  snprintf(size, sizeof size, "%zx\r\n", n);
  add_string(t, size);
  add(t, p, n);
  add_string(t, "\r\n");
}

/* Bytes of the first `count` event-stream messages at p. */
static size_t messages(const char *p, size_t n, size_t count) {
  size_t at = 0;
  while (count-- > 0 && n - at >= 16) {
    const unsigned char *b = (const unsigned char *)p + at;
    at += (size_t)b[0] << 24 | (size_t)b[1] << 16 | (size_t)b[2] << 8 | b[3];
  }
  return at < n ? at : n;
}

static void add_chunks(answer *a, const text *body, const char *mode,
                       size_t size) {
  int drips = strcmp(mode, "drip") == 0, whole = strcmp(mode, "whole") == 0;
  size_t at = 0, n;
  for (; at < body->n; at += n) {
    n = whole ? size : messages(body->p + at, body->n - at, drips ? 1 : size);
    if (n > body->n - at) n = body->n - at;
    add_chunk(&a->middle, body->p + at, n);
    if (!drips) continue;
    a->stops = realloc(a->stops, (a->stop_count + 1) * sizeof *a->stops);
    a->stops[a->stop_count++] = a->middle.n;
  }
}

static void build_stream(answer *a, const char *name, const char *mode,
                         size_t size) {
  text body = {0}, start = {0}, stop = {0};
  if (!read_file(name, "bin", &body)) {
    add_string(&a->start,
               "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n");
    a->times = 0;
    return;
  }
  read_file(name, "start", &start);
  read_file(name, "stop", &stop);
  add_string(&a->start,
             "HTTP/1.1 200 OK\r\n"
             "date: Thu, 15 Jan 2026 12:00:00 GMT\r\n"
             "content-type: application/vnd.amazon.eventstream\r\n"
             "transfer-encoding: chunked\r\n"
             "connection: keep-alive\r\n"
             "x-amzn-requestid: 5f0c3a4e-3f65-4a63-9d5e-6b1f0d2c7a11\r\n"
             "x-amzn-bedrock-content-type: application/json\r\n\r\n");
  add_chunk(&a->start, start.p, start.n);
  add_chunks(a, &body, mode, size);
  add_chunk(&a->stop, stop.p, stop.n);
  add_string(&a->stop, "0\r\n\r\n");
  if (strcmp(mode, "drip") == 0) a->pause = (double)size * 1e-3;
  free(body.p);
  free(start.p);
  free(stop.p);
}

static void build_json(answer *a, const char *name) {
  text body = {0};
  char head[512];
  read_file(name, "json", &body);
  snprintf(head, sizeof head,
           "HTTP/1.1 200 OK\r\n"
           "date: Thu, 15 Jan 2026 12:00:00 GMT\r\n"
           "content-type: application/json\r\n"
           "content-length: %zu\r\n"
           "connection: keep-alive\r\n"
           "x-amzn-requestid: 5f0c3a4e-3f65-4a63-9d5e-6b1f0d2c7a11\r\n\r\n",
           body.n);
  add_string(&a->start, head);
  add(&a->start, body.p, body.n);
  a->times = 0;
  free(body.p);
}

static answer *find_answer(const char *id) {
  char name[64] = "", mode[16] = "";
  size_t size = 1, times = 1;
  answer *a;
  for (a = answers; a; a = a->next)
    if (strcmp(a->id, id) == 0) return a;
  a = calloc(1, sizeof *a);
  if (!a) die("memory");
  snprintf(a->id, sizeof a->id, "%s", id);
  sscanf(id, "%63[^.].%15[^.].%zu.%zu", name, mode, &size, &times);
  a->times = times;
  if (strcmp(mode, "json") == 0)
    build_json(a, name);
  else
    build_stream(a, name, mode, size);
  a->next = answers;
  answers = a;
  return a;
}

/* ---- connections -------------------------------------------------------- */

static void unqueue(connection *c) {
  if (!c->queued) return;
  if (c->earlier) c->earlier->later = c->later;
  else first_due = c->later;
  if (c->later) c->later->earlier = c->earlier;
  else last_due = c->earlier;
  c->queued = 0;
}

/* Pauses are nearly always alike, so that the place is nearly always the
** end. */
static void queue(connection *c, double due) {
  connection *before = last_due;
  while (before && before->due > due) before = before->earlier;
  c->due = due;
  c->queued = 1;
  c->earlier = before;
  c->later = before ? before->later : first_due;
  if (c->later) c->later->earlier = c;
  else last_due = c;
  if (before) before->later = c;
  else first_due = c;
}

static void hang_up(connection *c) {
  unqueue(c);
  if (c->ssl) SSL_free(c->ssl);
  close(c->fd);
  c->closed = 1;
}

/* Bytes read or written; 0: not now; -1: it is over. */
static long transfer(connection *c, int out, char *p, size_t n) {
  long done;
  if (c->ssl) {
    int k = (int)(n > WRITE_MAX ? WRITE_MAX : n), why;
    done = out ? SSL_write(c->ssl, p, k) : SSL_read(c->ssl, p, k);
    if (done > 0) return done;
    why = SSL_get_error(c->ssl, (int)done);
    return why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE ? 0 : -1;
  }
  done = out ? send(c->fd, p, n, MSG_NOSIGNAL) : recv(c->fd, p, n, 0);
  if (done > 0) return done;
  return done < 0 && errno == EAGAIN ? 0 : -1;
}

/* The bytes to write now: up to the part's end or its next pause. */
static text *part_of(connection *c, size_t *end) {
  answer *a = c->a;
  text *t = c->part == START ? &a->start
          : c->part == MIDDLE ? &a->middle : &a->stop;
  *end = t->n;
  if (c->part == MIDDLE && a->pause > 0 && c->stop < a->stop_count)
    *end = a->stops[c->stop];
  return t;
}

/* The part is written: on to what follows. */
static void next_part(connection *c) {
  c->sent = c->stop = 0;
  if (c->part == MIDDLE && ++c->round < c->a->times) return;
  c->part++;
  if (c->part == MIDDLE && c->a->times == 0) c->part = STOP;
  if (c->part == DONE) c->a = NULL;
}

/* Write until it pauses, blocks or ends; 0 when the client is gone. */
static int write_answer(connection *c) {
  while (c->a && !c->queued) {
    size_t end;
    text *t = part_of(c, &end);
    if (c->sent < end) {
      long done = transfer(c, 1, t->p + c->sent, end - c->sent);
      if (done < 0) return 0;
      if (done == 0) return 1;
      c->sent += (size_t)done;
      if (c->sent < end) continue;
    }
    if (c->part == MIDDLE && c->a->pause > 0) {
      c->stop++;
      queue(c, now() + c->a->pause);
    }
    if (c->sent == t->n) next_part(c);
  }
  return 1;
}

static void decode_percent(char *s) {
  char *to = s;
  unsigned code;
  for (; *s; s++) {
    if (*s == '%' && sscanf(s + 1, "%2x", &code) == 1) {
      *to++ = (char)code;
      s += 2;
    } else {
      *to++ = *s;
    }
  }
  *to = 0;
}

/* The head of a request that ends at `end`: "POST /model/ID/..." */
static void take_head(connection *c, char *end) {
  char id[128] = "";
  char *length;
  *end = 0;
  sscanf(c->in, "%*s /model/%127[^/]", id);
  decode_percent(id);
  length = strcasestr(c->in, "\r\ncontent-length:");
  c->skip = length ? strtoul(length + 17, NULL, 10) : 0;
  c->a = find_answer(id);
  c->part = START;
  c->sent = c->round = c->stop = 0;
}

static void drop(connection *c, size_t n) {
  memmove(c->in, c->in + n, c->n - n);
  c->n -= n;
}

/* One request at a time: what follows it waits for its answer. */
static int parse(connection *c) {
  size_t n;
  char *end;
  if (!c->a && c->skip == 0) {
    end = memmem(c->in, c->n, "\r\n\r\n", 4);
    if (!end) return c->n < IN_SIZE;
    n = (size_t)(end - c->in) + 4;
    take_head(c, end);
    drop(c, n);
  }
  n = c->skip < c->n ? c->skip : c->n;
  c->skip -= n;
  if (n) drop(c, n);
  return 1;
}

static int read_requests(connection *c) {
  for (;;) {
    long n = transfer(c, 0, c->in + c->n, IN_SIZE - c->n);
    if (n < 0) return 0;
    c->n += (size_t)n;
    if (!parse(c)) return 0;
    if (c->a && c->skip == 0 && !c->queued && !write_answer(c)) return 0;
    if (n == 0) return 1;
  }
}

static int finish_handshake(connection *c) {
  int done = SSL_accept(c->ssl), why;
  if (done == 1) return c->accepted = 1;
  why = SSL_get_error(c->ssl, done);
  return why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE;
}

static void act(connection *c) {
  int fine = 1;
  if (!c->accepted) fine = finish_handshake(c);
  if (fine && c->accepted) fine = read_requests(c);
  if (!fine) hang_up(c);
}

static void welcome(int listener, int secure) {
  int fd, on = 1;
  while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
    struct epoll_event e = {EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, {0}};
    connection *c = calloc(1, sizeof *c);
    if (!c) die("memory");
    c->fd = fd;
    c->accepted = !secure;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (secure) {
      c->ssl = SSL_new(tls);
      SSL_set_fd(c->ssl, fd);
    }
    e.data.ptr = c;
    epoll_ctl(poller, EPOLL_CTL_ADD, fd, &e);
  }
}

/* ---- the loop ----------------------------------------------------------- */

static int listen_on(int *port) {
  struct sockaddr_in a = {0};
  socklen_t n = sizeof a;
  struct epoll_event e = {EPOLLIN, {0}};
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  a.sin_family = AF_INET;
  a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (bind(fd, (struct sockaddr *)&a, sizeof a) || listen(fd, 4096))
    die("listen");
  getsockname(fd, (struct sockaddr *)&a, &n);
  *port = ntohs(a.sin_port);
  e.data.ptr = NULL;
  epoll_ctl(poller, EPOLL_CTL_ADD, fd, &e);
  return fd;
}

static void set_up_tls(const char *certificate, const char *key) {
  tls = SSL_CTX_new(TLS_server_method());
  SSL_CTX_set_mode(tls, SSL_MODE_ENABLE_PARTIAL_WRITE |
                            SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                            SSL_MODE_RELEASE_BUFFERS);
  if (SSL_CTX_use_certificate_chain_file(tls, certificate) != 1 ||
      SSL_CTX_use_PrivateKey_file(tls, key, SSL_FILETYPE_PEM) != 1)
    die("certificate");
}

static int milliseconds_to_due(void) {
  double left;
  if (!first_due) return -1;
  left = first_due->due - now();
  return left > 0 ? (int)(left * 1e3) + 1 : 0;
}

static void wake_due(void) {
  double time = now();
  while (first_due && first_due->due <= time) {
    connection *c = first_due;
    unqueue(c);
    act(c);
    if (c->closed) free(c);
  }
}

static void serve(int http, int https) {
  static char console; /* its address stands for standard input */
  struct epoll_event on_input = {EPOLLIN | EPOLLRDHUP, {0}}, ready[256];
  on_input.data.ptr = &console;
  epoll_ctl(poller, EPOLL_CTL_ADD, 0, &on_input);
  for (;;) {
    int i, n = epoll_wait(poller, ready, 256, milliseconds_to_due());
    for (i = 0; i < n; i++) {
      connection *c = ready[i].data.ptr;
      if ((void *)c == (void *)&console) return;
      if (!c) {
        welcome(http, 0);
        if (https >= 0) welcome(https, 1);
        continue;
      }
      act(c);
      if (c->closed) free(c);
    }
    wake_due();
  }
}

int main(int argc, char **argv) {
  struct rlimit files;
  int http, https = -1, port, secure_port = 0;
  if (argc < 2) return 1;
  folder = argv[1];
  signal(SIGPIPE, SIG_IGN);
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
  poller = epoll_create1(0);
  http = listen_on(&port);
  if (argc > 3) {
    set_up_tls(argv[2], argv[3]);
    https = listen_on(&secure_port);
  }
  printf("%d %d\n", port, secure_port);
  fflush(stdout);
  serve(http, https);
  return 0;
}
