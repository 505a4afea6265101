-- The HTTP/1.1 response parser and the writer of request heads.
-- The first law: whatever the bytes and wherever they are cut, the same
-- status, headers, body, fault and end come out.
local http1 = require("bedrock.core").http1

local function crlf(...)
  return table.concat({ ... }, "\r\n")
end

local OK = "HTTP/1.1 200 OK"

-- name = { bytes, body = , status = , keep = , rest-of-what-is-expected }
-- or { bytes, fault = code, at = "the body before the fault" }.
local whole = {
  length = {
    crlf(OK, "Content-Length: 5", "", "hello"),
    body = "hello", keep = true,
  },
  ["no length, closed"] = {
    crlf(OK, "", "hello"), body = "hello", keep = false,
  },
  ["no length, closed at once"] = { crlf(OK, "", ""), body = "" },
  ["length of zero"] = {
    crlf(OK, "content-length: 0", "", ""), body = "", keep = true,
  },
  ["no reason"] = {
    crlf("HTTP/1.1 200", "content-length: 0", "", ""), body = "",
    keep = true,
  },
  ["reason in latin-1"] = {
    crlf("HTTP/1.1 404 Nicht da: \228", "content-length: 0", "", ""),
    status = 404, body = "", keep = true,
  },
  chunked = {
    crlf(OK, "Transfer-Encoding: chunked", "",
      "5", "hello", "6;a=b", " world", "0", "", ""),
    body = "hello world", keep = true,
  },
  ["chunked in capitals, with trailers"] = {
    crlf(OK, "transfer-encoding:CHUNKED", "",
      "00A", "0123456789", "000", "x-sum: 1", "x-more:", "", ""),
    body = "0123456789", keep = true,
  },
  ["chunk extension with quotes and tabs"] = {
    crlf(OK, "transfer-encoding: chunked", "",
      '1;name="a\tb";x', "x", "1 \t; x", "y", "0;last", "", ""),
    body = "xy", keep = true,
  },
  ["connection: close"] = {
    crlf(OK, "content-length: 1", "connection: x, Close", "", "x"),
    body = "x", keep = false,
  },
  ["close among several connection headers"] = {
    crlf(OK, "content-length: 1", "connection: keep-alive",
      "connection: close", "", "x"),
    body = "x", keep = false,
  },
  ["HTTP/1.0"] = {
    crlf("HTTP/1.0 200 OK", "content-length: 1", "", "x"),
    body = "x", keep = false,
  },
  ["HTTP/1.0 that stays"] = {
    crlf("HTTP/1.0 200 OK", "content-length: 1",
      "connection: Keep-Alive", "", "x"),
    body = "x", keep = true,
  },
  ["interim responses"] = {
    crlf("HTTP/1.1 100 Continue", "", "HTTP/1.1 103 Early Hints",
      "link: </a>", "connection: close", "",
      "HTTP/1.1 201 Created", "content-length: 2", "x-a: b", "", "ok"),
    status = 201, body = "ok", keep = true,
    headers = { ["content-length"] = "2", ["x-a"] = "b" },
  },
  ["204 has no body"] = {
    crlf("HTTP/1.1 204 No Content", "x: y", "", ""),
    status = 204, body = "", keep = true,
  },
  ["204 with a length is not trusted further"] = {
    crlf("HTTP/1.1 204 No Content", "content-length: 3", "", ""),
    status = 204, body = "", keep = false,
  },
  ["304 names a length and has no body"] = {
    crlf("HTTP/1.1 304 Not Modified", "content-length: 30", "", ""),
    status = 304, body = "", keep = true,
  },
  ["bytes behind the message"] = {
    crlf(OK, "content-length: 1", "", "xHTTP/1.1 200 OK", "", ""),
    body = "x", keep = false,
  },
  ["bytes behind the last chunk"] = {
    crlf(OK, "transfer-encoding: chunked", "", "0", "", "\0"),
    body = "", keep = false,
  },
  ["headers repeated, empty, blank around"] = {
    crlf(OK, "A: 1", "b:\t 2 \t", "a:3", "empty:", "content-length: 0",
      "x: a\tb \200", "", ""),
    body = "", keep = true,
    headers = { a = "1, 3", b = "2", empty = "", ["content-length"] = "0",
      x = "a\tb \200" },
  },
  ["NUL and line ends in the body"] = {
    crlf(OK, "content-length: 8", "", "\0\r\n\n\r\r\n\255"),
    body = "\0\r\n\n\r\r\n\255", keep = true,
  },
}

local function chunked(...)
  return crlf(OK, "transfer-encoding: chunked", "", ...)
end

local hostile = {
  ["two lengths that differ"] =
    { crlf(OK, "content-length: 5", "content-length: 6", "", "hello!") },
  ["two lengths that agree"] =
    { crlf(OK, "content-length: 5", "content-length: 5", "", "hello") },
  ["a list of lengths"] = { crlf(OK, "content-length: 5, 5", "", "hello") },
  ["length and chunks"] = {
    crlf(OK, "content-length: 5", "transfer-encoding: chunked", "",
      "0", "", ""),
  },
  ["chunks and length"] = {
    crlf(OK, "transfer-encoding: chunked", "content-length: 5", "",
      "0", "", ""),
  },
  ["length with a sign"] = { crlf(OK, "content-length: +5", "", "hello") },
  ["negative length"] = { crlf(OK, "content-length: -1", "", "") },
  ["length in hex"] = { crlf(OK, "content-length: 0x5", "", "hello") },
  ["length of nothing"] = { crlf(OK, "content-length:", "", "hello") },
  ["length with a blank"] = { crlf(OK, "content-length: 1 2", "", "hello") },
  ["length beyond 64 bits"] =
    { crlf(OK, "content-length: 18446744073709551621", "", "hello") },
  ["interim in chunks"] =
    { crlf("HTTP/1.1 103 Hints", "transfer-encoding: chunked", "", "") },
  ["name with a brace"] = { crlf(OK, "a{b: c", "", "") },
  ["interim with a length"] =
    { crlf("HTTP/1.1 100 Continue", "content-length: 5", "", "hello") },
  ["unasked upgrade"] =
    { crlf("HTTP/1.1 101 Switching Protocols", "upgrade: x", "", "") },
  ["unknown coding"] =
    { crlf(OK, "transfer-encoding: gzip, chunked", "", "0", "", "") },
  ["chunked twice"] =
    { crlf(OK, "transfer-encoding: chunked, chunked", "", "0", "", "") },
  ["two codings"] = {
    crlf(OK, "transfer-encoding: chunked", "transfer-encoding: chunked", "",
      "0", "", ""),
  },
  ["coding hidden by a control"] =
    { crlf(OK, "transfer-encoding: \vchunked", "", "0", "", "") },
  ["identity"] = { crlf(OK, "transfer-encoding: identity", "", "x") },
  ["chunks in HTTP/1.0"] = {
    crlf("HTTP/1.0 200 OK", "transfer-encoding: chunked", "", "0", "", ""),
  },
  ["bare line feeds"] = { "HTTP/1.1 200 OK\ncontent-length: 0\n\n" },
  ["one bare line feed"] = { OK .. "\r\na: b\nc: d\r\n\r\n" },
  ["bare line feed ends the head"] = { OK .. "\r\na: b\r\n\nx" },
  ["bare carriage return"] = { OK .. "\r\na: b\rc: d\r\n\r\n" },
  ["folded header"] = { crlf(OK, "a: b", " c", "", "") },
  ["folded by a tab"] = { crlf(OK, "a: b", "\tc: d", "", "") },
  ["fold before the first header"] = { crlf(OK, " a: b", "", "") },
  ["blank before the colon"] =
    { crlf(OK, "content-length : 5", "", "hello") },
  ["no colon"] = { crlf(OK, "abc", "", "") },
  ["no name"] = { crlf(OK, ": b", "", "") },
  ["name with a blank"] = { crlf(OK, "a b: c", "", "") },
  ["name beyond ASCII"] = { crlf(OK, "\228: c", "", "") },
  ["NUL in a name"] = { crlf(OK, "a\0b: c", "", "") },
  ["NUL in a value"] = { crlf(OK, "a: b\0c", "", "") },
  ["DEL in a value"] = { crlf(OK, "a: b\127", "", "") },
  ["NUL in the reason"] = { crlf("HTTP/1.1 200 O\0K", "", "") },
  ["empty line first"] = { crlf("", OK, "content-length: 0", "", "") },
  ["HTTP/2"] = { crlf("HTTP/2 200", "", "") },
  ["HTTP/1.2"] = { crlf("HTTP/1.2 200 OK", "", "") },
  ["HTTP/1.10"] = { crlf("HTTP/1.10 200 OK", "", "") },
  ["http/1.1"] = { crlf("http/1.1 200 OK", "", "") },
  ["a request"] = { crlf("GET / HTTP/1.1", "host: a", "", "") },
  ["no status"] = { crlf("HTTP/1.1", "", "") },
  ["status of two digits"] = { crlf("HTTP/1.1 20 OK", "", "") },
  ["status of four digits"] = { crlf("HTTP/1.1 2000 OK", "", "") },
  ["status with a sign"] = { crlf("HTTP/1.1 +20 OK", "", "") },
  ["status 099"] = { crlf("HTTP/1.1 099 OK", "", "") },
  ["status 600"] = { crlf("HTTP/1.1 600 OK", "", "") },
  ["two blanks before the status"] = { crlf("HTTP/1.1  200 OK", "", "") },
  ["ICY"] = { crlf("ICY 200 OK", "", "") },
  ["a TLS alert"] = { "\21\3\1\0\2\2\70\n" },

  ["chunk size of nothing"] = { chunked("", "x") },
  ["chunk size of words"] = { chunked("xyz", "x") },
  ["chunk size in 0x"] = { chunked("0x5", "hello") },
  ["negative chunk size"] = { chunked("-1", "x") },
  ["chunk size with a plus"] = { chunked("+1", "x") },
  ["blank after the chunk size"] = { chunked("5 ", "hello") },
  ["word after the chunk size"] = { chunked("5 x;y", "hello") },
  ["blank before the chunk size"] = { chunked(" 5", "hello") },
  ["chunk size beyond 64 bits"] = { chunked("10000000000000005", "hello") },
  ["chunk size of all ones"] = { chunked("FFFFFFFFFFFFFFFF", "hello") },
  ["bare line feed after the chunk size"] =
    { chunked("5\nhello", "0", "", "") },
  ["control in an extension"] = { chunked("5;a\0b", "hello") },
  ["carriage return in an extension"] = { chunked("5;a\rb", "hello") },
  ["chunk longer than its size"] =
    { chunked("5", "hello!", "0", "", ""), at = "hello" },
  ["chunk shorter than its size"] =
    { chunked("6", "hello", "0", "", ""), at = "hello\r" },
  ["chunk ended by a bare line feed"] =
    { chunked("5", "hello\n0", "", ""), at = "hello" },
  ["a fault after a good chunk"] =
    { chunked("5", "hello", "z", ""), at = "hello" },
  ["folded trailer"] =
    { chunked("1", "x", "0", "a: b", " c", "", ""), at = "x" },
  ["malformed trailer"] = { chunked("1", "x", "0", "a b", "", ""), at = "x" },

  ["status line without end"] =
    { OK .. (" "):rep(70000), fault = "LimitExceeded" },
  ["header without end"] =
    { crlf(OK, "a: ") .. ("x"):rep(70000), fault = "LimitExceeded" },
  ["heads without end"] = {
    ("HTTP/1.1 100 Continue\r\nx: yyyyyyyyyyyyyyyyyyyyyyy\r\n\r\n"):rep(1300),
    fault = "LimitExceeded",
  },
  ["headers without end"] =
    { OK .. "\r\n" .. ("a:b\r\n"):rep(200), fault = "LimitExceeded" },
  ["extension without end"] =
    { chunked("1;" .. ("x"):rep(2000)), fault = "LimitExceeded" },
  ["chunk size without end"] =
    { chunked(("0"):rep(20)), fault = "Truncated" },
  ["trailers without end"] = {
    chunked("0", ("trailer: " .. ("x"):rep(200) .. "\r\n"):rep(50)),
    fault = "LimitExceeded",
  },
  ["trailers without number"] =
    { chunked("0", ("a:b\r\n"):rep(200)), fault = "LimitExceeded" },

  ["nothing"] = { "", fault = "Truncated" },
  ["half a status line"] = { "HTTP/1.1 2", fault = "Truncated" },
  ["half a head"] = { crlf(OK, "a: b", ""), fault = "Truncated" },
  ["interim only"] = {
    crlf("HTTP/1.1 100 Continue", "", ""), fault = "Truncated",
  },
  ["less than its length"] = {
    crlf(OK, "content-length: 6", "", "hello"), at = "hello",
    fault = "Truncated",
  },
  ["half a chunk"] =
    { chunked("6", "hello"), at = "hello", fault = "Truncated" },
  ["no last chunk"] =
    { chunked("5", "hello", ""), at = "hello", fault = "Truncated" },
  ["no end of the trailers"] =
    { chunked("5", "hello", "0", ""), at = "hello", fault = "Truncated" },
}

-- Give `bytes` in pieces of `step`; all that a caller can see, as a table.
local function read(bytes, step, options)
  local p = http1.parser(options)
  local seen, body = {}, {}
  local function fault(good, message, code)
    if not good and code then
      assert.is_string(message)
      seen.message, seen.fault = message, code
    end
    return seen.fault
  end
  local function take()
    repeat
      local piece, message, code = p:body()
      fault(piece, message, code)
      body[#body + 1] = piece
    until not piece
  end
  for i = 1, #bytes, step do
    if fault(p:feed(bytes:sub(i, i + step - 1))) then break end
    take()
    if seen.fault then break end
  end
  if not seen.fault then fault(p:finish()) end
  take()
  seen.status, seen.headers = p:head()
  seen.body = table.concat(body)
  seen.done, seen.keep = p:done(), p:keep_alive()
  return seen
end

-- Every size of piece for a short message, some for a long one.
local function steps(bytes)
  local list = {}
  if #bytes <= 300 then
    for i = 1, #bytes do list[i] = i end
    return list
  end
  return { 1, 2, 3, 1021, 1024, 4096, 65535, #bytes }
end

describe("http1 responses", function()
  for name, case in pairs(whole) do
    it("reads: " .. name, function()
      local got = read(case[1], #case[1])
      assert.is_nil(got.fault)
      assert.equal(case.status or 200, got.status)
      assert.equal(case.body, got.body)
      assert.is_true(got.done)
      assert.equal(case.keep or false, got.keep)
      if case.headers then assert.same(case.headers, got.headers) end
    end)
  end

  for name, case in pairs(hostile) do
    it("refuses: " .. name, function()
      local got = read(case[1], math.max(#case[1], 1))
      assert.equal(case.fault or "InvalidHttp", got.fault)
      assert.equal(case.at or "", got.body)
      assert.is_false(got.done)
      assert.is_false(got.keep)
    end)
  end

  it("come out the same however they are cut", function()
    for _, cases in ipairs { whole, hostile } do
      for name, case in pairs(cases) do
        local expected = read(case[1], math.max(#case[1], 1))
        for _, step in ipairs(steps(case[1])) do
          assert.same(expected, read(case[1], step), name .. " by " .. step)
        end
      end
    end
  end)

  it("are whole at their last byte and not before", function()
    for name, case in pairs(whole) do
      local closed = name:find("closed") or name:find("behind")
      for i = 0, closed and -1 or #case[1] - 1 do
        local got = read(case[1]:sub(1, i), math.max(i, 1))
        assert.equal("Truncated", got.fault, name .. " at " .. i)
      end
    end
  end)

  it("keep their first fault", function()
    local p = http1.parser()
    local _, message, code = p:feed("nonsense\r\n")
    assert.equal("InvalidHttp", code)
    for _, again in ipairs { "feed", "body", "finish" } do
      local good, m, c = p[again](p, "HTTP/1.1 200 OK\r\n\r\n")
      assert.is_nil(good)
      assert.equal(message, m)
      assert.equal(code, c)
    end
    assert.is_nil((p:head()))
  end)

  it("hand out a body as it comes, all that is there at once", function()
    local p = http1.parser()
    assert.is_nil((p:head()))
    assert.is_true(p:feed(chunked("1", "a", "1", "b", "2", "c")))
    assert.equal(200, (p:head()))
    assert.equal("abc", p:body())
    assert.is_nil(p:body())
    assert.is_true(p:feed("d\r\n0\r\n\r\n"))
    assert.is_false(p:done())
    assert.equal("d", p:body())
    assert.is_true(p:done())
    assert.is_nil(p:body())
  end)

  it("may be fed ahead of being taken", function()
    local p = http1.parser()
    for byte in chunked("5", "hello", "0", "", ""):gmatch(".") do
      assert.is_true(p:feed(byte))
    end
    assert.has_error(function() p:finish() end)
    collectgarbage()
    assert.equal("hello", p:body())
    assert.is_true(p:finish())
  end)

  it("end after their head when told so", function()
    local got = read(crlf(OK, "content-length: 9", "", ""), 7,
      { head_only = true })
    assert.is_true(got.done)
    assert.is_true(got.keep)
  end)

  it("stay below the limits that are set", function()
    local head = crlf(OK, "content-length: 0", "a: b", "", "")
    assert.is_true(read(head, 5, { max_head = #head }).done)
    assert.equal("LimitExceeded",
      read(head, 5, { max_head = #head - 1 }).fault)
    assert.is_true(read(head, 5, { max_headers = 2 }).done)
    assert.equal("LimitExceeded", read(head, 5, { max_headers = 1 }).fault)
  end)

  it("take options and bytes of the right type only", function()
    for _, bad in ipairs { 0, -1, "x", 0 / 0, 2 ^ 60 } do
      assert.has_error(function() http1.parser { max_head = bad } end)
    end
    assert.has_error(function() http1.parser(1) end)
    assert.has_error(function() http1.parser():feed(12) end)
    assert.has_error(function() http1.parser().feed({}, "") end)
  end)
end)

describe("http1 request heads", function()
  local function head(headers, length, method, target)
    headers = headers or {}
    headers.host = headers.host or "a.b"
    return http1.request(method or "POST", target or "/x%3A0?y", headers,
      length)
  end

  it("put host first, the rest by name, the length last", function()
    assert.equal(
      crlf("POST /x%3A0?y HTTP/1.1", "host: a.b", "a: 1", "b: ",
        "c-d: 2", "content-length: 1000000000", "", ""),
      head({ b = "", ["c-d"] = "2", a = "1" }, 1000000000))
  end)

  it("write no length without a body, and zero for an empty one", function()
    assert.equal(crlf("GET / HTTP/1.1", "host: a.b", "", ""),
      head(nil, nil, "GET", "/"))
    assert.equal(
      crlf("POST / HTTP/1.1", "host: a.b", "content-length: 0", "", ""),
      head(nil, 0, "POST", "/"))
  end)

  it("keep a length that is given when it is the body's", function()
    assert.equal(
      crlf("POST / HTTP/1.1", "host: a.b", "content-length: 3", "", ""),
      head({ ["content-length"] = "3" }, 3, "POST", "/"))
  end)

  it("can be those of a tunnel", function()
    assert.equal(crlf("CONNECT a.b:443 HTTP/1.1", "host: a.b:443", "", ""),
      head({ host = "a.b:443" }, nil, "CONNECT", "a.b:443"))
  end)

  it("refuse what could be read as another message", function()
    local function refused(...)
      local bytes, message, code = head(...)
      assert.is_nil(bytes)
      assert.is_string(message)
      assert.equal("InvalidArgument", code)
    end
    for _, bad in ipairs { "a\r\nb: c", "a\nb", "a\rb", "a\0b", "\127" } do
      refused { x = bad }
      refused { host = bad }
      refused { [bad] = "x" }
      refused(nil, nil, bad)
      refused(nil, nil, "GET", bad)
    end
    for _, bad in ipairs { "", "a b", "a:", "\228", "a\tb" } do
      refused { [bad] = "x" }
      refused(nil, nil, bad)
    end
    for _, bad in ipairs { "", "/a b", "/\228", "/\t" } do
      refused(nil, nil, "GET", bad)
    end
    refused { A = "1", a = "2" }
    refused { Host = "other" }
    refused { ["content-length"] = "3" }
    refused({ ["content-length"] = "3" }, 4)
    refused({ ["content-length"] = "3, 3" }, 3)
    refused({ ["Transfer-Encoding"] = "chunked" }, 3)
    assert.is_nil((http1.request("GET", "/", {})))
  end)

  it("take strings only", function()
    assert.has_error(function() head { a = 1 } end)
    assert.has_error(function() http1.request("GET", "/", { "a" }) end)
    assert.has_error(function() http1.request("GET", "/") end)
    assert.has_error(function() head(nil, -1) end)
    assert.has_error(function() head(nil, "1x") end)
  end)
end)
