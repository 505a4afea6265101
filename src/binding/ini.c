/*
** ini.c - `core.ini`: see src/core/ini.h.
**
**   ini.parse(text) -> { {prefix=, name=, line=, valid=,
**                         properties={key=value}, lines={key=line}}, ... }
**                    | nil, message, code, line
**   ini.nested(value) -> { key = value }   of a value with nested properties
**
** Sections come in the order of the file, repeated ones once each; invalid
** property names are left out (the SDKs ignore them).
*/
#include "ini.h"

#include "binding.h"

#define PARSER_T "bedrock.ini"

static int parser_gc(lua_State *L) {
  bdr_ini_free(luaL_checkudata(L, 1, PARSER_T));
  return 0;
}

static void set_str(lua_State *L, const char *key, bdr_str s) {
  lbdr_push_str(L, s);
  lua_setfield(L, -2, key);
}

/* A new section, on top of the stack. */
static void push_section(lua_State *L, const bdr_ini_item *item) {
  lua_newtable(L);
  if (item->prefix.n) set_str(L, "prefix", item->prefix);
  set_str(L, "name", item->name);
  lua_pushinteger(L, (lua_Integer)item->line);
  lua_setfield(L, -2, "line");
  lua_pushboolean(L, item->valid);
  lua_setfield(L, -2, "valid");
  lua_newtable(L);
  lua_setfield(L, -2, "properties");
  lua_newtable(L);
  lua_setfield(L, -2, "lines");
}

/* Into the section on top of the stack. */
static void add_property(lua_State *L, const bdr_ini_item *item) {
  if (!item->valid) return;
  lua_getfield(L, -1, "properties");
  lbdr_push_str(L, item->name);
  lbdr_push_str(L, item->value);
  lua_rawset(L, -3);
  lua_pop(L, 1);
  lua_getfield(L, -1, "lines");
  lbdr_push_str(L, item->name);
  lua_pushinteger(L, (lua_Integer)item->line);
  lua_rawset(L, -3);
  lua_pop(L, 1);
}

static int fail_at(lua_State *L, const bdr_ini *p, bdr_status status) {
  lua_pushnil(L);
  lua_pushstring(L, p->problem ? p->problem : bdr_status_text(status));
  lua_pushstring(L, bdr_status_name(status));
  lua_pushinteger(L, (lua_Integer)p->line);
  return 4;
}

static int parse(lua_State *L) {
  bdr_str text = lbdr_check_str(L, 1);
  bdr_ini_item item;
  bdr_status status;
  bdr_ini *p;
  int sections = 0;
  lua_settop(L, 1);
  p = lbdr_newobject(L, sizeof *p, PARSER_T);
  bdr_ini_init(p, text);
  lua_newtable(L); /* stack: text, parser, result [, section] */
  while ((status = bdr_ini_next(p, &item)) == BDR_OK) {
    if (item.kind == BDR_INI_SECTION) {
      lua_settop(L, 3);
      push_section(L, &item);
      lua_pushvalue(L, -1);
      lua_rawseti(L, 3, ++sections);
    } else {
      add_property(L, &item);
    }
  }
  if (status != BDR_END) return fail_at(L, p, status);
  bdr_ini_free(p);
  lua_settop(L, 3);
  return 1;
}

static int nested(lua_State *L) {
  bdr_str rest = lbdr_check_str(L, 1), key, value;
  lua_newtable(L);
  while (bdr_ini_nested(&rest, &key, &value)) {
    lbdr_push_str(L, key);
    lbdr_push_str(L, value);
    lua_rawset(L, -3);
  }
  return 1;
}

void lbdr_open_ini(lua_State *L) {
  static const luaL_Reg functions[] = {
      {"parse", parse}, {"nested", nested}, {NULL, NULL}};
  lbdr_newclass(L, PARSER_T, NULL, parser_gc);
  lbdr_newlib(L, functions);
}
