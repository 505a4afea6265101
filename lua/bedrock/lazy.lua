--- A module that is loaded when something in it is first used: for what most
-- programs never need (errors in words), or not at once.  Compiling a
-- module's text takes about 20 ns a byte, and a program that asks one
-- question should not wait for what it does not ask.
--
-- @param name  a module that returns a table
-- @return a table that has the module's fields
return function(name)
  return setmetatable({}, { __index = function(self, key)
    for field, value in pairs(require(name)) do rawset(self, field, value) end
    return rawget(self, key)
  end })
end
