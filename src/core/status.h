/*
** status.h - what every call of the core can answer.
**
** One table; the enumeration, the short names that users meet as
** `err.code`, and the sentences all grow from it.  Zero is success, above
** zero means "not yet", below zero is an error.  Rooms with state (decoder,
** parser, buffer) keep their first error and repeat it.
*/
#ifndef BDR_STATUS_H
#define BDR_STATUS_H

#define BDR_STATUS_MAP(X)                                                     \
  X(BDR_OK, 0, "ok", "success")                                               \
  X(BDR_MORE, 1, "more", "needs more input")                                  \
  X(BDR_END, 2, "end", "complete")                                            \
  X(BDR_E_NOMEM, -1, "OutOfMemory", "out of memory")                          \
  X(BDR_E_ARG, -2, "InvalidArgument", "argument out of range")                \
  X(BDR_E_LIMIT, -3, "LimitExceeded", "larger than the limit that is set")    \
  X(BDR_E_CRYPTO, -4, "CryptoFailure", "libcrypto refused the operation")     \
  X(BDR_E_PRELUDE_CRC, -10, "PreludeChecksumMismatch",                        \
    "event stream: prelude checksum mismatch")                                \
  X(BDR_E_MESSAGE_CRC, -11, "MessageChecksumMismatch",                        \
    "event stream: message checksum mismatch")                                \
  X(BDR_E_FRAME, -12, "InvalidFrame",                                         \
    "event stream: lengths in the prelude contradict each other")             \
  X(BDR_E_HEADER, -13, "InvalidHeader",                                       \
    "event stream: malformed or duplicate message header")                    \
  X(BDR_E_TRUNCATED, -14, "TruncatedFrame",                                   \
    "event stream: the input ended inside a message")                         \
  X(BDR_E_SYNTAX, -20, "SyntaxError", "not well-formed")                      \
  X(BDR_E_UTF8, -21, "InvalidUtf8", "not valid UTF-8")                        \
  X(BDR_E_DEPTH, -22, "TooDeep", "nested too deeply")                         \
  X(BDR_E_HTTP_CUT, -31, "Truncated",                                         \
    "the connection closed inside an HTTP message")                           \
  X(BDR_E_HTTP, -30, "InvalidHttp", "not a valid HTTP/1.1 message")

typedef enum bdr_status {
#define X(symbol, number, name, text) symbol = number,
  BDR_STATUS_MAP(X)
#undef X
      BDR_STATUS_LAST /* keeps the list free of a trailing comma */
} bdr_status;

/* The short name ("MessageChecksumMismatch"); static, never NULL. */
const char *bdr_status_name(bdr_status status);

/* The sentence; static, never NULL. */
const char *bdr_status_text(bdr_status status);

#endif
