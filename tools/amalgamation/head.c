/*
** bedrock.c - lua-bedrock @VERSION@ in one file, made by `make amalgamation`.
** See bedrock.h; MIT licence.
**
**   cc -c bedrock.c               and link with -lcurl -lcrypto
**   -DBEDROCK_WITHOUT_CURL        without the transport: bring a host
**   -DBDR_WITH_LIBDEFLATE         and -ldeflate: its faster CRC-32
*/
#if !defined(_POSIX_C_SOURCE) && !defined(_GNU_SOURCE)
#define _POSIX_C_SOURCE 200809L
#endif
