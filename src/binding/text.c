/*
** text.c - core.text: a text that comes in pieces, kept outside of Lua's
** heap.  As a list of strings each piece has 24 bytes of its own and a slot,
** and the collector lets as much garbage gather beside them.
*/
#include "binding.h"

#define TEXT_T "bedrock.text"

static bdr_buf *check_text(lua_State *L) {
  return lbdr_self(L, TEXT_T);
}

/* new() -> text, empty */
static int text_new(lua_State *L) {
  lbdr_newobject(L, sizeof(bdr_buf), TEXT_T);
  return 1;
}

/* text:add(s); raises when there is no memory, and the text is as before */
static int text_add(lua_State *L) {
  bdr_buf *text = check_text(L);
  bdr_buf_adds(text, lbdr_check_str(L, 2));
  if (bdr_buf_status(text) == BDR_OK) return 0;
  text->status = BDR_OK;
  return luaL_error(L, "not enough memory");
}

/* text:get() -> the whole of it */
static int text_get(lua_State *L) {
  lbdr_push_str(L, bdr_buf_str(check_text(L)));
  return 1;
}

static int text_gc(lua_State *L) {
  bdr_buf_free(check_text(L));
  return 0;
}

void lbdr_open_text(lua_State *L) {
  static const luaL_Reg methods[] = {
      {"add", text_add}, {"get", text_get}, {NULL, NULL}};
  static const luaL_Reg functions[] = {{"new", text_new}, {NULL, NULL}};
  lbdr_newclass(L, TEXT_T, methods, text_gc);
  lbdr_newlib(L, functions);
}
