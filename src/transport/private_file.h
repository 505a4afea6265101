/*
** private_file.h - replace a file that holds secrets.
**
**     text --> PATH.XXXXXX (mode 0600, synced) --> rename --> PATH
**
** A reader sees the old text or the new one, never a half; nobody but the
** owner sees either.  POSIX only.
*/
#ifndef BDR_PRIVATE_FILE_H
#define BDR_PRIVATE_FILE_H

#include "bytes.h"

/*
** Write `text` as the file `path` (NUL-terminated), whose folder exists.
** 0, or the errno of what failed; then the old file is as it was.
*/
int bdr_private_file_write(const char *path, bdr_str text);

#endif
