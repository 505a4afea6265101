/*
** sigv4.h - AWS Signature Version 4 for requests signed in a header.
**
**   request --> canonical request --> string to sign --> signature --> header
**
** The four stages are exposed, so that a test (or a puzzled user) can say
** at which one two signers part.  Source: AWS IAM User Guide, "Create a
** signed AWS API request"; service quirks in the notes beside the code.
*/
#ifndef BDR_SIGV4_H
#define BDR_SIGV4_H

#include "bytes.h"
#include "hash.h"

typedef struct bdr_header {
  bdr_str name;  /* any case */
  bdr_str value; /* as sent */
} bdr_header;

/* What is signed.  Everything is borrowed for the length of the call. */
typedef struct bdr_sigv4_request {
  bdr_str method;
  bdr_str path;         /* as on the wire, encoded once; begins with '/' */
  bdr_str query;        /* as on the wire, without '?' */
  bdr_header *headers;  /* may be put in another order by the call */
  size_t header_count;
  bdr_str payload_hash; /* 64 hex digits, or a literal such as
                           STREAMING-AWS4-HMAC-SHA256-EVENTS */
  int keep_path;        /* do not remove dot segments and double slashes */
} bdr_sigv4_request;

/* Who signs, and for what.  `amz_date` is YYYYMMDDTHHMMSSZ. */
typedef struct bdr_sigv4_scope {
  bdr_str access_key_id;
  bdr_str secret_access_key;
  bdr_str amz_date;
  bdr_str region;
  bdr_str service;
} bdr_sigv4_scope;

/*
** Stage 1: append the canonical request to `out` and the list of signed
** header names ("host;x-amz-date") to `names`.  Hop-by-hop headers and those
** that proxies rewrite (user-agent, x-amzn-trace-id, ...) are left out of
** both.  BDR_E_NOMEM; BDR_E_ARG if a header value holds CR, LF or NUL.
*/
bdr_status bdr_sigv4_canonical_request(const bdr_sigv4_request *r,
                                       bdr_buf *out, bdr_buf *names);

/* Append "20260115/us-east-1/bedrock/aws4_request". */
bdr_status bdr_sigv4_credential_scope(const bdr_sigv4_scope *s, bdr_buf *out);

/* Stage 2: append the string to sign. */
bdr_status bdr_sigv4_string_to_sign(bdr_hash *h, bdr_str amz_date,
                                    bdr_str credential_scope,
                                    bdr_str canonical_request, bdr_buf *out);

/* The key of one day, region and service; wipe it after use. */
bdr_status bdr_sigv4_key(bdr_hash *h, bdr_str secret_access_key,
                         bdr_str credential_scope,
                         unsigned char key[BDR_SHA256_SIZE]);

/* Stage 3: append the signature, 64 hex digits. */
bdr_status bdr_sigv4_signature(bdr_hash *h,
                               const unsigned char key[BDR_SHA256_SIZE],
                               bdr_str string_to_sign, bdr_buf *out);

/*
** All stages with a memory: the key derived last is kept, and so are the
** buffers.  All-zero is a valid one.  Not to be shared between threads.
*/
typedef struct bdr_sigv4_signer {
  bdr_hash hash;
  bdr_buf canonical, names, scope, string, secret, key_scope;
  unsigned char key[BDR_SHA256_SIZE];
  int has_key;
} bdr_sigv4_signer;

/*
** Stage 4: append the value of the Authorization header for `r`, which must
** hold all headers that will be sent, host and x-amz-date among them.
*/
bdr_status bdr_sigv4_sign(bdr_sigv4_signer *signer, const bdr_sigv4_request *r,
                          const bdr_sigv4_scope *s, bdr_buf *out);

/* Wipe and give back; twice is fine. */
void bdr_sigv4_signer_free(bdr_sigv4_signer *signer);

#endif
