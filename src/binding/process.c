/*
** process.c - `curl.process`: a command under a time limit (see
** src/transport/process.h).  In bedrock.curl, since the core does no I/O.
**
**   process(command) -> p | nil, message, code
**   p:wait([seconds]) -> true: it ended | false: it still runs
**                      | nil, message, code: it was killed
**   p:result() -> stdout, stderr, exit code; before it ended: what came
**   p:close()  kill it if it still runs; also __gc and __close
*/
#include "process.h"

#include <string.h>

#include "binding.h"

#define PROCESS_T "bedrock.process"

/* A week; keeps the milliseconds within a long of 32 bits. */
#define MAX_SECONDS 604800

static int close_process(lua_State *L) {
  bdr_process_free(lbdr_self(L, PROCESS_T));
  return 0;
}

static int wait(lua_State *L) {
  bdr_process *p = lbdr_self(L, PROCESS_T);
  lua_Number seconds = luaL_optnumber(L, 2, 0);
  bdr_status status;
  luaL_argcheck(L, seconds >= 0 && seconds <= MAX_SECONDS, 2, "out of range");
  status = bdr_process_wait(p, (long)(seconds * 1000));
  if (status < 0) return lbdr_fail(L, status);
  lua_pushboolean(L, status == BDR_OK);
  return 1;
}

static int result(lua_State *L) {
  bdr_process *p = lbdr_self(L, PROCESS_T);
  lbdr_push_str(L, bdr_buf_str(&p->out));
  lbdr_push_str(L, bdr_buf_str(&p->err));
  lua_pushinteger(L, p->exit_code);
  return 3;
}

static void define(lua_State *L) {
  static const luaL_Reg methods[] = {{"wait", wait},
                                     {"result", result},
                                     {"close", close_process},
                                     {NULL, NULL}};
  lbdr_newclass(L, PROCESS_T, methods, close_process);
}

int lbdr_process(lua_State *L) {
  bdr_str command = lbdr_check_str(L, 1);
  bdr_process *p;
  bdr_status status;
  luaL_argcheck(L, strlen(command.p) == command.n, 1, "holds a NUL byte");
  define(L);
  p = lbdr_newobject(L, sizeof *p, PROCESS_T);
  status = bdr_process_start(p, command.p);
  return status == BDR_OK ? 1 : lbdr_fail(L, status);
}
