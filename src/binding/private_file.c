/*
** private_file.c - `curl.write_private` (see src/transport/private_file.h):
**
**   write_private(path, text) -> true | nil, message, code
*/
#include "private_file.h"

#include <string.h>

#include "binding.h"

int lbdr_write_private(lua_State *L) {
  bdr_str path = lbdr_check_str(L, 1);
  bdr_str text = lbdr_check_str(L, 2);
  int problem;
  luaL_argcheck(L, strlen(path.p) == path.n, 1, "holds a NUL byte");
  problem = bdr_private_file_write(path.p, text);
  if (problem == 0) {
    lua_pushboolean(L, 1);
    return 1;
  }
  lua_pushnil(L);
  lua_pushstring(L, strerror(problem));
  lua_pushliteral(L, "WriteFailed");
  return 3;
}
