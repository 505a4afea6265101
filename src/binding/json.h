/*
** json.h - JSON text and Lua values, exactly, in both directions.
**
**     text  --> lbdr_json_push  --> value on the stack
**     value --> lbdr_json_write --> text in a buffer
**
** What comes in as an array carries the metatable array_mt, so that it stays
** one when it is empty or gets emptied; objects carry none.  null is the
** light userdata NULL, which is lua-cjson's null too.  From Lua 5.3 on a
** number without fraction and exponent is an integer where it fits one;
** every other number is a float (before 5.3 they all are).  lua/bedrock/json
** has the whole contract.
**
** No Lua code runs in here: tables are read and written raw.
*/
#ifndef LBDR_JSON_H
#define LBDR_JSON_H

#include "binding.h"

/* lbdr_json_push: leave the outermost object's member "p" out where it is a
** string, as Bedrock pads its events (against guessing from lengths). */
#define LBDR_JSON_DROP_PADDING 1

/*
** Push the value of `text` and return 1; or push nil, a message with the
** offending byte's place, and the short status name, and return 3.  `text`
** must stay where it is meanwhile; nothing of it is kept.
*/
int lbdr_json_push(lua_State *L, bdr_str text, int flags);

/* The same; *odd: is there a null in it, or a member `__type`, which is for a
** reader to take out?  (Names with escapes may be it.) */
int lbdr_json_push_answer(lua_State *L, bdr_str text, int *odd);

/* The same for an event, its padding left out. */
int lbdr_json_push_event(lua_State *L, bdr_str text, int *odd);

/*
** Append the value at `index` to *out as JSON, push nothing and return 0; or
** push nil, a message with the path to the culprit (a.b[3]), and the short
** status name, and return 3 with *out's contents undefined.  Members come in
** the order of their names' bytes where `names` is given, an empty buffer to
** sort them in; in Lua's own where it is NULL.  Both buffers must belong to a
** userdata: Lua may raise an error of memory.
*/
int lbdr_json_write(lua_State *L, int index, bdr_buf *out, bdr_buf *names);

/* The metatables that mark tables, and what they mean. */
typedef enum lbdr_json_mark {
  LBDR_JSON_UNMARKED,
  LBDR_JSON_ARRAY,
  LBDR_JSON_OBJECT,
  LBDR_JSON_BASE64,     /* [1] is a string, to be written in base64 */
  LBDR_JSON_EMPTY_ARRAY /* an array if empty (not ours, but OpenResty's) */
} lbdr_json_mark;

/* Push the metatable of ARRAY, OBJECT or BASE64. */
void lbdr_json_push_mark(lua_State *L, lbdr_json_mark mark);

/* Would the value at `index` be written as an array? */
int lbdr_json_is_array(lua_State *L, int index);

#endif
