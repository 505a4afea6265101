/*
** json.h - strict JSON (RFC 8259), exactly, in both directions.
**
**     text --> next --> token, token, ... end      bdr_json
**     number --> add_* --> text                    into a bdr_buf
**
** The reader is pulled token by token and knows the grammar: commas, colons
** and matching brackets never reach the caller, and what does reach it was
** in a place where it may be.  It copies nothing and allocates nothing: a
** token's text is a view into the input, which must outlive the token.
**
** Refused beside the obvious: invalid UTF-8 (also encoded surrogates), raw
** control characters, a byte order mark, NaN, Infinity, hexadecimal, 01, +1,
** 1. and .5, trailing commas, anything after the value.  Strings have their
** own room, jsonstring.h.
*/
#ifndef BDR_JSON_H
#define BDR_JSON_H

#include "bytes.h"

/* Deepest nesting of arrays and objects, both ways; lua-cjson's default. */
#define BDR_JSON_MAX_DEPTH 1000

typedef enum bdr_json_kind {
  BDR_JSON_NULL,
  BDR_JSON_FALSE,
  BDR_JSON_TRUE,
  BDR_JSON_INTEGER, /* no fraction, no exponent, fits 64 bits, not -0 */
  BDR_JSON_REAL,    /* every other number */
  BDR_JSON_STRING,
  BDR_JSON_KEY, /* a member's name; its value follows */
  BDR_JSON_ARRAY,
  BDR_JSON_ARRAY_END,
  BDR_JSON_OBJECT,
  BDR_JSON_OBJECT_END
} bdr_json_kind;

typedef struct bdr_json_token {
  bdr_json_kind kind;
  int escaped;     /* STRING, KEY: for bdr_jsonstring_unescape() */
  bdr_str text;    /* STRING, KEY: between the quotes; numbers: as written */
  int64_t integer; /* INTEGER */
  double real;     /* REAL: the nearest double, always finite */
} bdr_json_token;

/* The reader.  All-zero reads an empty text.  Nothing in it is owned. */
typedef struct bdr_json {
  const char *start, *at, *end;
  const char *reason; /* after an error: what was wrong, static */
  bdr_status status;
  int depth;
  int expect;                           /* what the grammar wants next */
  unsigned char kinds[BDR_JSON_MAX_DEPTH]; /* of the containers around `at` */
} bdr_json;

/* Start to read `text`, which must outlive the reader. */
void bdr_json_open(bdr_json *j, bdr_str text);

/*
** The next token into *t.  BDR_END: the value was complete and only white
** space followed.  BDR_E_SYNTAX, BDR_E_UTF8, BDR_E_DEPTH, and BDR_E_LIMIT
** for a number beyond the largest double; then j->reason says more and
** bdr_json_offset() where.  END and errors are repeated for ever.
*/
bdr_status bdr_json_next(bdr_json *j, bdr_json_token *t);

/* Where the reader stands; after an error, how many bytes precede the
** offending one. */
size_t bdr_json_offset(const bdr_json *j);

/* Append an integer. */
void bdr_json_add_integer(bdr_buf *out, int64_t v);

/*
** Append a double with the fewest digits that read back as it, and in a form
** that reads back as BDR_JSON_REAL: 1.0, 0.1, 1e300, -0.0.  BDR_E_ARG for
** infinities and NaN, which JSON lacks.
*/
bdr_status bdr_json_add_real(bdr_buf *out, double v);

#endif
