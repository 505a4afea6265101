/*
** interrupt.c - `curl.interrupt` (see src/transport/interrupt.h):
**
**   interrupt "watch" -> true | nil, message, code
**   interrupt "taken" -> was there a Ctrl-C since the last time?
**   interrupt "leave"
*/
#include "interrupt.h"

#include <string.h>

#include "binding.h"

int lbdr_interrupt(lua_State *L) {
  static const char *const words[] = {"watch", "taken", "leave", NULL};
  int word = luaL_checkoption(L, 1, NULL, words);
  int answer = 1;
  if (word == 0) {
    int problem = bdr_interrupt_watch();
    if (problem != 0) {
      lua_pushnil(L);
      lua_pushstring(L, strerror(problem));
      lua_pushliteral(L, "SignalFailed");
      return 3;
    }
  } else if (word == 1) {
    answer = bdr_interrupt_taken();
  } else {
    bdr_interrupt_leave();
  }
  lua_pushboolean(L, answer);
  return 1;
}
