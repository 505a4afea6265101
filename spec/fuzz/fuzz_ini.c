/*
** fuzz_ini.c - the parser of AWS's shared files under libFuzzer.  What must
** hold: items come in the order of their lines, each from the text; the end
** and a failure are final; a comment at the end changes nothing.
*/
#include <stdlib.h>
#include <string.h>

#include "ini.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void write_item(const bdr_ini_item *item, bdr_buf *log) {
  bdr_buf_addc(log, item->kind == BDR_INI_SECTION ? '[' : '=');
  bdr_buf_addc(log, item->valid ? 'v' : '!');
  bdr_buf_adds(log, item->prefix);
  bdr_buf_addc(log, ' ');
  bdr_buf_adds(log, item->name);
  bdr_buf_addc(log, ' ');
  bdr_buf_adds(log, item->value);
  bdr_buf_addc(log, '\0');
}

/* Every nested line takes something off the rest. */
static void read_nested(bdr_str rest, bdr_buf *log) {
  bdr_str key, value;
  size_t before = rest.n + 1;
  while (bdr_ini_nested(&rest, &key, &value)) {
    if (rest.n >= before) abort();
    before = rest.n;
    bdr_buf_adds(log, key);
    bdr_buf_adds(log, value);
  }
}

static bdr_status run(bdr_str text, bdr_buf *log) {
  bdr_ini p;
  bdr_ini_item item;
  bdr_status status;
  size_t line = 0;
  memset(&p, 0, sizeof p);
  bdr_ini_init(&p, text);
  while ((status = bdr_ini_next(&p, &item)) == BDR_OK) {
    if (item.line <= line) abort();
    line = item.line;
    write_item(&item, log);
    if (item.kind == BDR_INI_PROPERTY) read_nested(item.value, log);
  }
  if (bdr_ini_next(&p, &item) != status) abort();
  if (status == BDR_E_SYNTAX && !p.problem) abort();
  bdr_ini_free(&p);
  bdr_ini_free(&p);
  return status;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static const char more[] = "\n# the end";
  char *copy = malloc(size + sizeof more);
  bdr_str text = {copy, size};
  bdr_buf first = {0}, second = {0};
  bdr_status status;
  if (!copy) abort();
  if (size) memcpy(copy, data, size);
  status = run(text, &first);
  memcpy(copy + size, more, sizeof more - 1);
  text.n += sizeof more - 1;
  if (run(text, &second) != status) abort();
  if (!bdr_str_equal(bdr_buf_str(&first), bdr_buf_str(&second))) abort();
  bdr_buf_free(&first);
  bdr_buf_free(&second);
  free(copy);
  return 0;
}
