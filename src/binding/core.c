/*
** core.c - luaopen_bedrock_core: the module `bedrock.core`, one field per
** room of src/core.  It needs libcrypto and nothing else.
*/
#include "binding.h"
#include "version.h"

LBDR_EXPORT int luaopen_bedrock_core(lua_State *L);

LBDR_EXPORT int luaopen_bedrock_core(lua_State *L) {
  lua_newtable(L);
  lua_pushliteral(L, BDR_VERSION);
  lua_setfield(L, -2, "_VERSION");
#define X(room)          \
  lbdr_open_##room(L);   \
  lua_setfield(L, -2, #room);
  LBDR_CORE_ROOMS(X)
#undef X
  return 1;
}
