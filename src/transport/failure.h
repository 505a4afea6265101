/*
** failure.h - libcurl's result codes in our words: one table from code to
** the short name that users meet as `err.code` and a sentence for them.
*/
#ifndef BDR_FAILURE_H
#define BDR_FAILURE_H

#include <curl/curl.h>

/*
** The code that says best what happened: libcurl reports some breaches of
** HTTP under the code of another matter, told apart by its sentence.
*/
CURLcode bdr_failure_code(CURLcode code, const char *detail);

/* Short name of a failure; static, never NULL. */
const char *bdr_failure_name(CURLcode code);

/* What to say of it where libcurl says nothing; static, never NULL. */
const char *bdr_failure_text(CURLcode code);

#endif
