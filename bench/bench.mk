# The measuring programs in C (bench/README.md): libcurl alone, the core
# alone, a server that costs next to nothing, and the one that measures.

BENCH := $(addprefix $(BUILD)/bench/,server floor measure micro)
$(BUILD)/bench/server: BENCH_LIBS := -lssl -lcrypto
$(BUILD)/bench/floor: BENCH_LIBS := $(CURL_LIBS)
$(BUILD)/bench/micro: BENCH_LIBS := $(CORE_LIBS)
$(BUILD)/bench/micro: $(CORE)

$(BUILD)/bench/%: bench/%.c
	@mkdir -p $(@D)
	$(CC) $(CPP_ALL) $(CC_ALL) -o $@ $^ $(BENCH_LIBS)

.PHONY: bench bench-quick bench-check bench-programs
bench-programs: $(BENCH)

bench:            ## against libcurl and AWS's SDKs (HOST=nginx, LUA=luajit)
	@tools/deps bench
	@$(MAKE) -s all bench-programs
	@eval "$$($(MAKE) -s env)"; bench/run table curves

bench-quick:      ## the same table, fewer and shorter runs: a minute
	@tools/deps bench
	@$(MAKE) -s all bench-programs
	@eval "$$($(MAKE) -s env)"; bench/run --quick table

bench-check:      ## does every part of it still run?  Seconds, no timing
	@tools/deps bench
	@$(MAKE) -s all bench-programs
	@eval "$$($(MAKE) -s env)"; bench/run --smoke check
