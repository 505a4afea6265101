/*
** base64.h - base64 with padding (RFC 4648, section 4), how JSON carries
** blobs: images in requests, chunks in replies.
*/
#ifndef BDR_BASE64_H
#define BDR_BASE64_H

#include "bytes.h"

/* Append the base64 of `raw`; `out` keeps a failure of memory. */
void bdr_base64_encode(bdr_str raw, bdr_buf *out);

/*
** Append the bytes that `text` stands for.  BDR_E_SYNTAX: a character that
** is none of the alphabet, a length that is no multiple of four, padding
** anywhere but at the end; `out` then holds nothing new.  BDR_E_NOMEM.
*/
bdr_status bdr_base64_decode(bdr_str text, bdr_buf *out);

#endif
