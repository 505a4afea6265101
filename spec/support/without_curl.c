/*
** without_curl.c - the amalgamation without its transport: says what the
** lack of a host leads to, twice, and sends through a host of its own.
** See spec/hosts/embed_spec.lua.
*/
#include <stdio.h>

#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>

#include "bedrock.h"

static const char script[] =
    "local bedrock = require 'bedrock'\n"
    "for _ = 1, 2 do print(select(2, pcall(bedrock.new))) end\n"
    "local body = '{\"output\":{\"message\":{\"role\":\"assistant\",'\n"
    "  .. '\"content\":[{\"text\":\"pong\"}]}}}'\n"
    "local host = { now = function() return os.time() end,\n"
    "  clock = function() return os.clock() end, sleep = function() end }\n"
    "function host:send()\n"
    "  return { status = 200, headers = {}, close = function() end,\n"
    "    read = function()\n"
    "      local bytes = body\n"
    "      body = nil\n"
    "      return bytes\n"
    "    end }\n"
    "end\n"
    "local client = bedrock.new { region = 'a-b-1', host = host,\n"
    "  credentials = { access_key_id = 'a', secret_access_key = 'b' } }\n"
    "local answer = assert(client:converse { modelId = 'm' })\n"
    "print('its own host: ' .. answer.output.message.content[1].text)\n";

int main(void) {
  lua_State *L = luaL_newstate();
  int failed;
  luaL_openlibs(L);
  luaL_requiref(L, "bedrock", luaopen_bedrock, 0);
  failed = luaL_dostring(L, script);
  if (failed) puts(luaL_tolstring(L, -1, NULL));
  lua_close(L);
  return failed;
}
