-- lua-bedrock, measured.  The command line is that of bench/floor.c:
--
--   lua bench/client.lua MODE ENDPOINT MODEL COUNT [CA-FILE]
package.path = "./?.lua;" .. package.path

require "bench.modes".run {
  mode = arg[1], endpoint = arg[2], model = arg[3], count = tonumber(arg[4]),
  ca = arg[5],
  say = function(line)
    print(line)
    io.flush()
  end,
}
