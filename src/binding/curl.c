/*
** curl.c - luaopen_bedrock_curl: the module `bedrock.curl`, the transport as
** userdata.  C queues, Lua pulls: no Lua function is ever called from a
** callback of libcurl.
**
**   curl.multi() -> multi            multi:start(request, s) -> transfer
**   multi:wait(seconds)              transfer:status/headers/read/close
*/
#include <math.h>
#include <string.h>
#include <sys/time.h>

#include "binding.h"
#include "poller.h"
#include "transport.h"
#include "version.h"

#define MULTI_T "bedrock.multi"
#define TRANSFER_T "bedrock.transfer"

LBDR_EXPORT int luaopen_bedrock_curl(lua_State *L);

/* Boxes: the C objects live as long as these, and know nothing of Lua. */
typedef struct multi_box {
  bdr_buf text, index; /* of the headers of the request that is started */
  bdr_multi *multi;
} multi_box;

typedef struct transfer_box {
  bdr_transfer *transfer;
} transfer_box;

/* What a transfer keeps: the body of its request, its multi handle. */
enum { BODY = 1, OWNER, SLOTS = OWNER };

static bdr_multi *check_multi(lua_State *L) {
  multi_box *box = lbdr_self(L, MULTI_T);
  if (!box->multi) luaL_error(L, "the multi handle is closed");
  return box->multi;
}

static int multi_close(lua_State *L) {
  multi_box *box = lbdr_self(L, MULTI_T);
  bdr_multi *m = box->multi;
  box->multi = NULL;
  bdr_buf_free(&box->text);
  bdr_buf_free(&box->index);
  bdr_multi_free(m);
  return 0;
}

/* multi() -> multi | nil, message, code */
static int multi_new(lua_State *L) {
  multi_box *box = lbdr_newobject(L, sizeof *box, MULTI_T);
  box->multi = bdr_multi_new();
  return box->multi ? 1 : lbdr_fail(L, BDR_E_NOMEM);
}

/* Seconds (may be fractions, HUGE_VAL, nil) as milliseconds, rounded up. */
static long milliseconds(lua_State *L, int arg, long without) {
  lua_Number seconds;
  if (lua_isnoneornil(L, arg)) return without;
  seconds = luaL_checknumber(L, arg);
  luaL_argcheck(L, seconds >= 0, arg, "a time cannot be negative");
  return seconds > 2e6 ? 2000000000L : (long)ceil(seconds * 1e3);
}

/* multi:wait([seconds]): let transfers go on, at most that long */
static int multi_wait(lua_State *L) {
  bdr_multi *m = check_multi(L);
  bdr_multi_wait(m, milliseconds(L, 2, -1));
  return 0;
}

/* multi:news() -> id of a transfer that has something new | nil */
static int multi_news(lua_State *L) {
  unsigned long id = bdr_multi_news(check_multi(L));
  if (id == 0) return 0;
  lua_pushnumber(L, (lua_Number)id);
  return 1;
}

/* multi:timeout() -> seconds until wait(0) is due at the latest | nil */
static int multi_timeout(lua_State *L) {
  long ms = bdr_multi_timeout(check_multi(L));
  if (ms < 0) return 0;
  lua_pushnumber(L, (lua_Number)ms * 1e-3);
  return 1;
}

/* multi:fd() -> the descriptor that is readable when any is | nil */
static int multi_fd(lua_State *L) {
  int fd = bdr_multi_fd(check_multi(L));
  if (fd < 0) return 0;
  lua_pushinteger(L, fd);
  return 1;
}

/* multi:sockets() -> list of { fd =, events = "r" | "w" | "rw" } */
static int multi_sockets(lua_State *L) {
  static const char *const names[] = {"", "r", "w", "rw"};
  bdr_multi *m = check_multi(L);
  int fd, events;
  size_t i;
  lua_newtable(L);
  for (i = 0; bdr_multi_socket(m, i, &fd, &events); i++) {
    lua_createtable(L, 0, 2);
    lua_pushinteger(L, fd);
    lua_setfield(L, -2, "fd");
    lua_pushstring(L, names[events & (BDR_POLL_IN | BDR_POLL_OUT)]);
    lua_setfield(L, -2, "events");
    lua_rawseti(L, -2, (int)i + 1);
  }
  return 1;
}

/* multi:forked() -> does it belong to a process we were forked from? */
static int multi_forked(lua_State *L) {
  lua_pushboolean(L, bdr_multi_forked(check_multi(L)));
  return 1;
}

/* The field's C string (it stays on the stack), or NULL where it is nil. */
static const char *field_cstring(lua_State *L, int index, const char *key) {
  size_t n;
  const char *s;
  lua_getfield(L, index, key);
  if (lua_isnil(L, -1)) return NULL;
  s = luaL_checklstring(L, -1, &n);
  if (strlen(s) != n) luaL_error(L, "field '%s' holds a NUL byte", key);
  return s;
}

/* "name: value"; "name;" is how libcurl is told of an empty value. */
static void add_line(lua_State *L, bdr_buf *text) {
  bdr_str name = lbdr_check_str(L, -2), value = lbdr_check_str(L, -1);
  if (memchr(name.p, 0, name.n) || memchr(value.p, 0, value.n))
    luaL_error(L, "a header holds a NUL byte");
  bdr_buf_adds(text, name);
  bdr_buf_adds(text, value.n ? BDR_LIT(": ") : BDR_LIT(";"));
  bdr_buf_adds(text, value);
  bdr_buf_addc(text, 0);
}

/* The beginnings of `text`'s lines, and NULL. */
static void index_lines(const bdr_buf *text, bdr_buf *index) {
  const char *line = text->p, *end = line + text->n;
  for (; line < end; line += strlen(line) + 1)
    bdr_buf_add(index, (const char *)&line, sizeof line);
  line = NULL;
  bdr_buf_add(index, (const char *)&line, sizeof line);
}

/*
** The headers of the request at `index` as an array of C strings that ends
** with NULL, in the buffers of the multi handle: nothing in here lets the
** collector run (and with it a finalizer that starts a request).
*/
static const char *const *check_headers(lua_State *L, int index,
                                        multi_box *box) {
  bdr_buf_clear(&box->text);
  bdr_buf_clear(&box->index);
  lua_getfield(L, index, "headers");
  luaL_checktype(L, -1, LUA_TTABLE);
  lua_pushnil(L);
  while (lua_next(L, -2)) {
    add_line(L, &box->text);
    lua_pop(L, 1);
  }
  if (bdr_buf_status(&box->text) != BDR_OK) luaL_error(L, "out of memory");
  index_lines(&box->text, &box->index); /* each line has its end by now */
  if (bdr_buf_status(&box->index) != BDR_OK) luaL_error(L, "out of memory");
  return (const char *const *)(const void *)box->index.p;
}

static bdr_request check_request(lua_State *L, int index, multi_box *box) {
  bdr_request r = {0};
  luaL_checktype(L, index, LUA_TTABLE);
  luaL_checkstack(L, 20, "request");
  r.method = field_cstring(L, index, "method");
  r.url = field_cstring(L, index, "url");
  if (!r.method || !r.url) luaL_error(L, "a request needs method and url");
  r.proxy = field_cstring(L, index, "proxy");
  r.ca_bundle = field_cstring(L, index, "ca_bundle");
  lua_getfield(L, index, "http_version");
  r.http2 = lua_isstring(L, -1) && strcmp(lua_tostring(L, -1), "2") == 0;
  lua_getfield(L, index, "fresh");
  r.fresh = lua_toboolean(L, -1);
  r.headers = check_headers(L, index, box);
  lua_getfield(L, index, "body");
  if (!lua_isnil(L, -1)) r.body = lbdr_check_str(L, lua_gettop(L));
  return r;
}

/*
** multi:start(request [, connect_timeout]) -> transfer | nil, message, code
** request: method, url, headers (name -> value), body, proxy, ca_bundle,
** http_version ("1.1", "2"), fresh (use no connection that was kept); the
** timeout in seconds.
*/
static int multi_start(lua_State *L) {
  bdr_multi *m = check_multi(L);
  multi_box *owner = lua_touserdata(L, 1);
  transfer_box *box;
  long connect_timeout_ms = milliseconds(L, 3, 0);
  bdr_request r;
  bdr_status status;
  lua_settop(L, 3);
  box = lbdr_newkeeper(L, sizeof *box, TRANSFER_T, SLOTS);
  lua_getfield(L, 2, "body");
  lbdr_keep(L, 4, BODY);
  lua_pushvalue(L, 1);
  lbdr_keep(L, 4, OWNER);
  r = check_request(L, 2, owner);
  r.connect_timeout_ms = connect_timeout_ms;
  status = bdr_transfer_start(m, &r, &box->transfer);
  bdr_wipe(owner->text.p, owner->text.n); /* tokens were in it */
  if (status != BDR_OK) return lbdr_fail(L, status);
  lua_settop(L, 4);
  return 1;
}

static bdr_transfer *check_transfer(lua_State *L) {
  transfer_box *box = lbdr_self(L, TRANSFER_T);
  if (!box->transfer) luaL_error(L, "the transfer is closed");
  return box->transfer;
}

/* transfer:close(): again and again is fine */
static int transfer_close(lua_State *L) {
  transfer_box *box = lbdr_self(L, TRANSFER_T);
  bdr_transfer *x = box->transfer;
  box->transfer = NULL;
  bdr_transfer_close(x);
  return 0;
}

/* transfer:id() -> what multi:news() calls it */
static int transfer_id(lua_State *L) {
  lua_pushnumber(L, (lua_Number)bdr_transfer_id(check_transfer(L)));
  return 1;
}

/* transfer:status() -> HTTP status | nil, the head is not there yet */
static int transfer_status(lua_State *L) {
  int status = bdr_transfer_status(check_transfer(L));
  if (status == 0) return 0;
  lua_pushinteger(L, status);
  return 1;
}

static bdr_str trim(bdr_str s) {
  while (s.n && (*s.p == ' ' || *s.p == '\t')) bdr_cut(&s, 1, NULL);
  while (s.n && (unsigned char)s.p[s.n - 1] <= ' ') s.n--;
  return s;
}

/* Names longer than any that is used are pushed as they came. */
#define HEADER_NAME_MAX 128

static void push_lower(lua_State *L, bdr_str s) {
  char name[HEADER_NAME_MAX];
  size_t i;
  if (s.n > HEADER_NAME_MAX) {
    lbdr_push_str(L, s);
    return;
  }
  for (i = 0; i < s.n; i++) name[i] = bdr_lower(s.p[i]);
  lua_pushlstring(L, name, s.n);
}

/* Add one line to the table on top; a second value follows a comma. */
static void add_header(lua_State *L, bdr_str line) {
  const char *colon = memchr(line.p, ':', line.n);
  bdr_str name = line, value;
  if (!colon) return;
  name.n = (size_t)(colon - line.p);
  value.p = colon + 1;
  value.n = line.n - name.n - 1;
  push_lower(L, trim(name));
  lua_pushvalue(L, -1);
  lua_rawget(L, -3);
  if (lua_isnil(L, -1)) {
    lua_pop(L, 1);
    lbdr_push_str(L, trim(value));
  } else {
    lua_pushliteral(L, ", ");
    lbdr_push_str(L, trim(value));
    lua_concat(L, 3);
  }
  lua_rawset(L, -3);
}

/* Cut the first line off, with its end. */
static bdr_str next_line(bdr_str *rest) {
  const char *end = memchr(rest->p, '\n', rest->n);
  bdr_str line = {NULL, 0};
  bdr_cut(rest, end ? (size_t)(end - rest->p) + 1 : rest->n, &line);
  return line;
}

static int count_lines(bdr_str text) {
  int lines = 0;
  for (; text.n; lines++) next_line(&text);
  return lines;
}

/* transfer:headers() -> lower-case name -> value, duplicates joined */
static int transfer_headers(lua_State *L) {
  bdr_str rest = bdr_transfer_head(check_transfer(L));
  lua_createtable(L, 0, count_lines(rest));
  while (rest.n) add_header(L, next_line(&rest));
  return 1;
}

/* transfer:release(): the head was read; what only it and the request needed
** is given back */
static int transfer_release(lua_State *L) {
  if (!bdr_transfer_release(check_transfer(L))) return 0;
  lua_pushnil(L);
  lbdr_keep(L, 1, BODY);
  return 0;
}

/* nil, "sentence: libcurl's detail", name */
static int push_failure(lua_State *L, const bdr_transfer *x) {
  const char *name, *text, *detail = bdr_transfer_detail(x);
  bdr_transfer_error(x, &name, &text);
  lua_pushnil(L);
  if (*detail)
    lua_pushfstring(L, "%s (%s)", text ? text : "failed", detail);
  else
    lua_pushstring(L, text ? text : "failed");
  lua_pushstring(L, name ? name : "TransferFailed");
  return 3;
}

static bdr_status push_bytes(lua_State *L, bdr_transfer *x) {
  bdr_str bytes;
  bdr_status status = bdr_transfer_read(x, &bytes);
  if (status != BDR_OK) return status;
  lbdr_push_str(L, bytes);
  bdr_transfer_consume(x);
  return BDR_OK;
}

/* Into the sink at 2; pushes true. */
static bdr_status pour(lua_State *L, bdr_transfer *x) {
  lbdr_sink *sink = luaL_checkudata(L, 2, LBDR_SINK_T);
  bdr_buf *room = sink->room(sink);
  bdr_status status;
  luaL_argcheck(L, room, 2, "it has not taken all that it had");
  status = bdr_transfer_take(x, room);
  if (status != BDR_OK) return status;
  sink->filled(sink);
  lua_pushboolean(L, 1);
  return BDR_OK;
}

/*
** transfer:read([decoder]) -> bytes (true: they went into the decoder), is
**                             that all so far?
**                           | false (none yet) | nil (the end)
**                           | nil, message, code
*/
static int transfer_read(lua_State *L) {
  bdr_transfer *x = check_transfer(L);
  bdr_str next;
  bdr_status status =
      lua_isnoneornil(L, 2) ? push_bytes(L, x) : pour(L, x);
  if (status == BDR_OK) {
    lua_pushboolean(L, bdr_transfer_read(x, &next) == BDR_MORE);
    return 2;
  } else if (status == BDR_MORE) {
    lua_pushboolean(L, 0);
  } else if (status == BDR_END) {
    lua_pushnil(L);
  } else {
    return push_failure(L, x);
  }
  return 1;
}

/*
** transfer:progress() -> when it last got on (monotonic), "connecting" |
**                        "waiting for the response" | "reading the response"
*/
static int transfer_progress(lua_State *L) {
  static const char *const names[] = {"connecting", "waiting for the response",
                                      "reading the response"};
  bdr_phase phase;
  lua_pushnumber(L, bdr_transfer_progress(check_transfer(L), &phase));
  lua_pushstring(L, names[phase]);
  return 2;
}

/* transfer:connected() -> may the request have reached the server? */
static int transfer_connected(lua_State *L) {
  lua_pushboolean(L, bdr_transfer_connected(check_transfer(L)));
  return 1;
}

/* transfer:reused() -> did it go over a connection that was kept? */
static int transfer_reused(lua_State *L) {
  lua_pushboolean(L, bdr_transfer_reused(check_transfer(L)));
  return 1;
}

/* transfer:stale() -> had a kept connection closed before any reply? */
static int transfer_stale(lua_State *L) {
  lua_pushboolean(L, bdr_transfer_stale(check_transfer(L)));
  return 1;
}

/* monotonic() -> seconds from an arbitrary start */
static int monotonic(lua_State *L) {
  lua_pushnumber(L, bdr_monotonic());
  return 1;
}

/* now() -> seconds since the epoch, with fractions */
static int now(lua_State *L) {
  struct timeval t;
  gettimeofday(&t, NULL);
  lua_pushnumber(L, (lua_Number)t.tv_sec + (lua_Number)t.tv_usec * 1e-6);
  return 1;
}

/* version() -> libcurl's description of itself and its libraries */
static int version(lua_State *L) {
  lua_pushstring(L, bdr_transport_version());
  return 1;
}

int luaopen_bedrock_curl(lua_State *L) {
  static const luaL_Reg multi_methods[] = {
      {"start", multi_start},     {"wait", multi_wait},
      {"timeout", multi_timeout}, {"fd", multi_fd},
      {"sockets", multi_sockets}, {"close", multi_close},
      {"forked", multi_forked},   {"news", multi_news},
      {NULL, NULL}};
  static const luaL_Reg transfer_methods[] = {
      {"status", transfer_status},       {"headers", transfer_headers},
      {"read", transfer_read},           {"progress", transfer_progress},
      {"connected", transfer_connected}, {"release", transfer_release},
      {"reused", transfer_reused},       {"stale", transfer_stale},
      {"id", transfer_id},               {"close", transfer_close},
      {NULL, NULL}};
  static const luaL_Reg functions[] = {{"multi", multi_new},
                                       {"monotonic", monotonic},
                                       {"now", now},
                                       {"version", version},
                                       {"interrupt", lbdr_interrupt},
                                       {"process", lbdr_process},
                                       {"write_private", lbdr_write_private},
                                       {NULL, NULL}};
  lbdr_newclass(L, MULTI_T, multi_methods, multi_close);
  lbdr_newclass(L, TRANSFER_T, transfer_methods, transfer_close);
  lbdr_newlib(L, functions);
  lua_pushliteral(L, BDR_VERSION);
  lua_setfield(L, -2, "_VERSION");
  return 1;
}
