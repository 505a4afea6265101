/*
** ini.h - AWS's shared config and credentials files.
**
** Text in, sections and properties out, one per call:
**
**     init(text) --> next --> SECTION  "[profile foo]"   prefix, name
**                         --> PROPERTY "key = value"     key, value
**                         --> ... --> BDR_END
**
** The rules are those that AWS's SDKs agree on ("profile-parser-tests"):
** comments, continuation lines, nested properties.  Which prefixes mean
** something, and how files and repeated sections merge, is the caller's
** business; so is a section or property that is not `valid`.
**
** Two leniencies: an indented line that is nothing but a comment is skipped
** (as botocore and the JavaScript SDK do; the Rust SDK would make it part
** of the value above it, which nobody means); and a section's name may stand
** in quotes, [profile 'my name'], as the AWS CLI writes one with blanks.
*/
#ifndef BDR_INI_H
#define BDR_INI_H

#include "bytes.h"

typedef enum bdr_ini_kind {
  BDR_INI_SECTION,
  BDR_INI_PROPERTY
} bdr_ini_kind;

/*
** One section header or one property.  The views point into the text or
** into the parser and last until the next call on it.
*/
typedef struct bdr_ini_item {
  bdr_ini_kind kind;
  bdr_str prefix; /* section: "profile", "sso-session"; empty: none */
  bdr_str name;   /* section: the name; property: the key, lower case */
  bdr_str value;  /* property: trimmed; continuation lines after '\n' */
  size_t line;    /* where it starts, from 1 */
  int valid;      /* is the name made of AWS's characters only? */
} bdr_ini_item;

/* All-zero is a parser of the empty text. */
typedef struct bdr_ini {
  bdr_str rest;
  size_t line;         /* of the last line taken */
  const char *problem; /* sentence about a BDR_E_SYNTAX; static */
  bdr_status status;   /* first error; repeated for ever */
  int in_section;
  bdr_buf key;
  bdr_buf value;
} bdr_ini;

/* Start over on `text`, which must outlive the parser; a byte order mark
** at its front is skipped. */
void bdr_ini_init(bdr_ini *p, bdr_str text);

/*
** The next item.  BDR_OK fills *item; BDR_END: no more.  BDR_E_SYNTAX: line
** p->line breaks the format, p->problem says how; BDR_E_NOMEM.  Errors are
** final.
*/
bdr_status bdr_ini_next(bdr_ini *p, bdr_ini_item *item);

/*
** Cut one `key = value` line off the front of *rest, blank lines skipped:
** for values that hold nested properties.  Views into *rest, trimmed, the
** key in its original case.  0 when there is none left; lines without a
** '=' are skipped.
*/
int bdr_ini_nested(bdr_str *rest, bdr_str *key, bdr_str *value);

/* Free what it holds (wiped: values may be secrets); it is empty then. */
void bdr_ini_free(bdr_ini *p);

#endif
