// The plain walks in C, a peer for the C# steppers: the same tables, the same scripts, the same comparison.
// Build: cc -O3 -march=native -o walk walk.c; run: walk PMD_ORDER; prints runs, attempts, different, seconds.
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { MIN_ORDER = 2 };

struct offset_walk { int offset, order, pmd_order; uint32_t enabled; };
struct stack_walk { int offset, order, pages, depth; uint32_t enabled; int stack[12]; };

static inline int has_below(uint32_t enabled, int order) { return (enabled & ((1u << order) - 1)) != 0; }

static inline void offset_advance(struct offset_walk *w)
{
    w->offset += 1 << w->order;
    int aligned = w->offset ? __builtin_ctz(w->offset) : 32;
    w->order = aligned < w->pmd_order ? aligned : w->pmd_order;
}

static inline void offset_lower(struct offset_walk *w)
{
    if (w->order > MIN_ORDER && has_below(w->enabled, w->order))
        w->order--;
    else
        offset_advance(w);
}

static inline void stack_advance(struct stack_walk *w)
{
    if (w->depth == 0) {
        w->offset = w->pages;
        w->order = -1;
        return;
    }
    int top = w->stack[--w->depth];
    w->offset = top >> 4;
    w->order = top & 15;
}

static inline void stack_lower(struct stack_walk *w)
{
    int half = w->order - 1;
    if (half < MIN_ORDER || !has_below(w->enabled, w->order)) {
        stack_advance(w);
        return;
    }
    w->stack[w->depth++] = (w->offset + (1 << half)) << 4 | half;
    w->order = half;
}

static inline int tries(uint64_t occupancy, uint32_t enabled, int fills_holes, int offset, int order)
{
    int pages = 1 << order;
    uint64_t window = occupancy >> offset & (UINT64_MAX >> (64 - pages));
    return (enabled >> order & 1) && __builtin_popcountll(window) >= (fills_holes ? 1 : pages);
}

int main(int argc, char **argv)
{
    int pmd_order = argc > 1 ? atoi(argv[1]) : 4;
    int pages = 1 << pmd_order;
    uint32_t scripts = 1u << ((2 << (pmd_order - MIN_ORDER)) - 1);
    long runs = 0, attempts = 0, different = 0;
    struct timespec begin, end;
    clock_gettime(CLOCK_MONOTONIC, &begin);
    for (uint32_t enabled = 0; enabled < 2u << pmd_order; enabled += 1u << MIN_ORDER)
        for (int fills_holes = 0; fills_holes < 2; fills_holes++)
            for (uint64_t occupancy = 0; occupancy < 1ull << pages; occupancy++)
                for (uint32_t script = 0; script < scripts; script++) {
                    struct offset_walk a = { 0, pmd_order, pmd_order, enabled };
                    struct stack_walk b = { .order = pmd_order, .pages = pages, .enabled = enabled };
                    runs++;
                    for (;;) {
                        while (a.offset < pages && !tries(occupancy, enabled, fills_holes, a.offset, a.order))
                            offset_lower(&a);
                        while (b.order >= 0 && !tries(occupancy, enabled, fills_holes, b.offset, b.order))
                            stack_lower(&b);
                        if (a.offset >= pages || b.order < 0) {
                            different += (a.offset >= pages) != (b.order < 0);
                            break;
                        }
                        if (a.offset != b.offset || a.order != b.order) {
                            different++;
                            break;
                        }
                        attempts++;
                        if (script >> ((1 << (pmd_order - a.order)) - 1 + (a.offset >> a.order)) & 1) {
                            offset_advance(&a);
                            stack_advance(&b);
                        } else {
                            offset_lower(&a);
                            stack_lower(&b);
                        }
                    }
                }
    clock_gettime(CLOCK_MONOTONIC, &end);
    printf("%ld %ld %ld %.3f\n", runs, attempts, different, end.tv_sec - begin.tv_sec + (end.tv_nsec - begin.tv_nsec) / 1e9);
    return different != 0;
}
