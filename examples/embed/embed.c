/*
** embed.c - a program with its own loop, its own Lua, and lua-bedrock
** compiled in.  See README.md.
**
**     embed ENDPOINT          one answer inside a frame loop
**     embed ENDPOINT many     twenty Lua states in four threads
**
** Credentials come from the environment, as everywhere.
*/
#define _POSIX_C_SOURCE 200809L
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>

#include "bedrock.h"

#define FRAME_MS 16.0
#define THREADS 4
#define STATES_PER_THREAD 5

/* The game's script: `start` asks, `frame` is called once per frame. */
static const char script[] =
    "local bedrock = require 'bedrock'\n"
    "local client = bedrock.new { region = 'us-east-1',\n"
    "  endpoint_url = ... }\n"
    "local stream\n"
    "function start(question)\n"
    "  stream = client:converse_stream {\n"
    "    modelId = 'amazon.nova-lite-v1:0',\n"
    "    messages = { {\n"
    "      role = 'user', content = { { text = question } } } } }\n"
    "end\n"
    "function frame()\n" /* -> new text, or nil at the end */
    "  local event, err = stream:poll()\n"
    "  if err then error(err, 0) end\n"
    "  if event == nil then return nil end\n"
    "  local delta = event and event.contentBlockDelta\n"
    "  return delta and delta.delta.text or ''\n"
    "end\n"
    "function whole(question)\n" /* -> how many bytes the answer has */
    "  start(question)\n"
    "  local response, err = stream:response()\n"
    "  if not response then error(err, 0) end\n"
    "  return #response.output.message.content[1].text\n"
    "end\n";

static double now_ms(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec * 1e3 + (double)t.tv_nsec * 1e-6;
}

static void sleep_ms(double ms) {
  struct timespec t = {0, (long)(ms * 1e6)};
  if (ms > 0) nanosleep(&t, NULL);
}

/* Say what went wrong (error objects have a __tostring); returns 0. */
static int failed(lua_State *L) {
  fprintf(stderr, "embed: %s\n", luaL_tolstring(L, -1, NULL));
  return 0;
}

/* A Lua with the library in it and the script loaded, or NULL. */
static lua_State *open_lua(const char *endpoint) {
  lua_State *L = luaL_newstate();
  if (!L) return NULL;
  luaL_openlibs(L);
  luaL_requiref(L, "bedrock", luaopen_bedrock, 0);
  lua_pop(L, 1);
  if (luaL_loadbuffer(L, script, strlen(script), "=script") == LUA_OK) {
    lua_pushstring(L, endpoint);
    if (lua_pcall(L, 1, 0, 0) == LUA_OK) return L;
  }
  failed(L);
  lua_close(L);
  return NULL;
}

/* One frame: 1 while the answer goes on; *spent is what Lua took. */
static int frame(lua_State *L, double *spent) {
  double began = now_ms();
  int goes_on;
  lua_getglobal(L, "frame");
  if (lua_pcall(L, 0, 1, 0) != LUA_OK) return failed(L);
  *spent = now_ms() - began;
  goes_on = lua_isstring(L, -1);
  if (goes_on) fputs(lua_tostring(L, -1), stdout);
  lua_pop(L, 1);
  return goes_on;
}

static int run_frames(const char *endpoint) {
  lua_State *L = open_lua(endpoint);
  double spent = 0, worst = 0;
  int frames = 0;
  if (!L) return 1;
  lua_getglobal(L, "start");
  lua_pushstring(L, "What is Lua?");
  if (lua_pcall(L, 1, 0, 0) != LUA_OK) return !failed(L);
  while (frame(L, &spent)) {
    fflush(stdout);
    if (spent > worst) worst = spent;
    frames++;
    sleep_ms(FRAME_MS - spent); /* here a game moves and draws */
  }
  printf("\n%d frames, at most %.2f ms of one in Lua\n", frames, worst);
  lua_close(L);
  return frames == 0;
}

/* One thread: five states of its own, each asks once; bytes of answers. */
static void *run_states(void *endpoint) {
  static long sum[THREADS];
  static int next;
  static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
  long *bytes;
  int i;
  pthread_mutex_lock(&lock);
  bytes = &sum[next++];
  pthread_mutex_unlock(&lock);
  for (i = 0; i < STATES_PER_THREAD; i++) {
    lua_State *L = open_lua(endpoint);
    if (!L) continue;
    lua_getglobal(L, "whole");
    lua_pushstring(L, "What is Lua?");
    if (lua_pcall(L, 1, 1, 0) == LUA_OK) {
      *bytes += (long)lua_tointeger(L, -1);
      printf("answer of %d bytes\n", (int)lua_tointeger(L, -1));
    } else {
      failed(L);
    }
    lua_close(L);
  }
  return bytes;
}

static int run_threads(char *endpoint) {
  pthread_t threads[THREADS];
  long total = 0;
  int i;
  for (i = 0; i < THREADS; i++)
    if (pthread_create(&threads[i], NULL, run_states, endpoint) != 0) return 1;
  for (i = 0; i < THREADS; i++) {
    void *bytes;
    pthread_join(threads[i], &bytes);
    total += *(long *)bytes;
  }
  printf("%ld bytes in all\n", total);
  return total == 0;
}

int main(int argc, char **argv) {
  if (argc < 2) {
    fputs("embed ENDPOINT [many]\n", stderr);
    return 2;
  }
  return argc > 2 ? run_threads(argv[1]) : run_frames(argv[1]);
}
