# lua-bedrock.  `make help` lists the targets; LUA chooses the interpreter:
# 5.4 (default), 5.3, 5.2, 5.1, luajit.

LUA ?= 5.4
PREFIX ?= /usr/local
DESTDIR ?=
CFLAGS ?= -O2 -g
PKG_CONFIG ?= pkg-config
CLANG ?= $(firstword $(shell command -v clang clang-19 clang-16 clang-14))

# LuaJIT speaks 5.1's C interface; one object serves both
# (src/binding/compat.h).
ABI := $(if $(filter luajit,$(LUA)),5.1,$(LUA))
LUA_INCDIR ?= $(shell tools/lua $(ABI) include)
BUILD ?= build/$(ABI)

# Internal names, so that CFLAGS and LDFLAGS stay the user's.
WARN := -Wall -Wextra -Wconversion -Wshadow -pedantic
SAN ?=
CPP_ALL = -Isrc/core -Isrc/transport -Isrc/binding -I$(LUA_INCDIR) \
  -D_POSIX_C_SOURCE=200809L $(DEFLATE_FLAGS) $(CPPFLAGS)
CC_ALL = -std=c99 -fPIC -fvisibility=hidden $(WARN) $(CFLAGS) $(SAN)
ifeq ($(shell uname),Darwin)
LD_ALL = -bundle -undefined dynamic_lookup $(SAN) $(LDFLAGS)
else
LD_ALL = -shared $(SAN) $(LDFLAGS)
endif

# libdeflate's CRC-32 where it is installed, our own where it is not
# (src/core/crc32.h has the figures).
ifeq ($(shell $(PKG_CONFIG) --exists libdeflate 2>/dev/null && echo yes),yes)
DEFLATE_FLAGS := -DBDR_WITH_LIBDEFLATE \
  $(shell $(PKG_CONFIG) --cflags libdeflate)
DEFLATE_LIBS := $(shell $(PKG_CONFIG) --libs libdeflate)
endif
CORE_LIBS := $(shell $(PKG_CONFIG) --libs libcrypto 2>/dev/null || \
  echo -lcrypto) $(DEFLATE_LIBS)
CURL_LIBS := $(shell $(PKG_CONFIG) --libs libcurl 2>/dev/null || \
  echo -lcurl) -lm

HEADERS := $(wildcard src/*/*.h)
objects = $(patsubst src/%.c,$(BUILD)/obj/%.o,$(wildcard src/$(1)/*.c))
CORE := $(call objects,core)
TRANSPORT := $(call objects,transport)
BINDING := $(call objects,binding)
# bedrock.curl holds the transport and the bindings that are named like a
# room of it (curl.c: all its other rooms); the rest is bedrock.core's.
CURL_ONLY := $(filter $(BUILD)/obj/binding/curl.o \
  $(subst /transport/,/binding/,$(TRANSPORT)),$(BINDING))
SHARED := $(addprefix $(BUILD)/obj/,binding/binding.o core/status.o \
  core/bytes.o)
MODULES := $(BUILD)/bedrock/core.so \
  $(if $(CURL_ONLY),$(BUILD)/bedrock/curl.so)

.PHONY: all
all: $(MODULES)   ## build for LUA (default 5.4)

$(BUILD)/obj/%.o: src/%.c $(HEADERS) $(BUILD)/flags
	@mkdir -p $(@D)
	$(CC) $(CPP_ALL) $(CC_ALL) -c -o $@ $<

$(BUILD)/bedrock/core.so: $(CORE) $(filter-out $(CURL_ONLY),$(BINDING))
	@mkdir -p $(@D)
	$(CC) $(LD_ALL) -o $@ $^ $(CORE_LIBS)

$(BUILD)/bedrock/curl.so: $(TRANSPORT) $(CURL_ONLY) $(SHARED)
	@mkdir -p $(@D)
	$(CC) $(LD_ALL) -o $@ $^ $(CURL_LIBS)

# Changes when the flags do: a folder never mixes two sets of them.
$(BUILD)/flags: FORCE
	@test -n "$(LUA_INCDIR)" || \
	  { echo "lua.h of Lua $(ABI) not found: make deps" >&2; exit 1; }
	@mkdir -p $(@D)
	@echo '$(CC) $(CPP_ALL) $(CC_ALL) $(LD_ALL)' | cmp -s - $@ || \
	  echo '$(CC) $(CPP_ALL) $(CC_ALL) $(LD_ALL)' > $@
FORCE:

# ---- installing and running ----------------------------------------------

LUA_SHARE ?= $(PREFIX)/share/lua/$(ABI)
LUA_LIB ?= $(PREFIX)/lib/lua/$(ABI)
LUA_FILES := $(shell find lua -name '*.lua' 2>/dev/null)
PROGRAMS := $(wildcard lua/bin/*)

.PHONY: install uninstall env deps clean help
install: all      ## install under DESTDIR/PREFIX
	set -e; for file in $(LUA_FILES:lua/%=%); do \
	  install -D -m 644 lua/$$file $(DESTDIR)$(LUA_SHARE)/$$file; done
	install -d $(DESTDIR)$(LUA_LIB)/bedrock
	install -m 755 $(MODULES) $(DESTDIR)$(LUA_LIB)/bedrock
	install -d $(DESTDIR)$(PREFIX)/bin
	$(if $(PROGRAMS),install -m 755 $(PROGRAMS) $(DESTDIR)$(PREFIX)/bin)

uninstall:        ## remove what install put there
	rm -rf $(DESTDIR)$(LUA_SHARE)/bedrock $(DESTDIR)$(LUA_LIB)/bedrock
	rm -f $(PROGRAMS:lua/%=$(DESTDIR)$(PREFIX)/%)

env:              ## print exports: eval "$(make -s env)"
	@mkdir -p $(BUILD)/bin
	@lua=$$(tools/lua $(LUA)) && ln -sf "$$lua" $(BUILD)/bin/lua || \
	  rm -f $(BUILD)/bin/lua
	@echo "export LUA_PATH='$$(tools/lua $(LUA) path)'"
	@echo "export LUA_CPATH='$$(BUILD=$(BUILD) tools/lua $(LUA) cpath)'"
	@echo 'export PATH="$(abspath $(BUILD)/bin):$(CURDIR)/lua/bin:$$PATH"'

deps:             ## install what is missing for building and testing
	@tools/deps test

clean:            ## remove everything that was built
	rm -rf build

help:             ## this list
	@awk -F ':.*## *' '/^[a-z][a-z-]*:.*##/ { printf "  %-15s %s\n", $$1, $$2 }' \
	  $(MAKEFILE_LIST)

.PHONY: amalgamation
amalgamation:     ## build/amalgamation/: one C file and one header
	@mkdir -p build/amalgamation
	@$$(tools/lua 5.4) tools/amalgamate.lua build/amalgamation

.PHONY: demo
demo:             ## a local emulator answers; nothing to set up
	@tools/deps demo
	@$(MAKE) -s all
	@eval "$$($(MAKE) -s env)"; lua examples/demo.lua

# ---- tests and checks ----------------------------------------------------

.PHONY: test check
test:             ## every spec under every Lua that is here
	@tools/deps test || { echo "0 passed, 1 failed"; exit 1; }
	@MAKE="$(MAKE)" tools/test

check:            ## layers, lint, warnings, headers, version (CHECKS=...)
	@tools/deps check
	@MAKE="$(MAKE)" tools/check $(CHECKS)

.PHONY: asan valgrind gcstress oom
asan:             ## every spec under ASan, UBSan and LSan
	@tools/deps test
	@MAKE="$(MAKE)" tools/sanitize/run

valgrind:         ## every spec under valgrind (an hour)
	@tools/deps valgrind
	@MAKE="$(MAKE)" tools/valgrind

gcstress:         ## every spec under an aggressive collector
	@tools/deps test
	@LUAS=5.4 HELPER=spec/support/gcstress.lua \
	  SPEC_TIMEOUT=$${SPEC_TIMEOUT:-1800} tools/test

oom:              ## the nth allocation fails, n = 1, 2, ... until success
	@tools/deps test
	@MAKE="$(MAKE)" tools/oom/run

.PHONY: soak coverage
SOAK ?= 10000 200
soak: all         ## many streams with random faults (SOAK="streams at-once")
	@eval "$$($(MAKE) -s env)"; lua spec/soak.lua $(SOAK)

coverage:         ## how much of src/core the specs run (gcov)
	@tools/deps test
	@MAKE="$(MAKE)" tools/coverage

include spec/fuzz/fuzz.mk

include bench/bench.mk

.PHONY: conformance generate rockspec
conformance:      ## against independent peers from npm
	@tools/deps conformance
	@MAKE="$(MAKE)" tools/conformance

generate:         ## lua/bedrock/service/ data from the service model
	@eval "$$($(MAKE) -s env)"; lua tools/generate.lua

.PHONY: doc
doc:              ## pages for the browser with LDoc, in build/doc
	@tools/deps doc
	@mkdir -p build
	ldoc .

rockspec:         ## rockspec/ from the tree, after a file came or went
	@$$(tools/lua 5.4) tools/rockspec.lua
