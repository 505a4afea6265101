
/* ---- luaopen_bedrock */

static int bedrock_load(lua_State *L) {
  const bedrock_module *m = lua_touserdata(L, lua_upvalueindex(1));
  char name[128];
  lua_settop(L, 1);
  strcpy(name, "=");
  strncat(name, m->name, sizeof name - 2);
  if (luaL_loadbuffer(L, m->text, m->size, name) != 0) return lua_error(L);
  lua_pushvalue(L, 1);
  lua_call(L, 1, 1);
  return 1;
}

static int bedrock_curl_absent(lua_State *L) {
  return luaL_error(L, "this program was built with BEDROCK_WITHOUT_CURL: "
                       "give bedrock.new a host of its own");
}

/* Everything into package.preload, then what `require "bedrock"` gives. */
LBDR_EXPORT int luaopen_bedrock(lua_State *L) {
  const bedrock_module *m;
  lua_getglobal(L, "package");
  lua_getfield(L, -1, "preload");
  for (m = bedrock_modules; m->name; m++) {
    lua_pushlightuserdata(L, (void *)(size_t)m);
    lua_pushcclosure(L, bedrock_load, 1);
    lua_setfield(L, -2, m->name);
  }
  lua_pushcfunction(L, luaopen_bedrock_core);
  lua_setfield(L, -2, "bedrock.core");
#ifdef BEDROCK_WITHOUT_CURL
  lua_pushcfunction(L, bedrock_curl_absent);
#else
  (void)bedrock_curl_absent;
  lua_pushcfunction(L, luaopen_bedrock_curl);
#endif
  lua_setfield(L, -2, "bedrock.curl");
  lua_getfield(L, -1, "bedrock");
  lua_pushliteral(L, "bedrock");
  lua_call(L, 1, 1);
  return 1;
}
