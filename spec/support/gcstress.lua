--- A busted helper: the collector works all the time.  A value that C holds
-- and Lua does not is then gone at once, and the spec fails.

if _VERSION == "Lua 5.4" then
  collectgarbage("incremental", 1, 1000, 1)
else
  collectgarbage("setpause", 1)
  collectgarbage("setstepmul", 1000)
end
