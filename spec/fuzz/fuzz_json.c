/*
** fuzz_json.c - the JSON reader and writer under libFuzzer.  Not only "no
** crash":
**
**   - what was read and is written down again reads as the same tokens;
**   - a number is what strtod says, to the bit;
**   - any bytes that can be written as a string come back the same.
**
** The input is copied into memory of its own size, so that a byte read past
** its end is seen by the sanitizer.
*/
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json.h"
#include "jsonstring.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void demand(int condition) {
  if (!condition) abort();
}

static void check_number(const bdr_json_token *t) {
  char *copy = malloc(t->text.n + 1);
  double value;
  demand(copy != NULL);
  memcpy(copy, t->text.p, t->text.n);
  copy[t->text.n] = 0;
  value = strtod(copy, NULL);
  demand(memcmp(&value, &t->real, sizeof value) == 0);
  free(copy);
}

/* The bytes that a string token stands for; the caller frees them. */
static bdr_str bytes_of(const bdr_json_token *t) {
  bdr_str s = t->text;
  char *out = malloc(s.n ? s.n : 1);
  demand(out != NULL);
  if (t->escaped)
    s.n = bdr_jsonstring_unescape(s, out);
  else
    memcpy(out, s.p, s.n);
  s.p = out;
  return s;
}

static void write_string(bdr_buf *out, const bdr_json_token *t) {
  bdr_str s = bytes_of(t);
  demand(bdr_jsonstring_add(out, s) == BDR_OK);
  free((void *)s.p);
}

/* Commas are the writer's business here: after anything but an opening
** bracket or a name. */
static void separate(bdr_buf *out, bdr_json_kind kind) {
  char last = out->n ? out->p[out->n - 1] : '[';
  if (kind == BDR_JSON_ARRAY_END || kind == BDR_JSON_OBJECT_END) return;
  if (last != '[' && last != '{' && last != ':') bdr_buf_addc(out, ',');
}

static void write_token(bdr_buf *out, const bdr_json_token *t) {
  separate(out, t->kind);
  switch (t->kind) {
    case BDR_JSON_NULL: bdr_buf_adds(out, BDR_LIT("null")); break;
    case BDR_JSON_FALSE: bdr_buf_adds(out, BDR_LIT("false")); break;
    case BDR_JSON_TRUE: bdr_buf_adds(out, BDR_LIT("true")); break;
    case BDR_JSON_INTEGER: bdr_json_add_integer(out, t->integer); break;
    case BDR_JSON_REAL:
      check_number(t);
      demand(bdr_json_add_real(out, t->real) == BDR_OK);
      break;
    case BDR_JSON_KEY:
    case BDR_JSON_STRING: write_string(out, t); break;
    case BDR_JSON_ARRAY: bdr_buf_addc(out, '['); break;
    case BDR_JSON_ARRAY_END: bdr_buf_addc(out, ']'); break;
    case BDR_JSON_OBJECT: bdr_buf_addc(out, '{'); break;
    case BDR_JSON_OBJECT_END: bdr_buf_addc(out, '}'); break;
  }
  if (t->kind == BDR_JSON_KEY) bdr_buf_addc(out, ':');
}

/* Read `text` and write it down; BDR_END, or the error. */
static bdr_status rewrite(bdr_str text, bdr_buf *out) {
  bdr_json json;
  bdr_json_token token;
  bdr_status status;
  bdr_json_open(&json, text);
  while ((status = bdr_json_next(&json, &token)) == BDR_OK)
    write_token(out, &token);
  demand(bdr_json_next(&json, &token) == status);
  demand(bdr_json_offset(&json) <= text.n);
  demand(status == BDR_END || json.reason[0]);
  return status;
}

/* The second reading must see the same tokens as the first: they are equal
** if what is written from them is. */
static void check_text(bdr_str text) {
  bdr_buf once, twice;
  memset(&once, 0, sizeof once);
  memset(&twice, 0, sizeof twice);
  if (rewrite(text, &once) == BDR_END) {
    demand(rewrite(bdr_buf_str(&once), &twice) == BDR_END);
    demand(bdr_str_equal(bdr_buf_str(&once), bdr_buf_str(&twice)));
  }
  bdr_buf_free(&once);
  bdr_buf_free(&twice);
}

static void check_string(bdr_str raw) {
  bdr_buf out;
  bdr_json json;
  bdr_json_token token;
  bdr_str back;
  memset(&out, 0, sizeof out);
  if (bdr_jsonstring_add(&out, raw) == BDR_OK) {
    bdr_json_open(&json, bdr_buf_str(&out));
    demand(bdr_json_next(&json, &token) == BDR_OK);
    demand(token.kind == BDR_JSON_STRING);
    demand(bdr_json_next(&json, &token) == BDR_END);
    token.kind = BDR_JSON_STRING;
    back = bytes_of(&token);
    demand(bdr_str_equal(back, raw));
    free((void *)back.p);
  }
  bdr_buf_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  char *copy = malloc(size ? size : 1);
  bdr_str text;
  demand(copy != NULL);
  if (size) memcpy(copy, data, size);
  text.p = copy;
  text.n = size;
  check_text(text);
  check_string(text);
  free(copy);
  return 0;
}
