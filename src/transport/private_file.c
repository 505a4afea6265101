/* see private_file.h */
#include "private_file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int write_all(int fd, bdr_str text) {
  while (text.n) {
    ssize_t n = write(fd, text.p, text.n);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return errno;
    bdr_cut(&text, (size_t)n, NULL);
  }
  return fsync(fd) == 0 ? 0 : errno;
}

/* mkstemp() makes the file with mode 0600 (POSIX.1-2008). */
static int write_beside(char *name, const char *path, bdr_str text) {
  int fd = mkstemp(name), problem;
  if (fd < 0) return errno;
  problem = write_all(fd, text);
  if (close(fd) != 0 && !problem) problem = errno;
  if (!problem && rename(name, path) != 0) problem = errno;
  if (problem) unlink(name);
  return problem;
}

int bdr_private_file_write(const char *path, bdr_str text) {
  bdr_buf name = {0};
  int problem = ENOMEM;
  bdr_buf_adds(&name, bdr_str_of(path));
  bdr_buf_add(&name, ".XXXXXX", sizeof ".XXXXXX"); /* with its NUL */
  if (bdr_buf_status(&name) == BDR_OK)
    problem = write_beside(name.p, path, text);
  bdr_buf_free(&name);
  return problem;
}
