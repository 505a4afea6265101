--- Loads one of the library's shared objects, and says what to do when that
-- fails (unloadable.lua).
--
-- @param name "bedrock.core" or "bedrock.curl"
-- @return the module; raises with an explanation
return function(name)
  local ok, module = pcall(require, name)
  if ok then return module end
  error(require "bedrock.unloadable"(name, tostring(module)), 0)
end
