/* see status.h */
#include "status.h"

#include <stddef.h>

static const struct {
  bdr_status status;
  const char *name, *text;
} rows[] = {
#define X(symbol, number, name, text) {symbol, name, text},
    BDR_STATUS_MAP(X)
#undef X
    {BDR_STATUS_LAST, "unknown", "unknown status"}};

/* The row of a status; the last one where there is none. */
static size_t find(bdr_status status) {
  size_t i = 0;
  while (rows[i].status != status && rows[i].status != BDR_STATUS_LAST) i++;
  return i;
}

const char *bdr_status_name(bdr_status status) {
  return rows[find(status)].name;
}

const char *bdr_status_text(bdr_status status) {
  return rows[find(status)].text;
}
