/* see ini.h */
#include "ini.h"

#include <string.h>

static int is_blank(char c) { return c == ' ' || c == '\t'; }

static int is_comment(char c) { return c == '#' || c == ';'; }

static bdr_str trim(bdr_str s) {
  while (s.n && is_blank(s.p[0])) bdr_cut(&s, 1, NULL);
  while (s.n && is_blank(s.p[s.n - 1])) s.n--;
  return s;
}

/* What stands before the first comment sign, trimmed.  In a property the
** sign counts only after white space: "a;b" is a value, "a ;b" is not. */
static bdr_str without_comment(bdr_str s, int needs_blank) {
  size_t i;
  s = trim(s);
  for (i = 0; i < s.n; i++) {
    if (!is_comment(s.p[i])) continue;
    if (needs_blank && i > 0 && !is_blank(s.p[i - 1])) continue;
    s.n = i;
    break;
  }
  return trim(s);
}

/* One line off the front, without its "\n" or "\r\n"; 0 at the end. */
static int cut_line(bdr_str *rest, bdr_str *line) {
  const char *end;
  if (rest->n == 0) return 0;
  end = memchr(rest->p, '\n', rest->n);
  bdr_cut(rest, end ? (size_t)(end - rest->p) : rest->n, line);
  if (end) bdr_cut(rest, 1, NULL);
  if (line->n && line->p[line->n - 1] == '\r') line->n--;
  return 1;
}

static bdr_status fail(bdr_ini *p, bdr_status status, const char *problem) {
  p->problem = problem;
  p->status = status;
  return status;
}

/* A name in quotes: without them, and 1. */
static int unquote(bdr_str *s) {
  char quote = s->n >= 2 ? s->p[0] : '\0';
  if ((quote != '"' && quote != '\'') || s->p[s->n - 1] != quote) return 0;
  bdr_cut(s, 1, NULL);
  s->n--;
  return 1;
}

/* "[A-Za-z0-9-/.%@_:+]+" (profile-parser-tests: supported characters), and
** blanks between quotes. */
static int valid_name(bdr_str s, int quoted) {
  size_t i;
  for (i = 0; i < s.n; i++) {
    char c = bdr_lower(s.p[i]);
    if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')) continue;
    if (c == ' ' && quoted) continue;
    if (c == '\0' || !strchr("-/.%@_:+", c)) return 0;
  }
  return s.n > 0;
}

/* "key = value"; what to call the thing is in the sentences. */
static const char *split(bdr_str line, bdr_str *key, bdr_str *value,
                         const char *no_sign, const char *no_name) {
  const char *sign = line.n ? memchr(line.p, '=', line.n) : NULL;
  if (!sign) return no_sign;
  bdr_cut(&line, (size_t)(sign - line.p), key);
  bdr_cut(&line, 1, NULL);
  *key = trim(*key);
  *value = trim(line);
  return key->n ? NULL : no_name;
}

/* "[prefix name]" or "[name]". */
static bdr_status read_section(bdr_ini *p, bdr_str line, bdr_ini_item *item) {
  size_t i = 0;
  int quoted;
  line = without_comment(line, 0);
  if (line.n < 2 || line.p[line.n - 1] != ']')
    return fail(p, BDR_E_SYNTAX, "Profile definition must end with ']'");
  bdr_cut(&line, 1, NULL);
  line.n--;
  line = trim(line);
  item->kind = BDR_INI_SECTION;
  while (i < line.n && !is_blank(line.p[i])) i++;
  if (i < line.n) bdr_cut(&line, i, &item->prefix);
  item->name = trim(line);
  quoted = item->prefix.n > 0 && unquote(&item->name);
  item->valid = valid_name(item->name, quoted);
  p->in_section = 1;
  return BDR_OK;
}

/*
** Take the indented lines that follow into p->value, each trimmed and after
** a '\n'.  Under an empty value they are nested properties, and checked.
*/
static bdr_status read_continuation(bdr_ini *p, int nested) {
  bdr_str line, key, value;
  for (;;) {
    bdr_str ahead = p->rest;
    if (!cut_line(&ahead, &line)) return BDR_OK;
    if (trim(line).n && !is_blank(line.p[0])) return BDR_OK;
    p->rest = ahead;
    p->line++;
    line = trim(line);
    if (line.n == 0 || is_comment(line.p[0])) continue;
    if (nested) {
      const char *problem = split(
          without_comment(line, 1), &key, &value,
          "Expected an '=' sign defining a sub-property",
          "Sub-property did not have a name");
      if (problem) return fail(p, BDR_E_SYNTAX, problem);
    }
    bdr_buf_addc(&p->value, '\n');
    bdr_buf_adds(&p->value, line);
  }
}

static bdr_status read_property(bdr_ini *p, bdr_str line, bdr_ini_item *item) {
  bdr_str key = {0}, value = {0};
  size_t i;
  const char *problem;
  if (!p->in_section)
    return fail(p, BDR_E_SYNTAX, "Expected a profile definition");
  problem = split(without_comment(line, 1), &key, &value,
                  "Expected an '=' sign defining a property",
                  "Property did not have a name");
  if (problem) return fail(p, BDR_E_SYNTAX, problem);
  bdr_buf_clear(&p->key);
  bdr_buf_clear(&p->value);
  for (i = 0; i < key.n; i++) bdr_buf_addc(&p->key, bdr_lower(key.p[i]));
  bdr_buf_adds(&p->value, value);
  if (read_continuation(p, value.n == 0) != BDR_OK) return p->status;
  if (bdr_buf_status(&p->key) || bdr_buf_status(&p->value))
    return fail(p, BDR_E_NOMEM, "out of memory");
  item->kind = BDR_INI_PROPERTY;
  item->name = bdr_buf_str(&p->key);
  item->value = bdr_buf_str(&p->value);
  item->valid = valid_name(item->name, 0);
  return BDR_OK;
}

/* Indented, and no property above it took it: what is missing? */
static bdr_status stray(bdr_ini *p) {
  return fail(p, BDR_E_SYNTAX,
              p->in_section
                  ? "Expected a property definition, found continuation"
                  : "Expected a profile definition");
}

void bdr_ini_init(bdr_ini *p, bdr_str text) {
  bdr_ini_free(p);
  if (text.n >= 3 && memcmp(text.p, "\xEF\xBB\xBF", 3) == 0)
    bdr_cut(&text, 3, NULL);
  p->rest = text;
}

bdr_status bdr_ini_next(bdr_ini *p, bdr_ini_item *item) {
  bdr_str line;
  if (p->status != BDR_OK) return p->status;
  while (cut_line(&p->rest, &line)) {
    bdr_str text = trim(line);
    p->line++;
    if (text.n == 0 || is_comment(text.p[0])) continue;
    memset(item, 0, sizeof *item);
    item->line = p->line;
    if (line.p[0] == '[') return read_section(p, line, item);
    if (is_blank(line.p[0])) return stray(p);
    return read_property(p, line, item);
  }
  return BDR_END;
}

int bdr_ini_nested(bdr_str *rest, bdr_str *key, bdr_str *value) {
  bdr_str line;
  while (cut_line(rest, &line))
    if (!split(without_comment(line, 1), key, value, "", "")) return 1;
  return 0;
}

void bdr_ini_free(bdr_ini *p) {
  bdr_buf_wipe(&p->key);
  bdr_buf_wipe(&p->value);
  memset(p, 0, sizeof *p);
}
