-- Prints src/core/crc32_table.h: the eight slices of the reflected
-- polynomial 0xEDB88320 (slicing-by-8, Kounavis and Berry 2005).
-- Run with Lua 5.3 or later:
--   lua5.4 tools/crctable.lua > src/core/crc32_table.h
local slices = { {} }
for byte = 0, 255 do
  local crc = byte
  for _ = 1, 8 do
    crc = (crc >> 1) ~ (0xEDB88320 * (crc & 1))
  end
  slices[1][byte] = crc
end
for slice = 2, 8 do
  slices[slice] = {}
  for byte = 0, 255 do
    local crc = slices[slice - 1][byte]
    slices[slice][byte] = (crc >> 8) ~ slices[1][crc & 255]
  end
end

print [[
/* crc32_table.h - written by tools/crctable.lua; for crc32.c alone. */
#ifndef BDR_CRC32_TABLE_H
#define BDR_CRC32_TABLE_H

#include <stdint.h>

static const uint32_t crc32_table[8][256] = {]]
for slice = 1, 8 do
  print("    {")
  for row = 0, 255, 6 do
    local words = {}
    for byte = row, math.min(row + 5, 255) do
      words[#words + 1] = ("0x%08x,"):format(slices[slice][byte])
    end
    print("        " .. table.concat(words, " "))
  end
  print("    },")
end
print "};\n\n#endif"
