/*
** jsonstring.h - the inside of JSON strings: check, unescape, escape.
**
**     "...\u00e9..."  --> scan, unescape -->  bytes
**     bytes           --> add            -->  "...\xC3\xA9..."
**
** Bytes outside of escapes are UTF-8, strictly.  A lone surrogate *escape*
** (\ud800) is let through, because real programs send it: it becomes the
** three bytes that UTF-8 would have for it (WTF-8), and add() turns those
** back into the same escape.
*/
#ifndef BDR_JSONSTRING_H
#define BDR_JSONSTRING_H

#include "bytes.h"

/*
** Check a string from *at, which is behind its opening quote.  BDR_OK: *at
** is at the closing quote, and *escaped says whether unescape() has work to
** do.  BDR_E_SYNTAX, BDR_E_UTF8: *at is at the offending byte, or at `end`,
** and *reason (static) says what was wrong.
*/
bdr_status bdr_jsonstring_scan(const char **at, const char *end, int *escaped,
                               const char **reason);

/*
** Resolve the escapes of a string that scan() has accepted (without the
** quotes) into `out`, which has room for text.n bytes; returns how many were
** written.
*/
size_t bdr_jsonstring_unescape(bdr_str text, char *out);

/*
** Append s as a JSON string, quotes and all.  BDR_E_UTF8 if s is neither
** UTF-8 nor WTF-8; the buffer then ends in the middle of it.
*/
bdr_status bdr_jsonstring_add(bdr_buf *out, bdr_str s);

#endif
