/*
 * Numbers are eight 32-bit words, least significant first, always below their modulus. Coordinates and everything
 * computed from them are kept times 2^256 (Montgomery's form), so that a product is reduced from the low end, word by
 * word. Points are Jacobian: x = X / Z^2, y = Y / Z^3; Z = 0 is the point at infinity.
 */
#include "small/p256.h"

#include "updraft/sure.h"

#define WORDS 8
#define WORD_BITS 32

struct number {
    uint32_t word[WORDS];
};

struct modulus {
    struct number value;
    struct number square; /* 2^512 modulo it: brings a number into Montgomery's form */
    uint32_t inverse;     /* -1 / value modulo 2^32 */
};

static const struct modulus prime = {
    {{0xffffffff, 0xffffffff, 0xffffffff, 0x00000000, 0x00000000, 0x00000000, 0x00000001, 0xffffffff}},
    {{0x00000003, 0x00000000, 0xffffffff, 0xfffffffb, 0xfffffffe, 0xffffffff, 0xfffffffd, 0x00000004}},
    1,
};

static const struct modulus order = {
    {{0xfc632551, 0xf3b9cac2, 0xa7179e84, 0xbce6faad, 0xffffffff, 0xffffffff, 0x00000000, 0xffffffff}},
    {{0xbe79eea2, 0x83244c95, 0x49bd6fa6, 0x4699799c, 0x2b6bec59, 0x2845b239, 0xf3d95620, 0x66e12d94}},
    0xee00bc4f,
};

/* ---- plain numbers ---- */

static void load(struct number *out, const uint8_t bytes[4 * WORDS])
{
    for (size_t i = 0; i < WORDS; i++) {
        const uint8_t *at = bytes + 4 * (WORDS - 1 - i);
        out->word[i] = (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
    }
}

static bool is_zero(const struct number *a)
{
    uint32_t any = 0;
    for (size_t i = 0; i < WORDS; i++) {
        any |= a->word[i];
    }
    return any == 0;
}

/* out = a + b + carry, each bit of b flipped where `flip` has it; @return the carry */
static uint32_t add_flipped(struct number *out, const struct number *a, const struct number *b, uint32_t flip,
                            uint32_t carry)
{
    uint64_t sum = (uint64_t)carry << WORD_BITS;
    for (size_t i = 0; i < WORDS; i++) {
        sum = (sum >> WORD_BITS) + a->word[i] + (b->word[i] ^ flip);
        out->word[i] = (uint32_t)sum;
    }
    return (uint32_t)(sum >> WORD_BITS);
}

/* out = a + b; @return the carry */
static uint32_t add(struct number *out, const struct number *a, const struct number *b)
{
    return add_flipped(out, a, b, 0, 0);
}

/* out = a - b, which is a + ~b + 1; @return the borrow, 0 or 1 */
static uint32_t subtract(struct number *out, const struct number *a, const struct number *b)
{
    return 1 - add_flipped(out, a, b, UINT32_MAX, 1);
}

static bool is_below(const struct number *a, const struct number *b)
{
    struct number difference;
    return subtract(&difference, a, b) != 0;
}

/* `over` stands above a's words: bring a below m, given that it is below 2m. */
static void reduce_once(struct number *a, uint32_t over, const struct number *m)
{
    struct number less;
    /* both moduli begin with a word of ones, so the first word nearly always tells */
    if (over == 0 && a->word[WORDS - 1] != UINT32_MAX) {
        return;
    }
    if (subtract(&less, a, m) <= over) {
        *a = less;
    }
}

/* ---- modulo prime or order ---- */

static void add_mod(struct number *out, const struct number *a, const struct number *b, const struct modulus *m)
{
    const uint32_t carry = add(out, a, b);
    reduce_once(out, carry, &m->value);
}

static void subtract_mod(struct number *out, const struct number *a, const struct number *b,
                         const struct modulus *m)
{
    if (subtract(out, a, b) != 0) {
        (void)add(out, out, &m->value);
    }
}

/* sum[0..9] += a * factor. Unrolled: three quarters of a verification are spent here. */
static void add_row(uint32_t sum[WORDS + 2], const struct number *a, uint32_t factor)
{
    uint64_t carry = 0;
#define ADD_WORD(i)                                                                                            \
    carry = (carry >> WORD_BITS) + sum[i] + (uint64_t)a->word[i] * factor;                                     \
    sum[i] = (uint32_t)carry
    ADD_WORD(0);
    ADD_WORD(1);
    ADD_WORD(2);
    ADD_WORD(3);
    ADD_WORD(4);
    ADD_WORD(5);
    ADD_WORD(6);
    ADD_WORD(7);
#undef ADD_WORD
    carry = (carry >> WORD_BITS) + sum[WORDS];
    sum[WORDS] = (uint32_t)carry;
    sum[WORDS + 1] += (uint32_t)(carry >> WORD_BITS);
}

/* sum += sum[0] * prime, which is 2^256 - 2^224 + 2^192 + 2^96 - 1: nothing is multiplied. sum[0] is used up. */
static void add_row_of_prime(uint32_t sum[WORDS + 2])
{
    const uint32_t factor = sum[0];
    uint64_t carry = (uint64_t)sum[3] + factor;
    sum[3] = (uint32_t)carry;
    carry = (carry >> WORD_BITS) + sum[4];
    sum[4] = (uint32_t)carry;
    carry = (carry >> WORD_BITS) + sum[5];
    sum[5] = (uint32_t)carry;
    carry = (carry >> WORD_BITS) + sum[6] + factor;
    sum[6] = (uint32_t)carry;
    carry = (carry >> WORD_BITS) + sum[7] + ((uint64_t)factor << WORD_BITS) - factor;
    sum[7] = (uint32_t)carry;
    carry = (carry >> WORD_BITS) + sum[8];
    sum[8] = (uint32_t)carry;
    sum[9] += (uint32_t)(carry >> WORD_BITS);
}

/* out = a * b / 2^256: from the low end, each word is made zero and passed. */
static void multiply(struct number *out, const struct number *a, const struct number *b,
                     const struct modulus *m)
{
    uint32_t sums[2 * WORDS + 2];
    uint32_t *sum = sums;
    for (size_t i = 0; i <= WORDS; i += 3) { /* nine words; each row brings one more */
        sums[i] = 0;
        sums[i + 1] = 0;
        sums[i + 2] = 0;
    }
    for (size_t i = 0; i < WORDS; i++, sum++) {
        sum[WORDS + 1] = 0;
        add_row(sum, a, b->word[i]);
        if (m == &prime) {
            add_row_of_prime(sum);
        } else {
            add_row(sum, &m->value, sum[0] * m->inverse);
        }
    }
    *out = *(const struct number *)sum;
    reduce_once(out, sum[WORDS], &m->value);
}

/* a = 1 / a modulo the order, both in Montgomery's form: a^(order - 2), by Fermat, as the order is a prime. */
static void invert(struct number *a)
{
    struct number powers[3] = {*a}; /* a, a^2, a^3: two bits of the exponent at a time */
    multiply(&powers[1], a, a, &order);
    multiply(&powers[2], &powers[1], a, &order);
    *a = powers[2]; /* the highest two bits are set */
    for (uint32_t i = WORDS * WORD_BITS - 2; i > 0; i -= 2) {
        const uint32_t word = order.value.word[(i - 2) / WORD_BITS] - (i <= WORD_BITS ? 2 : 0); /* no borrow */
        const uint32_t two = word >> (i - 2) % WORD_BITS & 3;
        multiply(a, a, a, &order);
        multiply(a, a, a, &order);
        if (two != 0) {
            multiply(a, a, &powers[two - 1], &order);
        }
    }
}

/* ---- points ---- */

/* What a point computation works on; curve_b may be lost after the check of the key. */
enum { X, Y, Z, QX, QY, A, B, C, D, REGISTERS };

struct machine {
    struct number reg[REGISTERS];
};

struct point {
    struct number x, y;
};

/* Coordinates in Montgomery's form. */
static const struct point generator = {
    {{0x18a9143c, 0x79e730d4, 0x5fedb601, 0x75ba95fc, 0x77622510, 0x79fb732b, 0xa53755c6, 0x18905f76}},
    {{0xce95560a, 0xddf25357, 0xba19e45c, 0x8b4ab8e4, 0xdd21f325, 0xd2e88688, 0x25885d85, 0x8571ff18}},
};
static const struct number curve_b = {
    {0x29c4bddf, 0xd89cdf62, 0x78843090, 0xacf005cd, 0xf7212ed6, 0xe5a220ab, 0x04874834, 0xdc30061d}};
static const struct number one = {
    {0x00000001, 0x00000000, 0x00000000, 0xffffffff, 0xffffffff, 0xffffffff, 0xfffffffe, 0x00000000}};

/* Formulas are tables: out = a operation b, modulo the prime. */
enum { MUL, ADD, SUB, END };
#define STEP(out, a, operation, b) ((operation) << 12 | (out) << 8 | (a) << 4 | (b))

/* (X, Y, Z) doubled; a = -3 of the curve is in it. Infinity stays so. */
static const uint16_t double_steps[] = {
    STEP(A, Z, MUL, Z), STEP(B, Y, MUL, Y), STEP(B, B, ADD, B), /* A = Z^2, B = 2 Y^2 */
    STEP(Z, Y, MUL, Z), STEP(Z, Z, ADD, Z),                     /* Z' = 2 Y Z */
    STEP(C, X, MUL, B), STEP(C, C, ADD, C),                     /* C = 4 X Y^2 */
    STEP(D, X, SUB, A), STEP(A, X, ADD, A), STEP(D, A, MUL, D), /* D = X^2 - Z^4 */
    STEP(A, D, ADD, D), STEP(A, A, ADD, D),                     /* A = 3 D: the slope */
    STEP(X, A, MUL, A), STEP(X, X, SUB, C), STEP(X, X, SUB, C), /* X' = A^2 - 2 C */
    STEP(C, C, SUB, X), STEP(C, C, MUL, A),                     /* C = A (C - X') */
    STEP(B, B, MUL, B), STEP(B, B, ADD, B),                     /* B = 8 Y^4 */
    STEP(Y, C, SUB, B), END << 12,                              /* Y' = C - B */
};
/* How far (X, Y, Z) and (QX, QY) are apart: B in x, A in y, both times powers of Z. */
static const uint16_t apart_steps[] = {
    STEP(A, Z, MUL, Z), STEP(B, QX, MUL, A), STEP(B, B, SUB, X), /* B = QX Z^2 - X */
    STEP(A, A, MUL, Z), STEP(A, QY, MUL, A), STEP(A, A, SUB, Y), /* A = QY Z^3 - Y */
    END << 12,
};
/* (X, Y, Z) += (QX, QY), after apart_steps and where B is not zero. */
static const uint16_t add_steps[] = {
    STEP(Z, Z, MUL, B),                                                             /* Z' = Z B */
    STEP(C, B, MUL, B), STEP(D, C, MUL, X), STEP(C, C, MUL, B),                     /* D = X B^2, C = B^3 */
    STEP(X, A, MUL, A), STEP(X, X, SUB, C), STEP(X, X, SUB, D), STEP(X, X, SUB, D), /* X' = A^2 - C - 2 D */
    STEP(C, C, MUL, Y), STEP(D, D, SUB, X), STEP(D, D, MUL, A), STEP(Y, D, SUB, C),
    END << 12, /* Y' = A (D - X') - C Y */
};
/* B = QY^2 - (QX^3 - 3 QX + b), with b in C: zero on the curve */
static const uint16_t curve_steps[] = {
    STEP(A, QX, MUL, QX), STEP(A, A, MUL, QX),  STEP(A, A, SUB, QX), STEP(A, A, SUB, QX), STEP(A, A, SUB, QX),
    STEP(A, A, ADD, C),   STEP(B, QY, MUL, QY), STEP(B, B, SUB, A),  END << 12,
};

static const struct {
    void (*run)(struct number *out, const struct number *a, const struct number *b, const struct modulus *m);
} operations[] = {
    {multiply},
    {add_mod},
    {subtract_mod},
};

static void compute(struct machine *machine, const uint16_t *step)
{
    struct number *reg = machine->reg;
    for (; *step < END << 12; step++) {
        operations[*step >> 12].run(&reg[*step >> 8 & 15], &reg[*step >> 4 & 15], &reg[*step & 15], &prime);
    }
}

/* (X, Y, Z) += q or, if told, -= q */
static void add_point(struct machine *machine, const struct point *q, bool minus)
{
    struct number *reg = machine->reg;
    reg[QX] = q->x;
    reg[QY] = q->y;
    if (minus) { /* y is never zero: the curve's order is odd */
        (void)subtract(&reg[QY], &prime.value, &q->y);
    }
    if (is_zero(&reg[Z])) {
        reg[X] = reg[QX];
        reg[Y] = reg[QY];
        reg[Z] = one;
        return;
    }
    compute(machine, apart_steps);
    if (!is_zero(&reg[B])) {
        compute(machine, add_steps);
    } else if (is_zero(&reg[A])) {
        compute(machine, double_steps); /* the same point */
    } else {
        memset(&reg[Z], 0, sizeof reg[Z]); /* its opposite */
    }
}

/* A scalar and its threefold: bit for bit, (3k - k) / 2 is k in digits -1, 0, 1, of which few are not 0. */
struct scalar {
    uint32_t once[WORDS + 1];
    uint32_t thrice[WORDS + 1];
};

static void recode(struct scalar *out, const struct number *k)
{
    uint64_t sum = 0;
    memset(out, 0, sizeof *out);
    memcpy(out->once, k->word, sizeof k->word);
    for (size_t i = 0; i <= WORDS; i++) {
        sum = (sum >> WORD_BITS) + (uint64_t)3 * out->once[i];
        out->thrice[i] = (uint32_t)sum;
    }
}

static uint32_t bit(const uint32_t *words, uint32_t i)
{
    return words[i / WORD_BITS] >> i % WORD_BITS & 1;
}

/* (X, Y, Z) = u1 G + u2 Q */
static void multiply_points(struct machine *machine, const struct number *u1, const struct number *u2,
                            const struct point *q)
{
    struct scalar scalars[2];
    const struct point *points[2] = {&generator, q};
    recode(&scalars[0], u1);
    recode(&scalars[1], u2);
    memset(&machine->reg[Z], 0, sizeof machine->reg[Z]);
    for (uint32_t i = WORDS * WORD_BITS + 1; i > 0; i--) {
        compute(machine, double_steps);
        for (size_t j = 0; j < 2; j++) {
            const uint32_t once = bit(scalars[j].once, i);
            if (bit(scalars[j].thrice, i) != once) {
                add_point(machine, points[j], once != 0);
            }
        }
    }
}

/* ---- ECDSA ---- */

static bool load_key(struct machine *machine, struct point *q, const uint8_t pub[UD_P256_PUBLIC_BYTES])
{
    struct number *reg = machine->reg;
    load(&q->x, pub);
    load(&q->y, pub + 4 * WORDS);
    if (!is_below(&q->x, &prime.value) || !is_below(&q->y, &prime.value)) {
        return false;
    }
    multiply(&q->x, &q->x, &prime.square, &prime);
    multiply(&q->y, &q->y, &prime.square, &prime);
    reg[QX] = q->x;
    reg[QY] = q->y;
    reg[C] = curve_b;
    compute(machine, curve_steps);
    return is_zero(&reg[B]);
}

static bool load_scalar(struct number *out, const uint8_t bytes[4 * WORDS])
{
    load(out, bytes);
    return !is_zero(out) && is_below(out, &order.value);
}

/* All words, gathered, and then byte by byte: one instruction that is skipped makes no two numbers equal. */
static ud_sure is_equal(const struct number *a, const struct number *b)
{
    uint32_t different = 0;
    for (size_t i = 0; i < WORDS; i++) {
        different |= a->word[i] ^ b->word[i];
    }
    if (different != 0) {
        return UD_SURE_NO;
    }
    return memcmp(a, b, sizeof *a) == 0 ? UD_SURE_YES : UD_SURE_NO;
}

/* Is x of (X, Y, Z) equal to r modulo the order? r and, where it is below the prime, r + order may be x. */
static ud_sure has_x(struct machine *machine, const struct number *r)
{
    struct number *reg = machine->reg;
    struct number x = *r;
    if (is_zero(&reg[Z])) {
        return UD_SURE_NO;
    }
    multiply(&reg[A], &reg[Z], &reg[Z], &prime);
    do {
        multiply(&reg[B], &x, &prime.square, &prime);
        multiply(&reg[B], &reg[B], &reg[A], &prime);
        if (is_equal(&reg[B], &reg[X]) == UD_SURE_YES) {
            return is_equal(&reg[X], &reg[B]); /* asked again, and the answer is data */
        }
    } while (add(&x, &x, &order.value) == 0 && is_below(&x, &prime.value));
    return UD_SURE_NO;
}

ud_err ud_p256_verify(const uint8_t pub[UD_P256_PUBLIC_BYTES], const uint8_t digest[UD_SHA256_BYTES],
                      struct ud_bytes signature)
{
    struct machine machine;
    struct point q;
    struct number r;
    struct number s;
    struct number e;
    if (!load_key(&machine, &q, pub)) {
        return UD_ERR_KEY;
    }
    if (signature.len != UD_P256_SIGNATURE_BYTES || !load_scalar(&r, signature.ptr) ||
        !load_scalar(&s, signature.ptr + 4 * WORDS)) {
        return UD_ERR_SIGNATURE;
    }
    load(&e, digest);
    reduce_once(&e, 0, &order.value);
    multiply(&s, &s, &order.square, &order);
    invert(&s);
    multiply(&e, &e, &s, &order); /* u1 = e / s */
    multiply(&s, &r, &s, &order); /* u2 = r / s */
    multiply_points(&machine, &e, &s, &q);
    const volatile ud_sure verdict = has_x(&machine, &r);
    if (verdict != UD_SURE_YES) {
        return UD_ERR_SIGNATURE;
    }
    return verdict == UD_SURE_YES ? UD_OK : UD_ERR_SIGNATURE;
}
