/* see decimal.h */
#include "decimal.h"

#include <float.h>
#include <string.h>

/*
** Two ways to each result: floating point where it is provably exact, and
** otherwise integers of up to LIMBS x 32 bits.  The longest ones come from
** read(): SIGNIFICANT digits against 5^(SIGNIFICANT + 324 + 1), about 2540
** bits, plus 64 bits of quotient.
*/
#define LIMBS 88

/*
** A double, and a point half-way between two, has at most 767 significant
** decimal digits; what follows the 768th only says "a little more".
** (R. Regan, "Maximum Number of Decimal Digits In Binary Floating-Point
** Numbers", exploringbinary.com.)
*/
#define SIGNIFICANT 768

/* Beyond these powers of ten every double is infinite or zero. */
#define HUGE_EXPONENT 310
#define TINY_EXPONENT (-344)

/* A natural number, least limb first; no leading zero limb. */
typedef struct big {
  int n;
  uint32_t limb[LIMBS];
} big;

static void big_set(big *b, uint64_t v) {
  b->n = 0;
  for (; v; v >>= 32) b->limb[b->n++] = (uint32_t)v;
}

/* b = b x factor + carry */
static void big_multiply(big *b, uint32_t factor, uint32_t carry) {
  int i;
  for (i = 0; i < b->n; i++) {
    uint64_t product = (uint64_t)b->limb[i] * factor + carry;
    b->limb[i] = (uint32_t)product;
    carry = (uint32_t)(product >> 32);
  }
  if (carry) b->limb[b->n++] = carry;
}

/* 5^13 is the largest power that fits a limb. */
static void big_multiply_pow5(big *b, int power) {
  for (; power >= 13; power -= 13) big_multiply(b, 1220703125u, 0);
  for (; power > 0; power--) big_multiply(b, 5, 0);
}

static void big_shift(big *b, int bits) {
  int limbs = bits / 32, i;
  if (b->n == 0) return;
  big_multiply(b, (uint32_t)1 << (bits % 32), 0);
  if (limbs == 0) return;
  memmove(b->limb + limbs, b->limb, (size_t)b->n * sizeof b->limb[0]);
  for (i = 0; i < limbs; i++) b->limb[i] = 0;
  b->n += limbs;
}

static int bit_length(uint64_t v) {
  int n = 0;
  for (; v >= 256; v >>= 8) n += 8;
  for (; v; v >>= 1) n++;
  return n;
}

static int big_bits(const big *b) {
  return b->n ? 32 * (b->n - 1) + bit_length(b->limb[b->n - 1]) : 0;
}

static int big_compare(const big *a, const big *b) {
  int i = a->n;
  if (a->n != b->n) return a->n < b->n ? -1 : 1;
  while (i-- > 0)
    if (a->limb[i] != b->limb[i]) return a->limb[i] < b->limb[i] ? -1 : 1;
  return 0;
}

/*
** a[0..n] -= b[0..n-1] x factor; the borrow that is left over (0, or 1 when
** factor was too large).
*/
static int subtract(uint32_t *a, const big *b, uint32_t factor) {
  uint64_t carry = 0, borrow = 0;
  int i;
  for (i = 0; i <= b->n; i++) {
    uint64_t difference;
    if (i < b->n) carry += (uint64_t)b->limb[i] * factor;
    difference = (uint64_t)a[i] - (uint32_t)carry - borrow;
    a[i] = (uint32_t)difference;
    borrow = difference >> 63;
    carry >>= 32;
  }
  return (int)borrow;
}

/* a[0..n] += b[0..n-1]; the carry out of it. */
static int add_back(uint32_t *a, const big *b) {
  uint64_t sum = 0;
  int i;
  for (i = 0; i <= b->n; i++) {
    sum += (uint64_t)a[i] + (i < b->n ? b->limb[i] : 0);
    a[i] = (uint32_t)sum;
    sum >>= 32;
  }
  return (int)sum;
}

/*
** The quotient of a by b, which must fit 64 bits, hence two limbs; a becomes
** the remainder, and both end up multiplied by the same power of two, so
** that a comparison of the two still means something.  Knuth's algorithm D
** with the guess taken from one limb: at most two too large, and then added
** back.
*/
static uint64_t big_divide(big *a, big *b) {
  int shift = 32 - bit_length(b->limb[b->n - 1]), at;
  uint64_t quotient = 0;
  big_shift(a, shift);
  big_shift(b, shift);
  while (a->n < b->n + 2) a->limb[a->n++] = 0;
  for (at = 1; at >= 0; at--) {
    uint32_t *part = a->limb + at;
    uint64_t top = (uint64_t)part[b->n] << 32 | part[b->n - 1];
    uint64_t guess = top / b->limb[b->n - 1];
    if (guess > UINT32_MAX) guess = UINT32_MAX;
    if (subtract(part, b, (uint32_t)guess))
      do guess--;
      while (!add_back(part, b));
    quotient = quotient << 32 | guess;
  }
  while (a->n > 0 && a->limb[a->n - 1] == 0) a->n--;
  return quotient;
}

/*
** over / under = factor x 5^power5 x 2^power2, factor being what `over`
** holds already.
*/
static void make_ratio(big *over, big *under, int power5, int power2) {
  big_set(under, 1);
  big_multiply_pow5(power5 < 0 ? under : over, power5 < 0 ? -power5 : power5);
  big_shift(power2 < 0 ? under : over, power2 < 0 ? -power2 : power2);
}

/* The leading one of a double's 53 bits, which is not stored. */
#define HIDDEN_BIT ((uint64_t)1 << 52)

static double from_bits(uint64_t bits) {
  double v;
  memcpy(&v, &bits, sizeof v);
  return v;
}

static double infinity(void) { return from_bits((uint64_t)0x7FF << 52); }

/*
** The double nearest to (q + something) x 2^power, something being in
** [0,1) and zero only if `exact`; q has 63 or 64 bits.
*/
static double round_to_double(uint64_t q, int exact, int power) {
  int drop = bit_length(q) - 53;
  uint64_t kept, rest, half;
  if (power + drop < -1074) drop = -1074 - power; /* a subnormal: fewer bits */
  if (drop > 64) return 0;
  kept = drop == 64 ? 0 : q >> drop;
  half = (uint64_t)1 << (drop - 1);
  rest = q & (half | (half - 1));
  if (rest > half || (rest == half && (!exact || (kept & 1)))) kept++;
  power += drop + 1074;
  if (power > 2045) return infinity();
  /* The hidden bit, and a carry out of `kept`, run into the exponent. */
  kept += (uint64_t)power << 52;
  return kept >> 52 >= 0x7FF ? infinity() : from_bits(kept);
}

/* The double nearest to digits x 10^exponent; digits is used up, not 0. */
static double big_value(big *digits, int exponent) {
  big under;
  int shift, inexact;
  uint64_t q;
  make_ratio(digits, &under, exponent, 0);
  shift = 63 - (big_bits(digits) - big_bits(&under));
  big_shift(shift < 0 ? &under : digits, shift < 0 ? -shift : shift);
  q = big_divide(digits, &under);
  inexact = digits->n > 0;
  return round_to_double(q, !inexact, exponent - shift);
}

static const double POWERS[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                               1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                               1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
#define MAX_EXACT_POWER 22
#define MAX_EXACT_INTEGER ((uint64_t)1 << 53)

/* Is arithmetic on doubles done in doubles (not so on the x87)? */
#if defined(FLT_EVAL_METHOD) && FLT_EVAL_METHOD == 0
#define EXACT_ARITHMETIC 1
#else
#define EXACT_ARITHMETIC 0
#endif

/*
** Both operands are doubles without error, so that IEEE's one rounding is
** the only one (W. Clinger, "How to Read Floating Point Numbers
** Accurately", 1990).
*/
double bdr_decimal_value(bdr_decimal d) {
  big digits;
  if (EXACT_ARITHMETIC && d.digits <= MAX_EXACT_INTEGER) {
    double v = (double)d.digits;
    if (d.exponent >= 0 && d.exponent <= MAX_EXACT_POWER)
      return v * POWERS[d.exponent];
    if (d.exponent < 0 && d.exponent >= -MAX_EXACT_POWER)
      return v / POWERS[-d.exponent];
  }
  if (d.digits == 0 || d.exponent < TINY_EXPONENT) return 0;
  if (d.exponent > HUGE_EXPONENT) return infinity();
  big_set(&digits, d.digits);
  return big_value(&digits, d.exponent);
}

/* The exponent part at p, if any, and kept from overflowing. */
static int64_t read_exponent(const char *p, const char *end) {
  int64_t exponent = 0;
  int negative;
  if (p == end) return 0;
  p++;
  negative = *p == '-';
  if (*p == '-' || *p == '+') p++;
  for (; p < end; p++)
    if (exponent < INT64_MAX / 100) exponent = exponent * 10 + (*p - '0');
  return negative ? -exponent : exponent;
}

/*
** The digits of [p, end) into *b and where the point and the cut put the
** exponent; returns the exponent part's place.
*/
static const char *read_digits(const char *p, const char *end, big *b,
                               int64_t *exponent) {
  int count = 0, point = 0, more = 0;
  b->n = 0;
  for (; p < end && *p != 'e' && *p != 'E'; p++) {
    if (*p == '.') {
      point = 1;
      continue;
    }
    if (count < SIGNIFICANT) {
      big_multiply(b, 10, (uint32_t)(*p - '0'));
      if (b->n) count++;
      *exponent -= point;
    } else {
      more |= *p != '0';
      *exponent += !point;
    }
  }
  if (more) {
    big_multiply(b, 10, 1);
    --*exponent;
  }
  return p;
}

double bdr_decimal_read(bdr_str text) {
  const char *p = text.p, *end = text.p + text.n;
  int negative = *p == '-', order;
  int64_t exponent = 0;
  double v = 0;
  big digits;
  p = read_digits(p + negative, end, &digits, &exponent);
  exponent += read_exponent(p, end);
  if (digits.n == 0) return negative ? -v : v;
  /* log10(2) is 0.30103: the number is at least 10^order. */
  order = (int)((big_bits(&digits) - 1) * 0.301);
  if (exponent > HUGE_EXPONENT - order)
    v = infinity();
  else if (exponent >= TINY_EXPONENT - order - 1)
    v = big_value(&digits, (int)exponent);
  return negative ? -v : v;
}

/*
** Most doubles that people write down have at most 15 digits: v x 10^k is
** then the integer itself but for its last bits, and one division, exact as
** in bdr_decimal_value(), proves it.  The first k found has no trailing
** zero, or the k before it would have been found.  Between LOW and HIGH no
** double of so few digits is missed.
*/
#define LOW 1e-7
#define HIGH 1e15

static int shortest_fraction(double v, bdr_decimal *d) {
  int k;
  for (k = 0; k <= MAX_EXACT_POWER; k++) {
    double scaled = v * POWERS[k];
    if (scaled >= HIGH) return 0;
    d->digits = (uint64_t)(int64_t)(scaled + 0.5);
    if ((double)d->digits / POWERS[k] != v) continue;
    d->exponent = -k;
    return 1;
  }
  return 0;
}

/* The integer d->digits for which d is nearest to m x 2^power. */
static void round_to_digits(uint64_t m, int power, int exponent,
                            bdr_decimal *d) {
  big over, under;
  int order;
  big_set(&over, m);
  make_ratio(&over, &under, -exponent, power - exponent);
  d->digits = big_divide(&over, &under);
  d->exponent = exponent;
  big_shift(&over, 1);
  order = big_compare(&over, &under);
  if (order > 0 || (order == 0 && (d->digits & 1))) d->digits++;
}

/* The decimal exponent of v, of which the binary one is known. */
static int power_of_ten(double v, int binary) {
  bdr_decimal next = {1, 0};
  next.exponent = (int)(binary * 0.30103 + 400) - 400 + 1; /* log10(2) */
  return next.exponent - (v < bdr_decimal_value(next));
}

/*
** 17 digits always tell a double from its neighbours, 15 are always kept by
** one (DBL_DECIMAL_DIG, DBL_DIG); subnormals may need as few as one.
** Just below a power of two doubles lie twice as dense, so that the fewest
** digits may lie on the far side of the nearest ones: hence digits + 1.
*/
bdr_decimal bdr_decimal_shortest(double v) {
  bdr_decimal d = {0, 0};
  uint64_t bits, m;
  int power, top, places, tried = EXACT_ARITHMETIC && v >= LOW && v < HIGH;
  if (v == 0 || (tried && shortest_fraction(v, &d))) goto done;
  memcpy(&bits, &v, sizeof bits);
  m = bits & (HIDDEN_BIT - 1);
  power = (int)(bits >> 52);
  places = power ? DBL_DIG + tried : 1;
  if (power) m |= HIDDEN_BIT;
  power = (power ? power : 1) - 1075;
  top = power_of_ten(v, bit_length(m) - 1 + power);
  for (;; places++) {
    round_to_digits(m, power, top - places + 1, &d);
    if (bdr_decimal_value(d) == v) break;
    d.digits++;
    if (m == HIDDEN_BIT && bdr_decimal_value(d) == v) break;
  }
done:
  while (d.digits && d.digits % 10 == 0) {
    d.digits /= 10;
    d.exponent++;
  }
  return d;
}
