/*
** failalloc.c - an allocator that fails when it is told to.
**
** Preloaded, it stands before malloc, calloc and realloc; required from
** Lua, the same object is the switch:
**
**     failalloc.arm(n, sticky)   from now on the nth request fails
**                                (sticky: and every one after it)
**     failalloc.disarm()         -> requests seen, did any fail?
**
** Every request counts, whoever makes it: Lua, this project, libcurl.
*/
#define _GNU_SOURCE
#include <dlfcn.h>
#include <lauxlib.h>
#include <lua.h>
#include <stddef.h>
#include <string.h>

static long armed;  /* the request that fails; 0: none */
static long sticky; /* and all after it? */
static long seen;
static long failed;

static int fails(void) {
  long number;
  long limit = __atomic_load_n(&armed, __ATOMIC_RELAXED);
  if (limit == 0) return 0;
  number = __atomic_add_fetch(&seen, 1, __ATOMIC_RELAXED);
  if (number < limit || (number > limit && !sticky)) return 0;
  __atomic_store_n(&failed, 1, __ATOMIC_RELAXED);
  return 1;
}

/*
** dlsym may itself ask for memory before the real functions are known: a
** few requests are served from here, and never given back.
*/
static char early[4096];
static size_t early_used;

static void *early_memory(size_t n) {
  char *p = early + early_used;
  n = (n + 15) & ~(size_t)15;
  if (n > sizeof early - early_used) return NULL;
  early_used += n;
  return p;
}

static int is_early(const void *p) {
  return (const char *)p >= early && (const char *)p < early + sizeof early;
}

/*
** The next allocator's function of that name; NULL while it is looked up.
** Volatile: the compiler takes dlsym for a function that never calls back.
*/
static void *real(void **cache, const char *name) {
  static volatile int looking;
  if (*cache == NULL && !looking) {
    looking = 1;
    *cache = dlsym(RTLD_NEXT, name);
    looking = 0;
  }
  return *cache;
}

#define REAL(name, type)       \
  static void *name##_cache;   \
  type next;                   \
  *(void **)&next = real(&name##_cache, #name)

typedef void *(*malloc_function)(size_t);
typedef void *(*calloc_function)(size_t, size_t);
typedef void *(*realloc_function)(void *, size_t);
typedef void (*free_function)(void *);

void *malloc(size_t n) {
  REAL(malloc, malloc_function);
  if (!next) return early_memory(n);
  return fails() ? NULL : next(n);
}

void *calloc(size_t count, size_t size) {
  REAL(calloc, calloc_function);
  if (!next) return early_memory(count * size);
  return fails() ? NULL : next(count, size);
}

void *realloc(void *p, size_t n) {
  REAL(realloc, realloc_function);
  if (!next || is_early(p)) return NULL;
  /* Lua takes for granted that a block can shrink; so does C in practice. */
  return n > 0 && fails() ? NULL : next(p, n);
}

void free(void *p) {
  REAL(free, free_function);
  if (next && !is_early(p)) next(p);
}

static int arm(lua_State *L) {
  long limit = (long)luaL_checkinteger(L, 1);
  sticky = lua_toboolean(L, 2);
  seen = failed = 0;
  __atomic_store_n(&armed, limit, __ATOMIC_RELAXED);
  return 0;
}

static int disarm(lua_State *L) {
  __atomic_store_n(&armed, 0, __ATOMIC_RELAXED);
  lua_pushinteger(L, (lua_Integer)seen);
  lua_pushboolean(L, (int)failed);
  return 2;
}

int luaopen_failalloc(lua_State *L);

int luaopen_failalloc(lua_State *L) {
  lua_newtable(L);
  lua_pushcfunction(L, arm);
  lua_setfield(L, -2, "arm");
  lua_pushcfunction(L, disarm);
  lua_setfield(L, -2, "disarm");
  return 1;
}
