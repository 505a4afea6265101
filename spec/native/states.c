/*
** states.c - runs a Lua script in several states at once, for specs.
**
**     states N script.lua [argument...]
**
** N threads, each with a Lua state of its own; 0: no thread.  Each state has
** three functions more:  fork() -> pid, 0 in the child;  leave(code): the
** process ends without tidying up;  await(pid) -> exit code.  The program
** ends with 0 if no state raised an error.
*/
#include <lauxlib.h>
#include <lualib.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#define MOST 64

static int script_argc;
static char **script_argv;

static int do_fork(lua_State *L) {
  lua_pushinteger(L, fork());
  return 1;
}

static int do_leave(lua_State *L) {
  fflush(NULL);
  _exit((int)luaL_checkinteger(L, 1));
}

static int do_await(lua_State *L) {
  int status = 0;
  waitpid((pid_t)luaL_checkinteger(L, 1), &status, 0);
  lua_pushinteger(L, WIFEXITED(status) ? WEXITSTATUS(status) : 255);
  return 1;
}

static int run(int number) {
  int i, failed;
  lua_State *L = luaL_newstate();
  if (!L) return 1;
  luaL_openlibs(L);
  lua_register(L, "fork", do_fork);
  lua_register(L, "leave", do_leave);
  lua_register(L, "await", do_await);
  failed = luaL_loadfile(L, script_argv[0]) != 0;
  if (!failed) {
    lua_pushinteger(L, number);
    for (i = 1; i < script_argc; i++) lua_pushstring(L, script_argv[i]);
    failed = lua_pcall(L, script_argc, 0, 0) != 0;
  }
  if (failed) fprintf(stderr, "state %d: %s\n", number, lua_tostring(L, -1));
  lua_close(L);
  return failed;
}

static void *thread(void *number) {
  return run((int)(size_t)number) ? number : NULL;
}

int main(int argc, char **argv) {
  pthread_t threads[MOST];
  int i, n, failed = 0;
  if (argc < 3) return 2;
  n = atoi(argv[1]);
  script_argc = argc - 2;
  script_argv = argv + 2;
  if (n <= 0) return run(0);
  if (n > MOST) n = MOST;
  for (i = 0; i < n; i++)
    if (pthread_create(&threads[i], NULL, thread, (void *)(size_t)(i + 1)))
      return 2;
  for (i = 0; i < n; i++) {
    void *result = NULL;
    pthread_join(threads[i], &result);
    failed += result != NULL;
  }
  return failed != 0;
}
