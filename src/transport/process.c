/* see process.h */
#include "process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* A child can end without closing its pipes (a grandchild kept them): look
** for its end this often, in milliseconds. */
#define SLICE 20

static void close_fd(int *fd) {
  if (*fd) close(*fd - 1);
  *fd = 0;
}

static int make_pipe(int ends[2]) {
  if (pipe(ends) != 0) return 0;
  fcntl(ends[0], F_SETFD, FD_CLOEXEC);
  fcntl(ends[1], F_SETFD, FD_CLOEXEC);
  fcntl(ends[0], F_SETFL, O_NONBLOCK);
  return 1;
}

/* Runs in the child, between fork and exec: nothing but system calls.  The
** pipes are lifted above 2 first, in case the parent had closed those. */
static void become(const char *command, int out, int err) {
  sigset_t none;
  int null = open("/dev/null", O_RDONLY);
  setsid();
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
  signal(SIGPIPE, SIG_DFL); /* an ignored signal would stay ignored */
  out = fcntl(out, F_DUPFD, 3);
  err = fcntl(err, F_DUPFD, 3);
  if (null < 0 || dup2(null, 0) < 0 || dup2(out, 1) < 0 || dup2(err, 2) < 0)
    _exit(127);
  close(out);
  close(err);
  if (null > 2) close(null);
  execl("/bin/sh", "sh", "-c", command, (char *)NULL);
  _exit(127);
}

static bdr_status fail(bdr_process *p, bdr_status status) {
  bdr_process_free(p);
  p->status = status;
  return status;
}

bdr_status bdr_process_start(bdr_process *p, const char *command) {
  int out[2], err[2];
  if (!make_pipe(out)) return fail(p, BDR_E_NOMEM);
  p->out_fd = out[0] + 1;
  if (!make_pipe(err)) {
    close(out[1]);
    return fail(p, BDR_E_NOMEM);
  }
  p->err_fd = err[0] + 1;
  p->pid = fork();
  if (p->pid == 0) become(command, out[1], err[1]);
  close(out[1]);
  close(err[1]);
  if (p->pid < 0) return fail(p, BDR_E_NOMEM);
  p->state = BDR_PROCESS_RUNNING;
  return BDR_OK;
}

static long now_ms(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (long)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Everything that is there now; closes the pipe at its end. */
static void drain(int *fd, bdr_buf *into) {
  while (*fd && into->n <= BDR_PROCESS_MAX_OUTPUT) {
    char *room = bdr_buf_room(into, 4096);
    ssize_t n = room ? read(*fd - 1, room, 4096) : -1;
    if (n > 0) {
      into->n += (size_t)n;
    } else if (n == 0) {
      close_fd(fd);
    } else if (!room || errno != EINTR) {
      return;
    }
  }
}

/* Standard error without end: its first half goes when it is full.  The
** second time takes what a pipe still holds (64 KiB). */
static void drain_last_words(bdr_process *p) {
  size_t half;
  drain(&p->err_fd, &p->err);
  if (p->err.n <= BDR_PROCESS_MAX_OUTPUT) return;
  half = p->err.n / 2;
  memmove(p->err.p, p->err.p + half, p->err.n - half);
  p->err.n -= half;
  drain(&p->err_fd, &p->err);
}

/* Has it ended?  ECHILD: the program ignores SIGCHLD, and how it ended is
** not to be known; what it wrote then decides. */
static int reap(bdr_process *p) {
  int status = 0;
  pid_t got = waitpid(p->pid, &status, WNOHANG);
  if (got == 0 || (got < 0 && errno != ECHILD)) return 0;
  if (got > 0 && WIFEXITED(status)) p->exit_code = WEXITSTATUS(status);
  if (got > 0 && WIFSIGNALED(status)) p->exit_code = 128 + WTERMSIG(status);
  p->state = BDR_PROCESS_ENDED;
  return 1;
}

/* Until something can be read, or `milliseconds` are over. */
static void pause_for(const bdr_process *p, long milliseconds) {
  struct pollfd fds[2]; /* a closed one is -1, which poll passes over */
  fds[0].fd = p->out_fd - 1;
  fds[1].fd = p->err_fd - 1;
  fds[0].events = fds[1].events = POLLIN;
  poll(fds, 2, (int)milliseconds);
}

bdr_status bdr_process_wait(bdr_process *p, long milliseconds) {
  long left = milliseconds, end = now_ms() + milliseconds;
  if (p->status != BDR_OK || p->state != BDR_PROCESS_RUNNING) return p->status;
  for (;;) {
    int ended = reap(p); /* first: what it wrote before is read below */
    drain(&p->out_fd, &p->out);
    drain_last_words(p);
    if (bdr_buf_status(&p->out) || bdr_buf_status(&p->err))
      return fail(p, BDR_E_NOMEM);
    if (p->out.n > BDR_PROCESS_MAX_OUTPUT) return fail(p, BDR_E_LIMIT);
    if (ended) return BDR_OK;
    if (left <= 0) return BDR_MORE;
    pause_for(p, left < SLICE ? left : SLICE);
    left = end - now_ms();
  }
}

void bdr_process_free(bdr_process *p) {
  if (p->state == BDR_PROCESS_RUNNING) {
    kill(-p->pid, SIGKILL); /* the group that setsid() made */
    kill(p->pid, SIGKILL);  /* in case it had not come that far */
    while (waitpid(p->pid, NULL, 0) < 0 && errno == EINTR) continue;
  }
  close_fd(&p->out_fd);
  close_fd(&p->err_fd);
  bdr_buf_wipe(&p->out);
  bdr_buf_wipe(&p->err);
  memset(p, 0, sizeof *p);
}
