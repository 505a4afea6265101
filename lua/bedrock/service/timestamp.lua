--- Times as AWS writes them, to and from seconds since the epoch.
--
-- Plain arithmetic on the proleptic Gregorian calendar: os.time and os.date
-- depend on the machine's time zone, and stop at 2038 on some.

local timestamp = {}

local floor = math.floor

local MONTHS = { "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug",
  "Sep", "Oct", "Nov", "Dec" }
local DAYS = { "Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed" } -- 1 Jan 1970
local MONTH_NUMBER = {}
for number, name in ipairs(MONTHS) do MONTH_NUMBER[name] = number end

-- Days since the epoch of a date, and back; years begin in March, so that
-- the leap day is the last (Hinnant, "chrono-compatible date algorithms").
local function days_of(year, month, day)
  if month <= 2 then year = year - 1 end
  local era = floor(year / 400)
  local in_era = year - era * 400
  local in_year = floor((153 * ((month + 9) % 12) + 2) / 5) + day - 1
  return era * 146097 + in_era * 365 + floor(in_era / 4)
    - floor(in_era / 100) + in_year - 719468
end

local function date_of(days)
  days = days + 719468
  local era = floor(days / 146097)
  local in_era = days - era * 146097
  local year = floor((in_era - floor(in_era / 1460) + floor(in_era / 36524)
    - floor(in_era / 146096)) / 365)
  local in_year = in_era - (365 * year + floor(year / 4) - floor(year / 100))
  local from_march = floor((5 * in_year + 2) / 153)
  local day = in_year - floor((153 * from_march + 2) / 5) + 1
  local month = from_march < 10 and from_march + 3 or from_march - 9
  return year + era * 400 + (month <= 2 and 1 or 0), month, day
end

-- Whole seconds and milliseconds (0..999), rounded to the nearest.
local function split(seconds)
  local milliseconds = floor(seconds * 1000 + 0.5)
  local whole = floor(milliseconds / 1000)
  return whole, milliseconds - whole * 1000
end

local function clock_of(whole)
  local days = floor(whole / 86400)
  local rest = whole - days * 86400
  return days, floor(rest / 3600), floor(rest / 60) % 60, rest % 60
end

local function fraction(milliseconds)
  if milliseconds == 0 then return "" end
  return ((".%03d"):format(milliseconds):gsub("0+$", ""))
end

--- ISO 8601 in UTC: 2025-01-02T03:04:05.678Z, no fraction when it is 0.
function timestamp.iso8601(seconds)
  local whole, milliseconds = split(seconds)
  local days, hour, minute, second = clock_of(whole)
  local year, month, day = date_of(days)
  local tail = milliseconds == 0 and "" or (".%03d"):format(milliseconds)
  return ("%04d-%02d-%02dT%02d:%02d:%02d%sZ"):format(
    year, month, day, hour, minute, second, tail)
end

--- The date of HTTP headers: Tue, 29 Apr 2014 18:30:38 GMT.
function timestamp.rfc822(seconds)
  local whole, milliseconds = split(seconds)
  local days, hour, minute, second = clock_of(whole)
  local year, month, day = date_of(days)
  return ("%s, %02d %s %04d %02d:%02d:%02d%s GMT"):format(
    DAYS[days % 7 + 1], day, MONTHS[month], year, hour, minute, second,
    fraction(milliseconds))
end

--- Seconds since the epoch as text, no fraction when it is 0.
function timestamp.unixTimestamp(seconds)
  local whole, milliseconds = split(seconds)
  return ("%.0f%s"):format(whole, fraction(milliseconds))
end

-- Seconds of a date and a clock that there are, or nil: no 30 February, no
-- 24 o'clock.  A leap second is the first of the next minute.
local function join(year, month, day, hour, minute, second)
  year, month, day = tonumber(year), tonumber(month), tonumber(day)
  hour, minute, second = tonumber(hour), tonumber(minute), tonumber(second)
  if not month or month < 1 or month > 12 or hour > 23 or minute > 59
    or second >= 61 then
    return nil
  end
  local days = days_of(year, month, day)
  local _, same_month, same_day = date_of(days)
  if same_month ~= month or same_day ~= day then return nil end
  return days * 86400 + hour * 3600 + minute * 60 + second
end

local function read_iso8601(text)
  local year, month, day, hour, minute, second, zone = text:match(
    "^(%d%d%d%d)-(%d%d)-(%d%d)[Tt ](%d%d):(%d%d):(%d%d%.?%d*)(.*)$")
  local time = year and join(year, month, day, hour, minute, second)
  if not time then return nil end
  if zone == "Z" or zone == "z" then return time end
  local sign, hours, minutes = zone:match("^([-+])([01]%d):?([0-5]%d)$")
  if not sign then
    sign, hours, minutes = zone:match("^([-+])(2[0-3]):?([0-5]%d)$")
  end
  if not sign then return nil end
  local offset = tonumber(hours) * 3600 + tonumber(minutes) * 60
  return sign == "+" and time - offset or time + offset
end

local function read_rfc822(text)
  local day, month, year, hour, minute, second = text:match(
    "^%a%a%a, (%d%d?) (%a%a%a) (%d%d%d%d) (%d%d):(%d%d):(%d%d%.?%d*) GMT$")
  return day and join(year, MONTH_NUMBER[month], day, hour, minute, second)
end

--- Seconds since the epoch of any of the three forms, or nil.
-- @param value  text in one of the forms, or a number (taken as it is)
function timestamp.parse(value)
  if type(value) == "number" then return value end
  if type(value) ~= "string" then return nil end
  return read_iso8601(value) or read_rfc822(value)
    or value:find("^-?%d+%.?%d*$") and tonumber(value) or nil
end

return timestamp
