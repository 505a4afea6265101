/* see interrupt.h */
#include "interrupt.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>

static volatile sig_atomic_t interrupted;
static struct sigaction before;
static int watching;

static void on_interrupt(int number) {
  (void)number;
  interrupted = 1;
}

int bdr_interrupt_watch(void) {
  struct sigaction action = {0};
  interrupted = 0;
  if (watching) return 0;
  action.sa_handler = on_interrupt; /* no SA_RESTART: a read is cut short */
  sigemptyset(&action.sa_mask);
  if (sigaction(SIGINT, &action, &before) != 0) return errno;
  watching = 1;
  return 0;
}

int bdr_interrupt_taken(void) {
  int was = interrupted != 0;
  interrupted = 0;
  return was;
}

void bdr_interrupt_leave(void) {
  if (watching) sigaction(SIGINT, &before, NULL);
  watching = 0;
}
