--- Small plots as SVG: points on logarithmic axes, a panel each.

local svg = {}

local WIDTH, HEIGHT = 320, 220 -- of a panel
local LEFT, RIGHT, TOP, BOTTOM = 52, 12, 40, 34 -- around its plot

local function log10(x) return math.log(x) / math.log(10) end

-- "1", "1k", "1M"; below one "0.1".
local function label(exponent)
  if exponent >= 6 then return ("%dM"):format(10 ^ (exponent - 6)) end
  if exponent >= 3 then return ("%dk"):format(10 ^ (exponent - 3)) end
  return ("%g"):format(10 ^ exponent)
end

-- The axis that holds these values: whole decades, and a value's share of it.
local function axis(values)
  local low, high = math.huge, -math.huge
  for _, value in ipairs(values) do
    low = math.min(low, math.floor(log10(value) + 1e-9))
    high = math.max(high, math.ceil(log10(value) - 1e-9))
  end
  if high == low then high = low + 1 end
  return { low = low, high = high, share = function(value)
    return (log10(value) - low) / (high - low)
  end }
end

local function column(points, name)
  local list = {}
  for i, point in ipairs(points) do list[i] = point[name] end
  return list
end

local function text(x, y, anchor, words, more)
  return ('<text x="%.1f" y="%.1f" text-anchor="%s"%s>%s</text>'):format(x, y,
    anchor, more or "", words)
end

local function line(x1, y1, x2, y2, class)
  return ('<line x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f" class="%s"/>')
    :format(x1, y1, x2, y2, class)
end

-- The frame of a panel: a line and a number for each decade.
local function grid(out, across, up, x, y)
  local right, bottom = WIDTH - RIGHT, HEIGHT - BOTTOM
  for exponent = across.low, across.high do
    local at = x(10 ^ exponent)
    out[#out + 1] = line(at, TOP, at, bottom, "grid")
    out[#out + 1] = text(at, bottom + 13, "middle", label(exponent))
  end
  for exponent = up.low, up.high do
    local at = y(10 ^ exponent)
    out[#out + 1] = line(LEFT, at, right, at, "grid")
    out[#out + 1] = text(LEFT - 5, at + 4, "end", label(exponent))
  end
end

-- The points, joined; and dashed from the last one down what is linear.
local function curve(out, points, up, x, y)
  local path = {}
  for _, point in ipairs(points) do
    path[#path + 1] = ("%.1f,%.1f"):format(x(point.x), y(point.y))
    out[#out + 1] = ('<circle cx="%.1f" cy="%.1f" r="2.5"/>'):format(
      x(point.x), y(point.y))
  end
  out[#out + 1] = ('<polyline points="%s"/>'):format(table.concat(path, " "))
  local last = points[#points]
  local from = math.max(points[1].x, last.x * 10 ^ up.low / last.y)
  out[#out + 1] = line(x(from), y(last.y * from / last.x), x(last.x),
    y(last.y), "linear")
end

local function panel(given)
  local points = given.points
  local across, up = axis(column(points, "x")), axis(column(points, "y"))
  local function x(value)
    return LEFT + across.share(value) * (WIDTH - LEFT - RIGHT)
  end
  local function y(value)
    return HEIGHT - BOTTOM - up.share(value) * (HEIGHT - TOP - BOTTOM)
  end
  local out = { text(LEFT, 16, "start", given.title, ' class="title"'),
    text(LEFT, 31, "start", given.note),
    text(WIDTH - RIGHT, HEIGHT - 6, "end", given.unit) }
  grid(out, across, up, x, y)
  curve(out, points, up, x, y)
  return table.concat(out, "\n")
end

local STYLE = [[<style>
text { font: 11px sans-serif; fill: #333 }
.title { font-weight: bold }
.grid { stroke: #ddd }
.linear { stroke: #999; stroke-dasharray: 4 3 }
polyline { fill: none; stroke: #06c; stroke-width: 1.5 }
circle { fill: #06c }
</style>]]

--- A picture of panels, three in a row.
-- @param panels list of { title, note, unit = of the axis below, points =
--   list of { x =, y = } }
-- @return the SVG's text
function svg.picture(panels)
  local rows = math.ceil(#panels / 3)
  local out = { ('<svg xmlns="http://www.w3.org/2000/svg" width="%d" '
    .. 'height="%d">'):format(3 * WIDTH, rows * HEIGHT), STYLE,
    '<rect width="100%" height="100%" fill="white"/>' }
  for i, given in ipairs(panels) do
    out[#out + 1] = ('<g transform="translate(%d,%d)">'):format(
      (i - 1) % 3 * WIDTH, math.floor((i - 1) / 3) * HEIGHT)
    out[#out + 1] = panel(given)
    out[#out + 1] = "</g>"
  end
  out[#out + 1] = "</svg>\n"
  return table.concat(out, "\n")
end

return svg
