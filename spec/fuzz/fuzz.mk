# Fuzz targets: spec/fuzz/fuzz_NAME.c defines LLVMFuzzerTestOneInput over
# src/core; the inputs worth keeping are in spec/fuzz/corpus/NAME/, words
# for the mutator in spec/fuzz/NAME.dict where they help.
#
#   make replays    each with a plain main that replays the corpus (any
#                   compiler; `make test` runs them)
#   make fuzz       each under libFuzzer for FUZZ_TIME seconds (clang)

FUZZ_TIME ?= 60
FUZZ := $(patsubst spec/fuzz/fuzz_%.c,%,$(wildcard spec/fuzz/fuzz_*.c))
FUZZ_SAN := -fsanitize=fuzzer,address,undefined \
  -fno-sanitize-recover=undefined

.PHONY: replays fuzz
replays: $(FUZZ:%=$(BUILD)/fuzz/replay_%)

$(BUILD)/fuzz/replay_%: spec/fuzz/fuzz_%.c spec/fuzz/replay.c $(CORE)
	@mkdir -p $(@D)
	$(CC) $(CPP_ALL) $(CC_ALL) -o $@ $^ $(CORE_LIBS)

build/fuzz/fuzz_%: spec/fuzz/fuzz_%.c $(wildcard src/core/*.c) $(HEADERS)
	@mkdir -p $(@D)
	$(CLANG) $(CPP_ALL) -std=c99 -O1 -g $(FUZZ_SAN) -o $@ \
	  $(filter %.c,$^) $(CORE_LIBS)

fuzz:             ## libFuzzer, FUZZ_TIME=60 seconds each (FUZZ=names)
	@tools/deps fuzz
	@$(MAKE) -s $(FUZZ:%=build/fuzz/fuzz_%)
	@FUZZ_TIME=$(FUZZ_TIME) tools/fuzz $(FUZZ)
