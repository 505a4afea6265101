/* see crc32.h */
#include "crc32.h"

#include "crc32_table.h"

static uint32_t load32le(const unsigned char *p) {
  return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 |
         (uint32_t)p[3] << 24;
}

/* Slicing by eight: eight table look-ups that do not wait for each other. */
static uint32_t eight_bytes(uint32_t crc, const unsigned char *p) {
  uint32_t a = load32le(p) ^ crc;
  uint32_t b = load32le(p + 4);
  return crc32_table[7][a & 255] ^ crc32_table[6][a >> 8 & 255] ^
         crc32_table[5][a >> 16 & 255] ^ crc32_table[4][a >> 24] ^
         crc32_table[3][b & 255] ^ crc32_table[2][b >> 8 & 255] ^
         crc32_table[1][b >> 16 & 255] ^ crc32_table[0][b >> 24];
}

uint32_t bdr_crc32_portable(uint32_t crc, bdr_str s) {
  const unsigned char *p = (const unsigned char *)s.p;
  size_t n = s.n;
  crc = ~crc;
  for (; n >= 8; n -= 8, p += 8) crc = eight_bytes(crc, p);
  for (; n > 0; n--, p++) crc = crc >> 8 ^ crc32_table[0][(crc ^ *p) & 255];
  return ~crc;
}

#ifdef BDR_WITH_LIBDEFLATE

#include <libdeflate.h>

/* libdeflate takes a NULL pointer for "give me the initial value". */
uint32_t bdr_crc32(uint32_t crc, bdr_str s) {
  return s.n ? libdeflate_crc32(crc, s.p, s.n) : crc;
}

#else

uint32_t bdr_crc32(uint32_t crc, bdr_str s) {
  return bdr_crc32_portable(crc, s);
}

#endif
