/*
** form.c - core.form: does a value have a form?
**
**     fits(value, form) -> true | false
**
** A form is made of Lua values, so that this knows no service:
**
**     true, false                     anything; nothing
**     STRING, BOOLEAN, INTEGER, REAL  that scalar, as JSON can write it
**     { LIST, element }               elements 1..n, at least one
**     { MAP, element }                names to elements, at least one
**     { STRUCTURE, members, required }  members by name (`members` may make
**                                     them when they are asked for), at least
**                                     one; those that `required` lists
**     { UNION, members }              exactly one of them
**
** null fits only where anything does, and not inside a table: there it stands
** for a member that is absent.  Tables are read raw.  What does not fit is
** not thereby wrong: it is for somebody slower to judge.
*/
#include <math.h>

#include "binding.h"

/* A value this deep is for somebody else to judge, too. */
#define MAX_DEPTH 64

enum { STRING = 1, BOOLEAN, INTEGER, REAL, LIST, MAP, STRUCTURE, UNION };

static int has_form(lua_State *L, int value, int form, int depth);

/* Before 5.3 a whole number is an integer (as json_encode.c writes it), but
** for -0. */
static int is_integer(lua_State *L, int value) {
#if LBDR_INTEGERS
  return lua_isinteger(L, value);
#else
  lua_Number v = lua_tonumber(L, value);
  return v > -9223372036854775808.0 && v < 9223372036854775808.0 &&
         v == floor(v) && !(v == 0 && signbit(v));
#endif
}

static int is_scalar(lua_State *L, int value, int form) {
  switch (lua_type(L, value)) {
    case LUA_TSTRING: return form == STRING;
    case LUA_TBOOLEAN: return form == BOOLEAN;
    case LUA_TNUMBER:
      if (form == INTEGER) return is_integer(L, value);
      return form == REAL && isfinite(lua_tonumber(L, value));
    default: return 0;
  }
}

/* The item on top, inside a table. */
static int item_fits(lua_State *L, int form, int depth) {
  int item = lua_gettop(L);
  return !lua_islightuserdata(L, item) && has_form(L, item, form, depth);
}

/* How many elements the table has; 0 also if one of them is amiss, or has a
** key that is no string where all must be. */
static size_t count_elements(lua_State *L, int value, int form, int depth,
                             int named) {
  size_t n = 0;
  int element;
  lua_rawgeti(L, form, 2);
  element = lua_gettop(L);
  for (lua_pushnil(L); lua_next(L, value); lua_pop(L, 1), n++) {
    if (named && lua_type(L, -2) != LUA_TSTRING) return 0;
    if (!item_fits(L, element, depth)) return 0;
  }
  return n;
}

/* How many members the table has; 0 also if one of them is amiss. */
static size_t count_members(lua_State *L, int value, int form, int depth) {
  size_t n = 0;
  int members;
  lua_rawgeti(L, form, 2);
  members = lua_gettop(L);
  for (lua_pushnil(L); lua_next(L, value); lua_settop(L, members + 1), n++) {
    lua_pushvalue(L, -2);
    lua_gettable(L, members);
    lua_insert(L, -2);
    if (!item_fits(L, members + 2, depth)) return 0;
  }
  return n;
}

static int has_required(lua_State *L, int value, int form) {
  size_t i, n;
  lua_rawgeti(L, form, 3);
  n = lbdr_rawlen(L, -1);
  for (i = 1; i <= n; i++) {
    lua_rawgeti(L, -1, (int)i);
    lua_rawget(L, value);
    if (lua_isnil(L, -1)) return 0;
    lua_pop(L, 1);
  }
  return 1;
}

static int is_table(lua_State *L, int value, int form, int depth) {
  size_t n;
  lua_rawgeti(L, form, 1);
  switch (lua_tointeger(L, -1)) {
    case LIST:
      n = count_elements(L, value, form, depth, 0);
      return n > 0 && n == lbdr_rawlen(L, value);
    case MAP: return count_elements(L, value, form, depth, 1) > 0;
    case STRUCTURE:
      return count_members(L, value, form, depth) > 0 &&
             has_required(L, value, form);
    case UNION: return count_members(L, value, form, depth) == 1;
    default: return 0;
  }
}

/* Leaves the stack as it was. */
static int has_form(lua_State *L, int value, int form, int depth) {
  int top = lua_gettop(L), answer;
  switch (lua_type(L, form)) {
    case LUA_TBOOLEAN: return lua_toboolean(L, form);
    case LUA_TNUMBER: return is_scalar(L, value, (int)lua_tointeger(L, form));
    case LUA_TTABLE: break;
    default: return 0;
  }
  if (!lua_istable(L, value) || depth == MAX_DEPTH) return 0;
  luaL_checkstack(L, LUA_MINSTACK, "form");
  answer = is_table(L, value, form, depth + 1);
  lua_settop(L, top);
  return answer;
}

static int fits(lua_State *L) {
  lua_settop(L, 2);
  lua_pushboolean(L, has_form(L, 1, 2, 0));
  return 1;
}

void lbdr_open_form(lua_State *L) {
  static const struct {
    const char *name;
    int value;
  } names[] = {{"STRING", STRING},       {"BOOLEAN", BOOLEAN},
               {"INTEGER", INTEGER},     {"REAL", REAL},
               {"LIST", LIST},           {"MAP", MAP},
               {"STRUCTURE", STRUCTURE}, {"UNION", UNION}};
  static const luaL_Reg functions[] = {{"fits", fits}, {NULL, NULL}};
  size_t i;
  lbdr_newlib(L, functions);
  for (i = 0; i < sizeof names / sizeof *names; i++) {
    lua_pushinteger(L, names[i].value);
    lua_setfield(L, -2, names[i].name);
  }
}
