/*
** eventstream.h - AWS event stream (application/vnd.amazon.eventstream).
**
** Bytes in, whole verified messages out.  No sockets, no clocks, no Lua.
**
**     feed --> [ view of the input | unfinished message ] --> next --> message
**
**     message = u32 total | u32 headers | u32 crc | headers | payload | u32 crc
**
** A message is handed out only after BOTH checksums match and every header
** was read through: a caller never sees a byte that was not verified.
** Source: Smithy 2.0, "Amazon Event Stream Specification".
*/
#ifndef BDR_EVENTSTREAM_H
#define BDR_EVENTSTREAM_H

#include "bytes.h"

/* The specification's limits for one message: 24 MiB of payload, 128 KiB of
** headers.  It asks clients not to enforce them, so the decoder's own limit
** is this sum unless told otherwise, and no header block is refused for its
** size alone. */
#define BDR_EVENTSTREAM_PAYLOAD_MAX ((size_t)24 << 20)
#define BDR_EVENTSTREAM_HEADERS_MAX ((size_t)128 << 10)
#define BDR_EVENTSTREAM_OVERHEAD 16 /* prelude 12, message checksum 4 */
#define BDR_EVENTSTREAM_MESSAGE_MAX                           \
  (BDR_EVENTSTREAM_PAYLOAD_MAX + BDR_EVENTSTREAM_HEADERS_MAX + \
   BDR_EVENTSTREAM_OVERHEAD)

/* Headers in one message; as in aws-c-event-stream.  It also bounds the
** search for duplicate names. */
#define BDR_EVENTSTREAM_HEADER_COUNT_MAX 1024

/* The wire's header types, 0 to 9. */
typedef enum bdr_value_type {
  BDR_VALUE_TRUE,
  BDR_VALUE_FALSE,
  BDR_VALUE_BYTE,
  BDR_VALUE_SHORT,
  BDR_VALUE_INTEGER,
  BDR_VALUE_LONG,
  BDR_VALUE_BYTES,
  BDR_VALUE_STRING,
  BDR_VALUE_TIMESTAMP, /* milliseconds since the epoch */
  BDR_VALUE_UUID       /* 16 bytes */
} bdr_value_type;

typedef struct bdr_message_header {
  bdr_str name;
  bdr_value_type type;
  int64_t number; /* BYTE to LONG and TIMESTAMP; 1 and 0 for TRUE and FALSE */
  bdr_str bytes;  /* BYTES, STRING, UUID */
} bdr_message_header;

/* Views into the decoder: they last until its next call. */
typedef struct bdr_message {
  bdr_str headers; /* encoded; read them with bdr_message_header_next */
  bdr_str payload;
  int alike; /* its headers are, byte for byte, those of the message before */
} bdr_message;

/* All-zero is a valid decoder with the limit BDR_EVENTSTREAM_MESSAGE_MAX. */
typedef struct bdr_eventstream {
  size_t max_message; /* bytes of a whole message; 0: the default */
  bdr_str input;      /* fed and not yet taken; borrowed */
  bdr_buf partial;    /* the message that began in an earlier feed */
  size_t total;       /* its length once the prelude is verified, else 0 */
  int handed_out;     /* the last message's views point into `partial` */
  bdr_buf known;      /* the last header block, which was read through */
  bdr_status status;  /* sticky */
} bdr_eventstream;

/*
** Give it more bytes, once bdr_eventstream_next has answered BDR_MORE (or
** at the start).  They are borrowed and must stay as they are until it
** answers so again; what is left of them is copied then.  The sticky error,
** or BDR_E_ARG (not sticky) if bytes of the last feed are not taken yet.
*/
bdr_status bdr_eventstream_feed(bdr_eventstream *d, bdr_str bytes);

/*
** Take the next message.  BDR_OK fills *m; BDR_MORE means feed again.  An
** error is final for this decoder, and every later call repeats it:
** BDR_E_PRELUDE_CRC, BDR_E_MESSAGE_CRC, BDR_E_FRAME (lengths contradict),
** BDR_E_LIMIT (longer than max_message), BDR_E_HEADER, BDR_E_NOMEM.
*/
bdr_status bdr_eventstream_next(bdr_eventstream *d, bdr_message *m);

/*
** The bytes have ended: BDR_OK at a message's border, BDR_E_TRUNCATED
** inside one, or the sticky error.  Messages not yet taken count as inside.
*/
bdr_status bdr_eventstream_finish(bdr_eventstream *d);

/* Give back what it holds; it is an empty decoder again. */
void bdr_eventstream_free(bdr_eventstream *d);

/*
** Take one header off the front of a message's `headers`.  BDR_OK fills *h,
** BDR_END when none is left, BDR_E_HEADER if it is malformed (which cannot
** happen with headers that a decoder handed out).
*/
bdr_status bdr_message_header_next(bdr_str *headers, bdr_message_header *h);

/*
** Append one message of `n` headers and a payload.  BDR_E_HEADER: a name of
** 0 or more than 255 bytes, a value above 32767 bytes, a number outside its
** type, a UUID of another length than 16, a name twice.  BDR_E_LIMIT:
** headers or payload above the specification's limits.  BDR_E_NOMEM.
*/
bdr_status bdr_eventstream_encode(const bdr_message_header *headers, size_t n,
                                  bdr_str payload, bdr_buf *out);

#endif
