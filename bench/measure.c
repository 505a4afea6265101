/*
** measure.c - runs a command and says what it cost.
**
**     measure COMMAND ...
**
** Its output goes through; a last line `wall= first= cpu= rss=` follows on
** standard output: milliseconds until it ended and until it first wrote
** something, CPU milliseconds (user and system, its children too), and its
** greatest resident set in KiB; none where the command failed.  Exit status
** 1: it failed.
*/
#define _POSIX_C_SOURCE 200809L
#define _DEFAULT_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec * 1e3 + (double)t.tv_nsec * 1e-6;
}

static double milliseconds(struct timeval t) {
  return (double)t.tv_sec * 1e3 + (double)t.tv_usec * 1e-3;
}

/* vfork: a fork's copy of the page tables would be in what is measured. */
static pid_t start(char **command, int output) {
  pid_t child = vfork();
  if (child == 0) {
    dup2(output, 1);
    execvp(command[0], command);
    _exit(127);
  }
  return child;
}

int main(int argc, char **argv) {
  char bytes[4096];
  struct rusage used;
  int ends[2], status = 0;
  ssize_t n;
  double began, first = 0;
  pid_t child;
  if (argc < 2 || pipe(ends)) return 2;
  began = now();
  child = start(argv + 1, ends[1]);
  close(ends[1]);
  while ((n = read(ends[0], bytes, sizeof bytes)) > 0) {
    if (first == 0) first = now() - began;
    fwrite(bytes, 1, (size_t)n, stdout);
  }
  wait4(child, &status, 0, &used);
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) return 1;
  printf("wall=%.3f first=%.3f cpu=%.3f rss=%ld\n", now() - began, first,
         milliseconds(used.ru_utime) + milliseconds(used.ru_stime),
         used.ru_maxrss);
  return 0;
}
