function love.conf(t)
  t.identity = "lua-bedrock"
  t.window.title = "A character who answers"
  t.window.width, t.window.height = 800, 450
  t.window.vsync = 1
  t.modules.audio, t.modules.sound, t.modules.physics = false, false, false
end
