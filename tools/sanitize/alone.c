/*
** alone.c - preloaded beside the sanitizers: this process alone is watched.
**
** What a spec starts (make, curl, ps, LÖVE, an emulator) is not ours to
** judge, and some of it fails or locks up under a preloaded ASan.
*/
#define _POSIX_C_SOURCE 200809L
#include <stdlib.h>

__attribute__((constructor)) static void alone(void) {
  unsetenv("LD_PRELOAD");
}
