/*
** process.h - one command under a time limit: what a profile's
** `credential_process` needs and popen() cannot give.
**
**     start("helper --json") --> wait --> wait --> BDR_OK: out, err, exit
**
** The command runs through /bin/sh -c (the majority of AWS's SDKs do so),
** in a session of its own: no terminal to ask on, and killing it takes its
** children along.  Its standard input is /dev/null.  POSIX only.
*/
#ifndef BDR_PROCESS_H
#define BDR_PROCESS_H

#include <sys/types.h>

#include "bytes.h"

/* More standard output than this: BDR_E_LIMIT.  Credentials are a few KiB;
** the longest session token known is below 20 KiB.  Of a longer standard
** error the end is kept: a helper may log at length and yet succeed. */
#define BDR_PROCESS_MAX_OUTPUT (1024 * 1024)

typedef enum bdr_process_state {
  BDR_PROCESS_NONE,
  BDR_PROCESS_RUNNING,
  BDR_PROCESS_ENDED
} bdr_process_state;

/* All-zero is no process. */
typedef struct bdr_process {
  bdr_process_state state;
  bdr_status status; /* sticky */
  pid_t pid;
  int out_fd; /* descriptor + 1; 0: closed */
  int err_fd;
  bdr_buf out;
  bdr_buf err;
  int exit_code; /* 0..255; 128 + n when signal n ended it */
} bdr_process;

/*
** Start `command` (NUL-terminated).  BDR_OK; BDR_E_NOMEM where the system
** has no process or descriptor left.
*/
bdr_status bdr_process_start(bdr_process *p, const char *command);

/*
** Let it run for at most `milliseconds` (0: only look).  BDR_OK: it ended;
** out, err and exit_code are final.  BDR_MORE: still running.  BDR_E_LIMIT,
** BDR_E_NOMEM: it was killed; repeated for ever.
*/
bdr_status bdr_process_wait(bdr_process *p, long milliseconds);

/* Kill it and its children if it still runs, wipe what it wrote. */
void bdr_process_free(bdr_process *p);

#endif
