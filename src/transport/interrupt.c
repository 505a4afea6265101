/* see interrupt.h */
#include "interrupt.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>

static volatile sig_atomic_t interrupted;
static struct sigaction before;
static int watching;

/* Nobody asked since the last one: whoever insists is not held up by us. */
static void on_interrupt(int number) {
  (void)number;
  if (interrupted) sigaction(SIGINT, &before, NULL);
  interrupted = 1;
}

static int install(struct sigaction *old) {
  struct sigaction action = {0};
  action.sa_handler = on_interrupt; /* no SA_RESTART: a read is cut short */
  sigemptyset(&action.sa_mask);
  return sigaction(SIGINT, &action, old);
}

int bdr_interrupt_watch(void) {
  interrupted = 0;
  if (install(watching ? NULL : &before) != 0) return errno;
  watching = 1;
  return 0;
}

int bdr_interrupt_taken(void) {
  int was = interrupted != 0;
  interrupted = 0;
  if (was && watching) install(NULL);
  return was;
}

void bdr_interrupt_leave(void) {
  if (watching) sigaction(SIGINT, &before, NULL);
  watching = 0;
}
