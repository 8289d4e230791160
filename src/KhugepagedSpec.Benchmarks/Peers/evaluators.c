// The three evaluators in C, peers for those in C#: every attempt succeeds, all orders 2 to 9, 512 tables of 512 PTEs.
// Build: cc -O3 -march=native -o evaluators evaluators.c; run: evaluators FILE, where FILE has 8 words of 64 bits a table.
// Prints a line an evaluator and limit (0, then the maximum): name, tables a second, windows tried and pages of all 512 tables.
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum { MIN_ORDER = 2, PMD_ORDER = 9, TABLES = 512, WORDS = 8, PTES = 512, WINDOWS = 2 << (PMD_ORDER - MIN_ORDER), ROUNDS = 4 };

typedef uint64_t vec __attribute__((vector_size(64)));
struct totals { long tried, pages; };

static uint64_t words[TABLES * WORDS];
static vec ptes[PTES], eligible[WINDOWS], done[WINDOWS], tried_in[WINDOWS];

static int weight(const uint64_t *table, int offset, int size)
{
    if (size < 64)
        return __builtin_popcountll(table[offset >> 6] >> (offset & 63) & ((1ull << size) - 1));
    int count = 0;
    for (int word = offset >> 6; word < (offset + size) >> 6; word++)
        count += __builtin_popcountll(table[word]);
    return count;
}

// As a scan does: the bitmap first, a PTE at a time.
static struct totals stepper(const uint64_t *scanned, int fills_holes)
{
    uint64_t table[WORDS] = { 0 };
    for (int pte = 0; pte < PTES; pte++)
        if (scanned[pte >> 6] >> (pte & 63) & 1)
            table[pte >> 6] |= 1ull << (pte & 63);
    struct totals sum = { 0, 0 };
    int offset = 0, order = PMD_ORDER;
    while (offset < PTES) {
        int size = 1 << order;
        if (weight(table, offset, size) >= (fills_holes ? 1 : size)) {
            sum.tried++;
            sum.pages += size;
        } else if (order > MIN_ORDER) {
            order--;
            continue;
        }
        offset += size;
        order = offset < PTES && __builtin_ctz(offset) < PMD_ORDER ? __builtin_ctz(offset) : PMD_ORDER;
    }
    return sum;
}

static int count(vec bits)
{
    int n = 0;
    for (int word = 0; word < WORDS; word++)
        n += __builtin_popcountll(bits[word]);
    return n;
}

static struct totals pyramid(const uint64_t *table, int fills_holes)
{
    static const uint64_t starts_of[] = { ~0ull, 0, 0x1111111111111111, 0x0101010101010101, 0x0001000100010001, 0x0000000100000001 };
    vec bits, flipped = { 0 }, all = ~flipped, covered_by, starts = { 0 }, order_of[7];
    memcpy(&bits, table, sizeof(bits));
    if (!fills_holes)
        flipped = all;
    order_of[0] = bits ^ flipped;
    for (int order = 1; order <= 6; order++)
        order_of[order] = order_of[order - 1] | order_of[order - 1] >> (1 << (order - 1));
    unsigned six = 0, flip = fills_holes ? 0 : ~0u, covered = 0;
    for (int word = 0; word < WORDS; word++)
        six |= (unsigned)(order_of[6][word] & 1) << word;
    unsigned seven = (six | six >> 1) & 0x55, eight = (seven | seven >> 2) & 0x11, nine = (eight | eight >> 4) & 1;
    const unsigned above[][3] = { { nine, 0x01, 0xff }, { eight, 0x11, 0x0f }, { seven, 0x55, 0x03 }, { six, 0xff, 0x01 } };
    struct totals sum = { 0, 0 };
    for (int i = 0; i < 4; i++) {
        unsigned now = (above[i][0] ^ flip) & above[i][1] & ~covered;
        sum.tried += __builtin_popcount(now);
        covered |= now * above[i][2];
    }
    if (covered == 0xff)
        return (struct totals){ sum.tried, PTES };
    for (int word = 0; word < WORDS; word++)
        covered_by[word] = covered >> word & 1 ? ~0ull : 0;
    for (int order = 5; order >= MIN_ORDER; order--) {
        vec now = (order_of[order] ^ flipped) & starts_of[order] & ~covered_by;
        starts |= now;
        for (int shift = 1; shift < 1 << order; shift *= 2)
            now |= now << shift;
        covered_by |= now;
    }
    return (struct totals){ sum.tried + count(starts), count(covered_by) };
}

static void sliced(int fills_holes)
{
    const int smallest = 1 << (PMD_ORDER - MIN_ORDER);
    for (int i = 0; i < smallest; i++) {
        vec *four = ptes + 4 * i;
        eligible[smallest + i] = fills_holes ? four[0] | four[1] | four[2] | four[3] : four[0] & four[1] & four[2] & four[3];
    }
    for (int i = smallest - 1; i > 0; i--)
        eligible[i] = fills_holes ? eligible[2 * i] | eligible[2 * i + 1] : eligible[2 * i] & eligible[2 * i + 1];
    for (int window = 1; window < WINDOWS; window++) {
        vec around = done[window >> 1];
        tried_in[window] = eligible[window] & ~around;
        done[window] = eligible[window] | around;
    }
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec / 1e9;
}

static void by_table(const char *name, struct totals (*run)(const uint64_t *, int), int fills_holes, int rounds)
{
    double best = 0;
    struct totals sum;
    for (int again = 0; again < ROUNDS; again++) {
        double begin = now();
        for (int round = 0; round < rounds; round++) {
            sum = (struct totals){ 0, 0 };
            for (int table = 0; table < TABLES; table++) {
                struct totals one = run(words + table * WORDS, fills_holes);
                sum.tried += one.tried;
                sum.pages += one.pages;
            }
            __asm__ volatile("" : : "r"(&sum) : "memory");
        }
        double rate = (double)rounds * TABLES / (now() - begin);
        best = rate > best ? rate : best;
    }
    printf("%s %.0f %ld %ld\n", name, best, sum.tried, sum.pages);
}

static void by_slices(int fills_holes)
{
    const int runs = 100000;
    double best = 0;
    for (int again = 0; again < ROUNDS; again++) {
        double begin = now();
        for (int i = 0; i < runs; i++) {
            sliced(fills_holes);
            __asm__ volatile("" : : : "memory");
        }
        double rate = (double)runs * TABLES / (now() - begin);
        best = rate > best ? rate : best;
    }
    struct totals sum = { 0, 0 };
    for (int window = 1; window < WINDOWS; window++) {
        int in = count(tried_in[window]);
        sum.tried += in;
        sum.pages += (long)in << (PMD_ORDER - (31 - __builtin_clz(window)));
    }
    printf("bit-sliced %.0f %ld %ld\n", best, sum.tried, sum.pages);
}

int main(int argc, char **argv)
{
    FILE *file = argc > 1 ? fopen(argv[1], "rb") : NULL;
    if (!file || fread(words, sizeof(words), 1, file) != 1)
        return 2;
    for (int table = 0; table < TABLES; table++)
        for (int pte = 0; pte < PTES; pte++)
            if (words[table * WORDS + (pte >> 6)] >> (pte & 63) & 1)
                ptes[pte][table >> 6] |= 1ull << (table & 63);
    for (int fills_holes = 0; fills_holes < 2; fills_holes++) {
        by_table("stepper", stepper, fills_holes, 200);
        by_table("pyramid", pyramid, fills_holes, 10000);
        by_slices(fills_holes);
    }
    return 0;
}
