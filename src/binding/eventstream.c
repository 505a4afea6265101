/*
** eventstream.c - core.eventstream: the decoder as a userdata, the encoder
** as a function.
**
** The decoder borrows what it was fed until all of that was taken: a string,
** which the userdata keeps alive, or bytes that a transfer left in `bytes`.
*/
#include "eventstream.h"

#include <string.h>

#include "binding.h"
#include "json.h"

#define DECODER_T LBDR_SINK_T

typedef struct decoder {
  lbdr_sink sink;
  bdr_eventstream stream;
  bdr_buf bytes;
} decoder;

/* What a decoder keeps: the bytes; the last event's type, or false. */
enum { FED = 1, NAME, SLOTS = NAME };

static bdr_eventstream *check_decoder(lua_State *L) {
  decoder *d = lbdr_self(L, DECODER_T);
  return &d->stream;
}

static int decoder_close(lua_State *L) {
  decoder *d = lbdr_self(L, DECODER_T);
  bdr_eventstream_free(&d->stream);
  bdr_buf_free(&d->bytes);
  return 0;
}

static bdr_buf *room(lbdr_sink *sink) {
  decoder *d = (decoder *)(void *)sink;
  if (d->stream.input.n) return NULL;
  bdr_buf_clear(&d->bytes);
  return &d->bytes;
}

/* A failure sticks, and comes with the next message. */
static void filled(lbdr_sink *sink) {
  decoder *d = (decoder *)(void *)sink;
  bdr_eventstream_feed(&d->stream, bdr_buf_str(&d->bytes));
}

/* decoder([max_message_bytes]) -> decoder */
static int decoder_new(lua_State *L) {
  size_t max = 0;
  decoder *d;
  if (!lua_isnoneornil(L, 1)) max = lbdr_check_size(L, 1, UINT32_MAX);
  d = lbdr_newkeeper(L, sizeof *d, DECODER_T, SLOTS);
  d->stream.max_message = max;
  d->sink.room = room;
  d->sink.filled = filled;
  return 1;
}

/* Feed the string at 2.  Bytes of an earlier feed that were not taken yet come
** first. */
static bdr_status feed(lua_State *L, bdr_eventstream *d) {
  bdr_str bytes = lbdr_check_str(L, 2);
  if (d->input.n) {
    bdr_str none = {NULL, 0};
    lbdr_push_str(L, d->input);
    lua_pushvalue(L, 2);
    lua_concat(L, 2);
    lua_replace(L, 2);
    bytes = lbdr_check_str(L, 2);
    d->input = none;
  }
  lua_pushvalue(L, 2);
  lbdr_keep(L, 1, FED);
  return bdr_eventstream_feed(d, bytes);
}

/* d:feed(bytes) -> true | nil, message, code */
static int decoder_feed(lua_State *L) {
  bdr_status status = feed(L, check_decoder(L));
  if (status != BDR_OK) return lbdr_fail(L, status);
  lua_pushboolean(L, 1);
  return 1;
}

/* 64-bit numbers: an integer where Lua has them, else the nearest float. */
static void push_int64(lua_State *L, int64_t number) {
#if LBDR_INTEGERS
  lua_pushinteger(L, (lua_Integer)number);
#else
  lua_pushnumber(L, (lua_Number)number);
#endif
}

static void push_value(lua_State *L, const bdr_message_header *h) {
  switch (h->type) {
    case BDR_VALUE_TRUE:
    case BDR_VALUE_FALSE: lua_pushboolean(L, h->type == BDR_VALUE_TRUE); break;
    case BDR_VALUE_BYTES:
    case BDR_VALUE_STRING:
    case BDR_VALUE_UUID: lbdr_push_str(L, h->bytes); break;
    case BDR_VALUE_TIMESTAMP:
      lua_createtable(L, 0, 1);
      push_int64(L, h->number);
      lua_setfield(L, -2, "timestamp");
      break;
    default: push_int64(L, h->number);
  }
}

static void push_headers(lua_State *L, bdr_str headers) {
  bdr_message_header h;
  lua_newtable(L);
  while (bdr_message_header_next(&headers, &h) == BDR_OK) {
    lbdr_push_str(L, h.name);
    push_value(L, &h);
    lua_rawset(L, -3);
  }
}

/*
** Take the next message; on BDR_OK nothing is pushed, otherwise what the
** method returns: nil to ask for more, or nil, message, code.
*/
static bdr_status take(lua_State *L, bdr_eventstream *d, bdr_message *m,
                       int *results) {
  bdr_status status = bdr_eventstream_next(d, m);
  if (status == BDR_MORE) {
    lua_pushnil(L);
    lbdr_keep(L, 1, FED); /* the fed string is used up */
    lua_pushnil(L);
    *results = 1;
  } else if (status != BDR_OK) {
    *results = lbdr_fail(L, status);
  }
  return status;
}

/* The string header called `name`; an empty view if there is none. */
static bdr_str string_header(bdr_str headers, bdr_str name) {
  bdr_message_header h;
  bdr_str none = {NULL, 0};
  while (bdr_message_header_next(&headers, &h) == BDR_OK)
    if (h.type == BDR_VALUE_STRING && bdr_str_equal(h.name, name))
      return h.bytes;
  return none;
}

/* Push the type of an event, or false if the message is none. */
static void push_event_type(lua_State *L, bdr_str headers) {
  bdr_str type = string_header(headers, BDR_LIT(":message-type"));
  bdr_str name = string_header(headers, BDR_LIT(":event-type"));
  if (name.n && bdr_str_equal(type, BDR_LIT("event")))
    lbdr_push_str(L, name);
  else
    lua_pushboolean(L, 0);
}

/*
** The same, remembered from the message before where that had the same
** headers: as nearly all of a stream have.
*/
static void push_name(lua_State *L, const bdr_message *m) {
  if (!m->alike) {
    push_event_type(L, m->headers);
    lbdr_keep(L, 1, NAME);
  }
  lbdr_kept(L, 1, NAME);
}

/* d:next() -> payload, headers | nil (feed more) | nil, message, code */
static int decoder_next(lua_State *L) {
  bdr_message m;
  int results;
  if (take(L, check_decoder(L), &m, &results) != BDR_OK) return results;
  push_name(L, &m); /* for the next call of event() */
  lbdr_push_str(L, m.payload);
  push_headers(L, m.headers);
  return 2;
}

/*
** The payload of an event as a table on top of the stack; 0, and nothing
** pushed, if it is no JSON object.
*/
static int push_payload(lua_State *L, bdr_str payload, int *odd) {
  int top = lua_gettop(L);
  bdr_str rest = payload;
  while (rest.n && (unsigned char)*rest.p <= ' ') bdr_cut(&rest, 1, NULL);
  if (rest.n && *rest.p == '{' && lbdr_json_push_event(L, payload, odd) == 1)
    return 1;
  lua_settop(L, top);
  return 0;
}

/*
** Push the string at delta.text of the payload at `index`, or nil.  Nearly
** every event of an answer is such a piece of its text; in here finding that
** out costs a third of what it costs in Lua.
*/
static void push_text(lua_State *L, int index) {
  lua_pushliteral(L, "delta");
  lua_rawget(L, index);
  if (lua_istable(L, -1)) {
    lua_pushliteral(L, "text");
    lua_rawget(L, -2);
    lua_replace(L, -2);
  }
  if (lua_type(L, -1) == LUA_TSTRING) return;
  lua_pop(L, 1);
  lua_pushnil(L);
}

/*
** d:event([bytes]) -> name, decoded payload without padding, is_odd,
**                 delta.text, were more bytes fed?
**            | false, payload, headers    any other message, no JSON object
**            | nil                        feed more
**            | nil, message, code
** One crossing for what nearly every message is; `bytes` are fed before (true:
** a transfer has left them here).
*/
static int decoder_event(lua_State *L) {
  bdr_eventstream *d = check_decoder(L);
  bdr_message m;
  int results, odd;
  if (!lua_isnoneornil(L, 2) && !lua_isboolean(L, 2))
    feed(L, d); /* a failure sticks, and comes next */
  if (take(L, d, &m, &results) != BDR_OK) return results;
  push_name(L, &m);
  if (lua_toboolean(L, -1) && push_payload(L, m.payload, &odd)) {
    int payload_at = lua_gettop(L);
    lua_pushboolean(L, odd);
    push_text(L, payload_at);
    lua_pushboolean(L, d->input.n > 0);
    return 5;
  }
  lua_pushboolean(L, 0);
  lbdr_push_str(L, m.payload);
  push_headers(L, m.headers);
  return 3;
}

/* d:finish() -> true | nil, message, code: may the bytes end here? */
static int decoder_finish(lua_State *L) {
  bdr_status status = bdr_eventstream_finish(check_decoder(L));
  if (status != BDR_OK) return lbdr_fail(L, status);
  lua_pushboolean(L, 1);
  return 1;
}

/* Type names as botocore and the JS codec use them, in the wire's order. */
static const char *const type_names[] = {
    "true", "bool",   "byte",      "short", "integer", "long",
    "bytes", "string", "timestamp", "uuid",  NULL};

static bdr_value_type default_type(lua_State *L, int value) {
  switch (lua_type(L, value)) {
    case LUA_TBOOLEAN: return BDR_VALUE_FALSE;
    case LUA_TNUMBER: return BDR_VALUE_INTEGER;
    default: return BDR_VALUE_STRING;
  }
}

static int64_t check_int64(lua_State *L, int index) {
#if LBDR_INTEGERS
  return (int64_t)luaL_checkinteger(L, index);
#else
  lua_Number n = luaL_checknumber(L, index);
  luaL_argcheck(L, n >= -9007199254740992.0 && n <= 9007199254740992.0, index,
                "integer out of range");
  return (int64_t)n;
#endif
}

/* The triple {name, value [, type]} at the top of the stack. */
static bdr_message_header check_header(lua_State *L) {
  int triple = lua_gettop(L);
  bdr_message_header h;
  memset(&h, 0, sizeof h);
  luaL_checktype(L, triple, LUA_TTABLE);
  luaL_checkstack(L, 4, "header");
  lua_rawgeti(L, triple, 1);
  h.name = lbdr_check_str(L, triple + 1);
  lua_rawgeti(L, triple, 2);
  lua_rawgeti(L, triple, 3);
  h.type = default_type(L, triple + 2);
  if (!lua_isnil(L, triple + 3))
    h.type = (bdr_value_type)luaL_checkoption(L, triple + 3, NULL, type_names);
  if (h.type == BDR_VALUE_TRUE || h.type == BDR_VALUE_FALSE)
    h.type = lua_toboolean(L, triple + 2) ? BDR_VALUE_TRUE : BDR_VALUE_FALSE;
  else if (h.type == BDR_VALUE_BYTES || h.type == BDR_VALUE_STRING ||
           h.type == BDR_VALUE_UUID)
    h.bytes = lbdr_check_str(L, triple + 2);
  else
    h.number = check_int64(L, triple + 2);
  lua_settop(L, triple);
  return h;
}

/*
** encode(headers, payload) -> bytes | nil, message, code
** headers: list of {name, value [, type]}; types: "bool" "byte" "short"
** "integer" "long" "bytes" "string" "timestamp" (ms) "uuid" (16 bytes).
*/
static int encode(lua_State *L) {
  bdr_str payload = lbdr_check_str(L, 2);
  bdr_buf *list, *out;
  bdr_status status;
  int i, n;
  luaL_checktype(L, 1, LUA_TTABLE);
  n = (int)lbdr_rawlen(L, 1);
  list = lbdr_newbuf(L);
  out = lbdr_newbuf(L);
  for (i = 1; i <= n; i++) {
    bdr_message_header h;
    lua_rawgeti(L, 1, i);
    h = check_header(L);
    bdr_buf_add(list, (const char *)&h, sizeof h);
    lua_pop(L, 1);
  }
  status = bdr_buf_status(list);
  if (status == BDR_OK)
    status = bdr_eventstream_encode(
        (const bdr_message_header *)(const void *)list->p,
        list->n / sizeof(bdr_message_header), payload, out);
  return status == BDR_OK ? lbdr_buf_result(L, out) : lbdr_fail(L, status);
}

void lbdr_open_eventstream(lua_State *L) {
  static const luaL_Reg methods[] = {{"feed", decoder_feed},
                                     {"next", decoder_next},
                                     {"event", decoder_event},
                                     {"finish", decoder_finish},
                                     {"close", decoder_close},
                                     {NULL, NULL}};
  static const luaL_Reg functions[] = {
      {"decoder", decoder_new}, {"encode", encode}, {NULL, NULL}};
  lbdr_newclass(L, DECODER_T, methods, decoder_close);
  lbdr_newlib(L, functions);
}
