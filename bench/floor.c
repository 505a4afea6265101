/*
** floor.c - libcurl and nothing else: what any client over it must cost.
**
**     floor MODE ENDPOINT MODEL COUNT [CA-FILE]
**
** No signature, no JSON, no checksum: messages are counted by their lengths,
** and the headers are always the same, as many and as long as signed ones.
** The modes, and the line that each prints, are those of every client here
** (bench/README.md):
**
**     start   a stream; writes as soon as its first message is there
**     stream  a stream, after a small one          events= cpu= wall=
**     first   COUNT small streams in turn          latency= cpu=
**     unary   COUNT requests in turn               rate= cpu=
**     slow    COUNT streams at once                events= lost= cpu= kib= gap=
*/
#define _POSIX_C_SOURCE 200809L
#define _DEFAULT_SOURCE
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

static const char *mode, *endpoint, *model, *ca;
static long count;

static const char request[] =
    "{\"messages\":[{\"role\":\"user\",\"content\":[{\"text\":\"Hello\"}]}]}";

/* Messages are counted as they end; a head is put together byte by byte. */
typedef struct stream {
  CURL *easy;
  unsigned char head[4];
  size_t have, left; /* bytes of the head; of the message after it */
  long events;
  double first, last, gap; /* when; the longest pause */
} stream;

static double seconds(clockid_t clock) {
  struct timespec t;
  clock_gettime(clock, &t);
  return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static double now(void) { return seconds(CLOCK_MONOTONIC); }
static double cpu(void) { return seconds(CLOCK_PROCESS_CPUTIME_ID); }

static void note_event(stream *s) {
  int slow = *mode == 's' && mode[1] == 'l';
  s->events++;
  if (!slow && s->events > 1) return;
  {
    double t = now();
    if (s->events == 1) s->first = t;
    if (s->events > 1 && t - s->last > s->gap) s->gap = t - s->last;
    s->last = t;
  }
  if (strcmp(mode, "start") == 0 && s->events == 1) {
    puts("first");
    fflush(stdout);
  }
}

static size_t on_body(char *p, size_t one, size_t n, void *ud) {
  stream *s = ud;
  size_t rest = n;
  (void)one;
  while (rest > 0) {
    size_t k;
    if (s->left == 0 && s->have < 4) {
      s->head[s->have++] = (unsigned char)*p++;
      rest--;
      if (s->have == 4)
        s->left = ((size_t)s->head[0] << 24 | (size_t)s->head[1] << 16 |
                   (size_t)s->head[2] << 8 | s->head[3]) - 4;
      continue;
    }
    k = s->left < rest ? s->left : rest;
    p += k;
    rest -= k;
    s->left -= k;
    if (s->left > 0) continue;
    s->have = 0;
    note_event(s);
  }
  return n;
}

static struct curl_slist *headers(void) {
  static const char *const lines[] = {
      "content-type: application/json", "accept:", "expect:",
      "amz-sdk-invocation-id: 5f0c3a4e-3f65-4a63-9d5e-6b1f0d2c7a11",
      "amz-sdk-request: attempt=1; max=3",
      "user-agent: lua-bedrock/0.1.0 lua/5.4",
      "x-amz-date: 20260115T120000Z",
      "x-amz-content-sha256: 16fbd2c3d7a1b3f52a2f4a6c9a1f5d7c"
      "44136fa355b3678a1146ad16f7e8649e",
      "authorization: AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260115/"
      "us-east-1/bedrock/aws4_request, SignedHeaders=amz-sdk-invocation-id;"
      "amz-sdk-request;content-type;host;x-amz-content-sha256;x-amz-date, "
      "Signature=ff44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61c"
      "aaff"};
  struct curl_slist *list = NULL;
  size_t i;
  for (i = 0; i < sizeof lines / sizeof *lines; i++)
    list = curl_slist_append(list, lines[i]);
  return list;
}

static void set_up(stream *s, const char *id, const char *operation) {
  char url[512];
  static struct curl_slist *list;
  if (!list) list = headers();
  if (!s->easy) s->easy = curl_easy_init();
  snprintf(url, sizeof url, "%s/model/%s/%s", endpoint, id, operation);
  curl_easy_setopt(s->easy, CURLOPT_URL, url);
  curl_easy_setopt(s->easy, CURLOPT_HTTPHEADER, list);
  curl_easy_setopt(s->easy, CURLOPT_POSTFIELDS, request);
  curl_easy_setopt(s->easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
  curl_easy_setopt(s->easy, CURLOPT_WRITEFUNCTION, on_body);
  curl_easy_setopt(s->easy, CURLOPT_WRITEDATA, s);
  curl_easy_setopt(s->easy, CURLOPT_PRIVATE, (char *)(void *)s);
  if (ca) curl_easy_setopt(s->easy, CURLOPT_CAINFO, ca);
  /* With a directory libcurl would parse the bundle for each connection. */
  curl_easy_setopt(s->easy, CURLOPT_CAPATH, (char *)NULL);
}

static void perform(stream *s) {
  CURLcode code;
  s->have = s->left = 0;
  s->events = 0;
  code = curl_easy_perform(s->easy);
  if (code != CURLE_OK) {
    fprintf(stderr, "floor: %s\n", curl_easy_strerror(code));
    exit(1);
  }
}

static void run_start(void) {
  stream s = {0};
  set_up(&s, model, "converse-stream");
  perform(&s);
}

static void run_stream(void) {
  stream s = {0};
  double used, began;
  set_up(&s, "tiny.whole.16384.1", "converse-stream");
  perform(&s);
  set_up(&s, model, "converse-stream");
  used = cpu();
  began = now();
  perform(&s);
  printf("events=%ld cpu=%.9f wall=%.6f\n", s.events, cpu() - used,
         now() - began);
}

static int compare(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static void run_first(void) {
  stream s = {0};
  double *latency = calloc((size_t)count, sizeof *latency), used = 0, began;
  long i;
  set_up(&s, model, "converse-stream");
  perform(&s);
  used = cpu();
  for (i = 0; i < count; i++) {
    began = now();
    perform(&s);
    latency[i] = s.first - began;
  }
  used = cpu() - used;
  qsort(latency, (size_t)count, sizeof *latency, compare);
  printf("latency=%.9f cpu=%.9f\n", latency[count / 2], used / (double)count);
  free(latency);
}

/* Its answer is no event stream: it goes where nobody looks at it. */
static size_t on_nothing(char *p, size_t one, size_t n, void *ud) {
  (void)p;
  (void)one;
  (void)ud;
  return n;
}

static void run_unary(void) {
  stream s = {0};
  double used, began;
  long i;
  set_up(&s, model, "converse");
  curl_easy_setopt(s.easy, CURLOPT_WRITEFUNCTION, on_nothing);
  perform(&s);
  used = cpu();
  began = now();
  for (i = 0; i < count; i++) perform(&s);
  printf("rate=%.1f cpu=%.9f\n", (double)count / (now() - began),
         (cpu() - used) / (double)count);
}

/* ---- many streams ------------------------------------------------------- */

static int poller;
static double due = -1;

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *ud,
                     void *known) {
  struct epoll_event e = {0};
  (void)easy;
  (void)ud;
  (void)known;
  e.data.fd = fd;
  if (what == CURL_POLL_REMOVE)
    return epoll_ctl(poller, EPOLL_CTL_DEL, fd, &e), 0;
  e.events = (what & CURL_POLL_IN ? EPOLLIN : 0u) |
             (what & CURL_POLL_OUT ? EPOLLOUT : 0u);
  if (epoll_ctl(poller, EPOLL_CTL_MOD, fd, &e))
    epoll_ctl(poller, EPOLL_CTL_ADD, fd, &e);
  return 0;
}

static int on_timer(CURLM *multi, long ms, void *ud) {
  (void)multi;
  (void)ud;
  due = ms < 0 ? -1 : now() + (double)ms * 1e-3;
  return 0;
}

static int wait_time(void) {
  double left = due - now();
  if (due < 0) return 1000;
  return left > 0 ? (int)(left * 1e3) + 1 : 0;
}

static void drive(CURLM *multi) {
  struct epoll_event ready[256];
  int i, running = 1;
  curl_multi_socket_action(multi, CURL_SOCKET_TIMEOUT, 0, &running);
  while (running) {
    int n = epoll_wait(poller, ready, 256, wait_time());
    for (i = 0; i < n; i++)
      curl_multi_socket_action(multi, ready[i].data.fd, 0, &running);
    if (due >= 0 && now() >= due) {
      due = -1;
      curl_multi_socket_action(multi, CURL_SOCKET_TIMEOUT, 0, &running);
    }
  }
}

static long resident_kib(void) {
  long pages = 0;
  FILE *f = fopen("/proc/self/statm", "r");
  if (!f) return 0;
  if (fscanf(f, "%*d %ld", &pages) != 1) pages = 0;
  fclose(f);
  return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

/* The highest resident set is that of all streams being open. */
static long peak_kib(void) {
  char line[128];
  long kib = 0;
  FILE *f = fopen("/proc/self/status", "r");
  if (!f) return 0;
  while (fgets(line, sizeof line, f))
    if (sscanf(line, "VmHWM: %ld", &kib) == 1) break;
  fclose(f);
  return kib;
}

static void run_slow(void) {
  CURLM *multi = curl_multi_init();
  stream one = {0}, *s = calloc((size_t)count, sizeof *s);
  double used, gap = 0;
  long i, events = 0, before;
  set_up(&one, "tiny.whole.16384.1", "converse-stream");
  perform(&one);
  poller = epoll_create1(0);
  curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, on_socket);
  curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, on_timer);
  before = resident_kib();
  used = cpu();
  for (i = 0; i < count; i++) {
    set_up(&s[i], model, "converse-stream");
    curl_multi_add_handle(multi, s[i].easy);
  }
  drive(multi);
  used = cpu() - used;
  for (i = 0; i < count; i++) {
    events += s[i].events;
    if (s[i].gap > gap) gap = s[i].gap;
  }
  printf("events=%ld cpu=%.9f kib=%.1f gap=%.3f\n", events,
         used / (double)events,
         (double)(peak_kib() - before) / (double)count, gap);
}

int main(int argc, char **argv) {
  static const struct {
    const char *name;
    void (*run)(void);
  } modes[] = {{"start", run_start}, {"stream", run_stream},
               {"first", run_first}, {"unary", run_unary},
               {"slow", run_slow}};
  size_t i;
  if (argc < 5) return 2;
  mode = argv[1];
  endpoint = argv[2];
  model = argv[3];
  count = atol(argv[4]);
  ca = argc > 5 ? argv[5] : NULL;
  curl_global_init(CURL_GLOBAL_DEFAULT);
  for (i = 0; i < sizeof modes / sizeof *modes; i++)
    if (strcmp(mode, modes[i].name) == 0) {
      modes[i].run();
      return 0;
    }
  return 2;
}
