/*
** decimal.h - decimal numbers and doubles, exactly, in both directions.
**
**     digits x 10^exponent  -->  the nearest double, ties to even
**     double                -->  the fewest digits that read back as it
**
** strtod and printf obey the process's locale (a decimal comma in half of
** Europe), and printf is stdio besides; this room knows no locale, calls no
** C library function that does, and allocates nothing.  A double is taken
** to be IEEE 754 binary64, which the Lua versions served here assume too.
*/
#ifndef BDR_DECIMAL_H
#define BDR_DECIMAL_H

#include "bytes.h"

/* digits x 10^exponent, exactly. */
typedef struct bdr_decimal {
  uint64_t digits;
  int exponent;
} bdr_decimal;

/*
** The double nearest to digits x 10^exponent; infinity where that is out
** of range, zero where it is below half of the smallest double.
*/
double bdr_decimal_value(bdr_decimal d);

/*
** The double nearest to a number in JSON's grammar (-12.5e3), of any
** length; infinity where it is out of range.  `text` must have been checked
** against the grammar already.
*/
double bdr_decimal_read(bdr_str text);

/*
** The fewest digits whose nearest double is v (at most 17, no trailing
** zero); v must be finite and not negative.
*/
bdr_decimal bdr_decimal_shortest(double v);

#endif
