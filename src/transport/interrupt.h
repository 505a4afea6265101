/*
** interrupt.h - Ctrl-C as a question instead of the end of the process.
**
**     watch --> SIGINT sets a flag --> taken? --> leave
**
** For programs at a terminal that want to stop an answer and go on.  lua's
** own handler ends the process at the second Ctrl-C; it gets the third one
** here, when nobody asked since the first.  A signal's handler can
** reach nothing but a static flag: this is the process's, as the signal is.
*/
#ifndef BDR_INTERRUPT_H
#define BDR_INTERRUPT_H

/*
** From now on SIGINT only sets the flag, and cuts short what waits (a read
** from the terminal fails, bdr_multi_wait returns).  0, or an errno.  Again
** is fine.
*/
int bdr_interrupt_watch(void);

/* Was there a SIGINT since the last time it was asked?  Then the next ones
** are watched for again. */
int bdr_interrupt_taken(void);

/* SIGINT does again what it did before the first watch. */
void bdr_interrupt_leave(void);

#endif
