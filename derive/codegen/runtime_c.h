// What generated C files bring along: read as text, definition by definition, and only what a file uses is put into it.
// Definitions are two blank lines apart.


// The type of the elements of arrays: float, or double with -DREAL=double. All arithmetic is in double.
#ifndef REAL
#define REAL float
#endif
typedef REAL real;


// -ffast-math would take away what keeps the digits of a mean, and every NaN.
#ifdef __FAST_MATH__
#error "compile without -ffast-math"
#endif


#ifdef _OPENMP
#include <omp.h>
#elif defined(__GNUC__)
#pragma GCC diagnostic ignored "-Wunknown-pragmas" // those of OpenMP
#endif


// Less work than for so many elements is not worth a second thread.
#define SERIAL_ELEMENTS ((int64_t)1 << 19)


// Elements and rows of a block. Its sums are added up on their own: the result is the same for any number of threads,
// and rounding errors grow with the rows of a block, not with all. Those of double are as large as the unit that double
// data are measured in, so there blocks have few rows.
#define BLOCK_ELEMENTS ((int64_t)1 << 16)
#define BLOCK_ROWS (sizeof(real) < sizeof(double) ? 1024 : 64)


// Elements from which on there are stripes: fewer are in a cache anyway.
#define STRIPED_ELEMENTS ((int64_t)1 << 19)


// Bytes that stay in the cache of one core.
#define CACHE_BYTES ((int64_t)1 << 20)


// Bytes that lie side by side for memory to deliver them at full speed.
#define RUN_BYTES 2048


// Elements of a result that are computed before they are written to memory together.
#define LINE_ELEMENTS 1024


// Bytes from which on a result is larger than the last cache and is written past it; -DSTREAM_FROM=0 for always,
// -DNO_STREAM for never.
#ifndef STREAM_FROM
#define STREAM_FROM (32 << 20)
#endif
#if defined(__SSE2__) && !defined(NO_STREAM)
#include <emmintrin.h>
#define HAS_STREAM 1
#else
#define HAS_STREAM 0
#endif


static inline int is_streamed(int64_t elements)
{
    return HAS_STREAM && elements * (int64_t)sizeof(real) >= STREAM_FROM;
}


// Writes elements past the caches, which would have to read the memory before they write it.
static inline void stream(real *restrict target, const real *restrict line, int64_t count)
{
    int64_t place = 0;
#if HAS_STREAM
    const int64_t step = 16 / (int64_t)sizeof(real);
    for (; place < count && (uintptr_t)(target + place) % 16 != 0; place++) {
        target[place] = line[place];
    }
    for (; place + step <= count; place += step) {
        _mm_stream_si128((__m128i *)(target + place), _mm_loadu_si128((const __m128i *)(line + place)));
    }
#endif
    for (; place < count; place++) {
        target[place] = line[place];
    }
}


// Other threads see what was streamed before this.
static inline void finish_streams(void)
{
#if HAS_STREAM
    _mm_sfence();
#endif
}


// Keeps the compiler from going through two rows at once (gcc's unroll and jam): memory is fast where it is read in
// order.
static inline void keep_order(void)
{
#ifdef __GNUC__
    __asm__ volatile("");
#endif
}


static inline int64_t smaller_index(int64_t one, int64_t other)
{
    return one < other ? one : other;
}


static inline int64_t larger_index(int64_t one, int64_t other)
{
    return one > other ? one : other;
}


// How many threads to use: those asked for, or for 0 as many as OpenMP would, if that pays off.
static int thread_count(int threads, int64_t work)
{
#ifdef _OPENMP
    return threads > 0 ? threads : work < SERIAL_ELEMENTS ? 1 : omp_get_max_threads();
#else
    (void)threads;
    (void)work;
    return 1;
#endif
}


static inline int thread_number(void)
{
#ifdef _OPENMP
    return omp_get_thread_num();
#else
    return 0;
#endif
}


// How many rows make a block, of `length` rows that have so many elements together. Long rows are several, too, as sums
// of single rows would take as long as the rows themselves; but there are to be eight blocks for threads to share.
static int64_t rows_of_block(int64_t length, int64_t elements)
{
    const int64_t rows = smaller_index(BLOCK_ELEMENTS * length / larger_index(elements, 1), BLOCK_ROWS);
    return larger_index(smaller_index(larger_index(rows, smaller_index(16, (length + 7) / 8)), length), 1);
}


// How wide a stripe of columns is that stays in the cache through all passes; 0 where there is no such stripe. There
// are `length` rows, each with `extent` columns, and so many elements in each of some arrays.
static int64_t width_of_stripe(int64_t length, int64_t extent, int64_t elements, int64_t arrays)
{
    const int64_t bytes = (int64_t)sizeof(real);
    const int64_t column = larger_index(elements / larger_index(extent, 1), 1); // elements of a column, all rows
    const int64_t inner = larger_index(column / larger_index(length, 1), 1);    // those of them that lie side by side
    int64_t width = CACHE_BYTES / (column * arrays * bytes);
    if (width * inner * bytes < RUN_BYTES && inner * bytes >= RUN_BYTES) {
        width = 1; // a channel of an image: what does not stay in this cache does in the next
    }
    width = smaller_index(width, extent);
    if (inner == 1 && bytes == 8 && length > 2 * BLOCK_ROWS) {
        return 0; // too many rows to add up one by one
    }
    return elements >= STRIPED_ELEMENTS && width * inner * bytes >= RUN_BYTES ? width : 0;
}


// The larger of two numbers; NaN if one of them is.
static inline double larger(double one, double other)
{
    return other > one || other != other ? other : one;
}


// The smaller of two numbers; NaN if one of them is.
static inline double smaller(double one, double other)
{
    return other < one || other != other ? other : one;
}


static inline double square(double x)
{
    return x * x;
}


// x where it is positive or NaN, else 0.
static inline double relu(double x)
{
    return x > 0.0 || x != x ? x : 0.0;
}


// 1, -1 or 0; NaN for NaN.
static inline double sign(double x)
{
    return x > 0.0 ? 1.0 : x < 0.0 ? -1.0 : x;
}


// 2**n for n from -1022 to 1023; only the lowest twelve bits of n count.
static inline double power_of_two(uint64_t n)
{
    const uint64_t bits = (n + 1023) << 52;
    double power;
    memcpy(&power, &bits, sizeof power);
    return power;
}


// exp(x), to about one unit in the last place; unlike that of the library, it is computed for several x at once.
static inline double exponential(double x)
{
    // x = k log(2) + r, with log(2) in two parts (fdlibm's).
    const double k = rint(x * 1.4426950408889634);
    const double r = (x - k * 6.93147180369123816490e-01) - k * 1.90821492927058770002e-10;
    double p = 1.0 / 6227020800.0; // Taylor's coefficients
    p = p * r + 1.0 / 479001600.0;
    p = p * r + 1.0 / 39916800.0;
    p = p * r + 1.0 / 3628800.0;
    p = p * r + 1.0 / 362880.0;
    p = p * r + 1.0 / 40320.0;
    p = p * r + 1.0 / 5040.0;
    p = p * r + 1.0 / 720.0;
    p = p * r + 1.0 / 120.0;
    p = p * r + 1.0 / 24.0;
    p = p * r + 1.0 / 6.0;
    p = p * r + 0.5;
    p = p * r * r + r + 1.0;
    // The lowest bits of k + 1.5 * 2**52 are those of k. Its power in two factors: one alone would overflow before the
    // result does.
    const double shifted = k + 6755399441055744.0;
    uint64_t n;
    memcpy(&n, &shifted, sizeof n);
    p = p * power_of_two(n >> 1) * power_of_two(n - (n >> 1));
    p = x > 710.0 ? INFINITY : p;
    return x < -746.0 ? 0.0 : p;
}


// 1/(1 + exp(-x)); exp is taken of -|x| only, which cannot overflow.
static inline double sigmoid(double x)
{
    const double decay = exponential(-fabs(x));
    return (x >= 0.0 ? 1.0 : decay) / (1.0 + decay);
}


// log(1 + exp(x))
static inline double softplus(double x)
{
    return larger(x, 0.0) + log1p(exponential(-fabs(x)));
}


// Adds the parts of all blocks up, in pairs, which keeps rounding errors small; the sum is in the first.
static void add_parts(double *parts, int64_t blocks, int64_t size)
{
    while (blocks > 1) {
        const int64_t half = (blocks + 1) / 2 * size;
        for (int64_t place = half; place < blocks * size; place++) {
            parts[place - half] += parts[place];
        }
        blocks = (blocks + 1) / 2;
    }
}


// Multiplies the parts of all blocks; the product is in the first.
static void multiply_parts(double *parts, int64_t blocks, int64_t size)
{
    for (int64_t place = size; place < blocks * size; place++) {
        parts[place % size] *= parts[place];
    }
}


// Finds the largest part of all blocks; it is in the first.
static void compare_parts(double *parts, int64_t blocks, int64_t size)
{
    for (int64_t place = size; place < blocks * size; place++) {
        parts[place % size] = larger(parts[place % size], parts[place]);
    }
}


// Moves each shift that is far from the mean, for the spread, to the mean; returns whether there was one. The sums
// about such a shift have lost digits, and are to be taken again.
static int settle(double *shift, const double *offset, const double *spread, int64_t start, int64_t stop)
{
    int again = 0;
    for (int64_t place = start; place < stop; place++) {
        if (offset[place] * offset[place] > 4.0 * spread[place]) {
            shift[place] += offset[place];
            again = 1;
        }
    }
    return again;
}
