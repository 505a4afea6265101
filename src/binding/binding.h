/*
** binding.h - what the binding files share: how a room becomes part of a
** Lua module, how a status becomes `nil, message, code`, how strings and
** integers cross.
**
** Rules of this layer: a wrong *type* raises; whatever the world can cause
** is `nil, message, code`.  A userdata is zeroed, gets its metatable, and
** only then acquires anything.  No C memory may hang on a local while a Lua
** function that can raise is called: it belongs to a userdata first.
*/
#ifndef LBDR_BINDING_H
#define LBDR_BINDING_H

#include "bytes.h"
#include "compat.h"

#if defined(__GNUC__)
#define LBDR_EXPORT __attribute__((visibility("default")))
#elif defined(_WIN32)
#define LBDR_EXPORT __declspec(dllexport)
#else
#define LBDR_EXPORT
#endif

/*
** Each room of bedrock.core: leaves one value on the stack, which becomes
** core.<room>.
*/
#define LBDR_CORE_ROOMS(X) \
  X(bytes)                 \
  X(sigv4)                 \
  X(eventstream)           \
  X(ini)                   \
  X(ecdsa)                 \
  X(json)                  \
  X(form)                  \
  X(text)                  \
  X(http1)

#define X(room) void lbdr_open_##room(lua_State *L);
LBDR_CORE_ROOMS(X)
#undef X

/* Functions of bedrock.curl; see process.c, private_file.c, interrupt.c. */
int lbdr_interrupt(lua_State *L);
int lbdr_process(lua_State *L);
int lbdr_write_private(lua_State *L);

/* The functions of `list` (ended by {NULL, NULL}) into the table on top. */
void lbdr_setfuncs(lua_State *L, const luaL_Reg *list);

/* The same with the value on top as the first upvalue of each; pops it.
** The table is below it. */
void lbdr_setclosures(lua_State *L, const luaL_Reg *list);

/* A new table with those functions. */
void lbdr_newlib(lua_State *L, const luaL_Reg *list);

/*
** Make the metatable `name` with its methods (NULL: none); `close` serves __gc
** and __close.  Leaves the stack as it was.
*/
void lbdr_newclass(lua_State *L, const char *name, const luaL_Reg *methods,
                   lua_CFunction close);

/*
** The userdata of class `name` that a method was called with; anything else
** raises.  Methods have the class's metatable as their upvalue: to compare
** with it takes a third of what luaL_checkudata takes to find it by name.
*/
void *lbdr_self(lua_State *L, const char *name);

/* A zeroed userdata of class `name`, on top of the stack. */
void *lbdr_newobject(lua_State *L, size_t size, const char *name);

/* The same, which keeps Lua values alive: in slots from 1 to `slots`, nil at
** first. */
void *lbdr_newkeeper(lua_State *L, size_t size, const char *name, int slots);

/* Put the value on top of the stack into a slot of the keeper at `index` (an
** absolute one), and pop it. */
void lbdr_keep(lua_State *L, int index, int slot);

/* Push what is in a slot of the keeper at `index` (an absolute one). */
void lbdr_kept(lua_State *L, int index, int slot);

/*
** What takes a transfer's bytes without a Lua string between them (the decoder
** of event streams): a userdata of class LBDR_SINK_T, which begins so.
*/
#define LBDR_SINK_T "bedrock.decoder"

typedef struct lbdr_sink lbdr_sink;
struct lbdr_sink {
  /* Its empty buffer, to be filled; NULL while it has not taken all it had. */
  bdr_buf *(*room)(lbdr_sink *sink);
  void (*filled)(lbdr_sink *sink);
};

/* The string at `arg` as a view that lasts while it is on the stack; a
** wrong type raises.  A number is not taken for a string. */
bdr_str lbdr_check_str(lua_State *L, int arg);

/* The same, or `fallback` where the argument is none or nil. */
bdr_str lbdr_opt_str(lua_State *L, int arg, bdr_str fallback);

/* The string in field `key` of the table at `index`; raises if it is none.
** Pushes it, so that the view lasts. */
bdr_str lbdr_field_str(lua_State *L, int index, const char *key);

/* A size at `arg`, between 0 and max; anything else raises. */
size_t lbdr_check_size(lua_State *L, int arg, size_t max);

/* Push a view as a string. */
void lbdr_push_str(lua_State *L, bdr_str s);

/* Push nil, sentence, short name; returns 3. */
int lbdr_fail(lua_State *L, bdr_status status);

/*
** A buffer that the collector owns, on top of the stack: builders work in
** it, and an error raised meanwhile leaks nothing.
*/
bdr_buf *lbdr_newbuf(lua_State *L);

/* Push the buffer's bytes and free it (BDR_OK), or fail; returns 1 or 3. */
int lbdr_buf_result(lua_State *L, bdr_buf *b);

#endif
