/* version.h - the one place that holds the version (see `make check`). */
#ifndef BDR_VERSION_H
#define BDR_VERSION_H

#define BDR_VERSION "0.1.0"

#endif
