/* see status.h */
#include "status.h"

const char *bdr_status_name(bdr_status status) {
  switch (status) {
#define X(symbol, number, name, text) \
  case symbol: return name;
    BDR_STATUS_MAP(X)
#undef X
    case BDR_STATUS_LAST: break;
  }
  return "unknown";
}

const char *bdr_status_text(bdr_status status) {
  switch (status) {
#define X(symbol, number, name, text) \
  case symbol: return text;
    BDR_STATUS_MAP(X)
#undef X
    case BDR_STATUS_LAST: break;
  }
  return "unknown status";
}
