/*
** ecdsa.h - ES256 signatures (ECDSA over P-256 with SHA-256), as JSON Web
** Tokens carry them: what `aws login` sessions prove their key with (DPoP,
** RFC 9449; the algorithm is RFC 7518, section 3.4).
**
** The key comes as PEM text, SEC1 ("EC PRIVATE KEY") or PKCS#8 ("PRIVATE
** KEY"), not encrypted; it is read, used and freed within one call.
*/
#ifndef BDR_ECDSA_H
#define BDR_ECDSA_H

#include "bytes.h"

#define BDR_ECDSA_COORDINATE 32

/*
** Sign `message` (it is hashed here): r then s, 32 bytes each, into `out`.
** BDR_E_ARG: no PEM with a P-256 private key; BDR_E_CRYPTO: libcrypto failed.
*/
bdr_status bdr_ecdsa_sign(bdr_str pem, bdr_str message,
                          char out[2 * BDR_ECDSA_COORDINATE]);

/*
** The public half of the key, x then y, into `out`.  BDR_E_ARG as above.
*/
bdr_status bdr_ecdsa_public(bdr_str pem,
                            char out[2 * BDR_ECDSA_COORDINATE]);

#endif
