/*
** crc32.h - CRC-32/ISO-HDLC, the event stream's checksum (zlib's crc32).
**
** libdeflate where the build found it (14 GB/s with carry-less multiply,
** 13 ns for a 190-byte message on the machine that chose it; zlib: 4 GB/s,
** 46 ns), a sliced table of our own elsewhere, so that neither a rock nor an
** embedded build needs another library.
*/
#ifndef BDR_CRC32_H
#define BDR_CRC32_H

#include "bytes.h"

/* Go on from `crc` (0 at the start) over `s`; never fails. */
uint32_t bdr_crc32(uint32_t crc, bdr_str s);

/* The table-driven one, always there: the test's peer of the other. */
uint32_t bdr_crc32_portable(uint32_t crc, bdr_str s);

#endif
