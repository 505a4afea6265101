/*
** uri.h - percent-encoding as AWS signs it: every byte but the unreserved
** A-Z a-z 0-9 - . _ ~ becomes %XX with capital digits (RFC 3986, 2.3; AWS
** General Reference, "Create a canonical request").
*/
#ifndef BDR_URI_H
#define BDR_URI_H

#include "bytes.h"

/* Append the encoding of `s`, for which room for 3 * s.n bytes is made; '/'
** stays as it is when keep_slash is set. */
void bdr_uri_encode(bdr_str s, int keep_slash, bdr_buf *out);

/* Append `s` with each valid %XX decoded; a lone '%' stays as it is. */
void bdr_uri_decode(bdr_str s, bdr_buf *out);

/* The value of a hexadecimal digit, -1 for any other byte. */
int bdr_hex_digit(char c);

#endif
