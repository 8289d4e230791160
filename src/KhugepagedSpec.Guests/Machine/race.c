// Threads that race khugepaged, compiled with agent.c as one program. Process 1 runs these steps: `race prepare` maps the ranges and
// starts a thread an actor, which waits; `race hold PROBE
// MICROSECONDS` stops whoever comes to a probe for so long; `race go`; `race wait MILLISECONDS`; `race stop` joins them and looks at the contents.
// Every actor is driven by its own random numbers, so that a seed repeats a run in kind. What an actor is told it cannot do (the
// page is gone, the VMA is another one) is part of the race, and no error.
#include <linux/bpf.h>
#include <linux/perf_event.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdatomic.h>
#include <sys/resource.h>

#define MAX_RANGES 8
#define MAX_ACTORS 16
#define RANGE (BLOCK * PAGE)
#define SLOT(page, actor) ((volatile uint64_t *)(race_base + (page) * PAGE) + (actor))

// Of a page, each actor writes a word of its own, rising values: afterwards it holds the last one, or 0, as main gives up contents,
// and never an older one. The page's second half is what pins are written through.
struct actor {
    pthread_t thread;
    const struct deed *deed;
    int number, tid;
    uint64_t random, operations;
    uint64_t *last;
    sigjmp_buf fault;
    volatile sig_atomic_t may_fault;
};
struct deed { const char *name; int pause; void (*act)(struct actor *); };

static struct actor race_actors[MAX_ACTORS + 1];
static int race_count, race_ranges;
static uint64_t race_base;
static atomic_int race_state; /* 0 waiting, 1 racing, 2 over */
static _Thread_local struct actor *race_self;

static uint64_t draw(struct actor *actor, uint64_t below)
{
    actor->random ^= actor->random << 13;
    actor->random ^= actor->random >> 7;
    actor->random ^= actor->random << 17;
    return (actor->random >> 11) % below;
}

static uint64_t any_page(struct actor *actor) { return draw(actor, race_ranges * BLOCK); }

static uint64_t at(uint64_t page) { return race_base + page * PAGE; }

static uint64_t any_range(struct actor *actor) { return race_base + draw(actor, race_ranges) * RANGE; }

// A touch of what is unmapped, or may only be read, just now.
static void missed(int number)
{
    (void)number;
    if (race_self && race_self->may_fault)
        siglongjmp(race_self->fault, 1);
    _exit(139);
}

static void write_to(struct actor *actor, uint64_t page, int reads)
{
    if (sigsetjmp(actor->fault, 1) == 0) {
        actor->may_fault = 1;
        if (reads)
            (void)*SLOT(page, actor->number);
        *SLOT(page, actor->number) = actor->last[page] + 1;
        actor->last[page]++;
    }
    actor->may_fault = 0;
}

// It is read first: a fault that writes would make a folio of a size that is enabled, and leave khugepaged nothing to do.
static void store(struct actor *actor, uint64_t page) { write_to(actor, page, 1); }

// 0 if it cannot be read just now.
static uint64_t load(struct actor *actor, uint64_t page, int number)
{
    volatile uint64_t value = 0;
    if (sigsetjmp(actor->fault, 1) == 0) {
        actor->may_fault = 1;
        value = *SLOT(page, number);
    }
    actor->may_fault = 0;
    return value;
}

// Windows as khugepaged sees them, whole: what it then collapses.
static void do_fault(struct actor *actor)
{
    uint64_t order = draw(actor, 6), page = any_page(actor) >> order << order;
    int reads = draw(actor, 4) == 0;
    for (uint64_t i = 0; i < 1ULL << order && atomic_load(&race_state) == 1; i++)
        if (reads)
            load(actor, page + i, actor->number);
        else
            store(actor, page + i);
}

// Now and then not read first: a folio that a fault maps begins before the page that it was for.
static void do_writer(struct actor *actor)
{
    uint64_t page = any_page(actor);
    int reads = draw(actor, 4) != 0;
    for (int i = 0; i < 256; i++)
        write_to(actor, page ^ (i & 3), reads);
}

static void do_dontneed(struct actor *actor)
{
    switch (draw(actor, 4)) {
    case 0: madvise((void *)any_range(actor), RANGE, MADV_DONTNEED); return;
    case 1: madvise((void *)at(any_page(actor) & -16), 16 * PAGE, MADV_DONTNEED); return;
    default: madvise((void *)at(any_page(actor)), PAGE, MADV_DONTNEED);
    }
}

static void do_madv_free(struct actor *actor)
{
    uint64_t pages = draw(actor, 2) ? 1 : 16;
    madvise((void *)at(any_page(actor) & -pages), pages * PAGE, MADV_FREE);
}

static void do_reclaim(struct actor *actor)
{
    uint64_t pages = draw(actor, 2) ? 1 : 16;
    madvise((void *)at(any_page(actor) & -pages), pages * PAGE, 21 /* MADV_PAGEOUT */);
}

// The page is lost to the machine for good; whoever touches it is told so, or poisons it again, until somebody gives it up.
static void do_hwpoison(struct actor *actor)
{
    uint64_t page = any_page(actor);
    if (sigsetjmp(actor->fault, 1) == 0) {
        actor->may_fault = 1;
        madvise((void *)at(page), PAGE, 100 /* MADV_HWPOISON */);
    }
    actor->may_fault = 0;
}

static void do_collapse(struct actor *actor) { madvise((void *)any_range(actor), RANGE, 25 /* MADV_COLLAPSE */); }

// What was moved away must not come back over what was mapped and written there meanwhile: the contents would be old, and rightly.
static pthread_mutex_t remapping = PTHREAD_MUTEX_INITIALIZER;

static void do_munmap(struct actor *actor)
{
    void *range = (void *)any_range(actor);
    pthread_mutex_lock(&remapping);
    munmap(range, RANGE);
    if (mmap(range, RANGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE, -1, 0) == range)
        madvise(range, RANGE, MADV_HUGEPAGE);
    pthread_mutex_unlock(&remapping);
}

// A flag that means nothing here splits the VMA; when it is taken back the parts merge again.
static void do_merge(struct actor *actor)
{
    void *part = (void *)at(any_page(actor) & -64);
    madvise(part, 64 * PAGE, MADV_DONTDUMP);
    pause_briefly(draw(actor, 500));
    madvise(part, 64 * PAGE, MADV_DODUMP);
}

static void do_neighbour(struct actor *actor)
{
    uint64_t page = any_page(actor) & -64;
    madvise((void *)at(page), 64 * PAGE, MADV_DONTDUMP);
    for (int i = 0; i < 8; i++)
        store(actor, page + draw(actor, 64));
    madvise((void *)at(page), 64 * PAGE, MADV_DODUMP);
}

static void do_fork(struct actor *actor)
{
    int touches = draw(actor, 16), stays = draw(actor, 2000);
    uint64_t page = any_page(actor) & -16;
    pid_t child = fork();
    if (child == 0) {
        for (int i = 0; i < touches; i++)
            store(actor, page + i);
        pause_briefly(stays);
        _exit(0);
    }
    if (child > 0)
        waitpid(child, NULL, 0);
}

static void write_once(const char *path, const char *text)
{
    int file = open(path, O_WRONLY);
    if (file >= 0 && write(file, text, strlen(text)) < 0) {
        /* as refused as any other operation */
    }
    close(file);
}

static void do_migrate(struct actor *actor) { (void)actor, write_once("/proc/sys/vm/compact_memory", "1"); }

static void do_aging(struct actor *actor) { (void)actor, write_once("/proc/self/clear_refs", "1"); }

static void do_split(struct actor *actor)
{
    char text[96];
    uint64_t start = at(any_page(actor) & -16);
    snprintf(text, sizeof text, "%d,0x%llx,0x%llx", getpid(), (unsigned long long)start, (unsigned long long)(start + 16 * PAGE));
    write_once("/sys/kernel/debug/split_huge_pages", text);
}

static void do_lru_drain(struct actor *actor)
{
    static _Thread_local char *other;
    (void)actor;
    if (!other)
        other = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    madvise(other, PAGE, 20 /* MADV_COLD */);
}

// A direct read pins the page for writing, without locks, and writes through the pin.
static void do_gup_fast(struct actor *actor)
{
    static _Thread_local int disk = -1;
    if (disk < 0)
        disk = open("/dev/zram0", O_RDONLY | O_DIRECT);
    if (pread(disk, (void *)(at(any_page(actor)) + PAGE / 2), PAGE / 2, 0) < 0) {
        /* the page cannot be written just now */
    }
}

// A page that is gifted to a pipe holds a reference until it is read.
static void do_gup_read(struct actor *actor)
{
    static _Thread_local int ends[2] = { -1, -1 };
    char text[PAGE];
    if (ends[0] < 0 && pipe2(ends, O_NONBLOCK))
        return;
    struct iovec one = { (void *)at(any_page(actor)), PAGE };
    if (vmsplice(ends[1], &one, 1, SPLICE_F_NONBLOCK) <= 0)
        return;
    pause_briefly(draw(actor, 300));
    while (read(ends[0], text, sizeof text) > 0)
        ;
}

static int race_uffd(void)
{
    static _Thread_local int uffd = -1;
    struct uffdio_api api = { .api = UFFD_API };
    if (uffd < 0 && (uffd = syscall(SYS_userfaultfd, O_CLOEXEC)) >= 0)
        ioctl(uffd, UFFDIO_API, &api);
    return uffd;
}

// Whoever faults meanwhile waits, and is woken by the end of the registration.
static void do_userfaultfd(struct actor *actor)
{
    static char zeroes[MOST_PAGE];
    int uffd = race_uffd();
    uint64_t range = any_range(actor), page = range + draw(actor, BLOCK) * PAGE;
    struct uffdio_register request = { .range = { range, RANGE }, .mode = UFFDIO_REGISTER_MODE_MISSING | UFFDIO_REGISTER_MODE_WP };
    if (ioctl(uffd, UFFDIO_REGISTER, &request))
        return;
    if (draw(actor, 2)) {
        struct uffdio_copy copy = { .dst = page, .src = (uintptr_t)zeroes, .len = PAGE };
        ioctl(uffd, UFFDIO_COPY, &copy);
    } else {
        struct uffdio_writeprotect protect = { .range = { page, PAGE }, .mode = UFFDIO_WRITEPROTECT_MODE_WP };
        ioctl(uffd, UFFDIO_WRITEPROTECT, &protect);
    }
    pause_briefly(draw(actor, 1000));
    ioctl(uffd, UFFDIO_UNREGISTER, &request.range);
    // Who waits for a VMA that was unmapped meanwhile is not woken by that.
    ioctl(uffd, UFFDIO_WAKE, &request.range);
}

static void do_uffd_move(struct actor *actor)
{
    static _Thread_local uint64_t place;
    struct { uint64_t dst, src, len, mode; int64_t move; } move = { .src = at(any_page(actor)), .len = PAGE };
    int uffd = race_uffd();
    if (!place) {
        place = (uintptr_t)mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        struct uffdio_register request = { .range = { place, PAGE }, .mode = UFFDIO_REGISTER_MODE_MISSING };
        ioctl(uffd, UFFDIO_REGISTER, &request);
    }
    move.dst = place;
    ioctl(uffd, _IOWR(0xAA, 0x05, move) /* UFFDIO_MOVE */, &move);
    madvise((void *)place, PAGE, MADV_DONTNEED);
}

static void do_mremap(struct actor *actor)
{
    uint64_t range = any_range(actor), away = race_base + (MAX_RANGES + 1) * RANGE + actor->number * RANGE;
    pthread_mutex_lock(&remapping);
    if (mremap((void *)range, RANGE, RANGE, MREMAP_MAYMOVE | MREMAP_FIXED, (void *)away) == (void *)away)
        mremap((void *)away, RANGE, RANGE, MREMAP_MAYMOVE | MREMAP_FIXED, (void *)range);
    pthread_mutex_unlock(&remapping);
}

static void do_mprotect(struct actor *actor)
{
    void *range = (void *)any_range(actor);
    mprotect(range, RANGE, PROT_READ);
    pause_briefly(draw(actor, 500));
    mprotect(range, RANGE, PROT_READ | PROT_WRITE);
}

static void do_mlock(struct actor *actor)
{
    void *page = (void *)at(any_page(actor));
    mlock(page, PAGE);
    pause_briefly(draw(actor, 500));
    munlock(page, PAGE);
}

static void do_settings(struct actor *actor)
{
    static const char *const path = THP "khugepaged/max_ptes_none";
    if (draw(actor, 2)) {
        prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
        pause_briefly(draw(actor, 500));
        prctl(PR_SET_THP_DISABLE, 0, 0, 0, 0);
    } else {
        char was[32];
        int file = open(path, O_RDONLY);
        snprintf(was, sizeof was, "%ld", read_number(file));
        close(file);
        write_once(path, "511");
        pause_briefly(draw(actor, 500));
        write_once(path, was);
    }
}

// As KhugepagedSpec.Races names them; the pause is the longest between two operations, in microseconds.
static const struct deed deeds[] = {
    { "fault", 4000, do_fault },
    { "writer", 4000, do_writer },
    { "dontneed", 20000, do_dontneed },
    { "munmap", 40000, do_munmap },
    { "merge", 10000, do_merge },
    { "neighbour", 10000, do_neighbour },
    { "fork", 30000, do_fork },
    { "reclaim", 10000, do_reclaim },
    { "migrate", 300000, do_migrate },
    { "split", 20000, do_split },
    { "gup-fast", 5000, do_gup_fast },
    { "gup-read", 5000, do_gup_read },
    { "userfaultfd", 20000, do_userfaultfd },
    { "uffd-move", 10000, do_uffd_move },
    { "madv-free", 10000, do_madv_free },
    { "madv-collapse", 30000, do_collapse },
    { "mremap", 40000, do_mremap },
    { "mprotect", 20000, do_mprotect },
    { "mlock", 10000, do_mlock },
    { "aging", 20000, do_aging },
    { "lru-drain", 2000, do_lru_drain },
    { "settings", 50000, do_settings },
    { "hwpoison", 30000, do_hwpoison },
};

// What keeps khugepaged supplied whoever else races: a range is emptied, and some of it filled again.
static void do_main(struct actor *actor)
{
    uint64_t range = draw(actor, race_ranges) * BLOCK;
    madvise((void *)at(range), RANGE, MADV_DONTNEED);
    for (int i = 0; i < 8; i++)
        for (uint64_t page = range + draw(actor, BLOCK / 16) * 16, end = page + 16; page < end; page++)
            store(actor, page);
}

static const struct deed main_deed = { "main", 0, do_main };

static void *race_along(void *argument)
{
    struct actor *actor = argument;
    char name[32];
    race_self = actor;
    snprintf(name, sizeof name, "race-%.10s", actor->deed->name);
    prctl(PR_SET_NAME, name);
    actor->tid = syscall(SYS_gettid);
    while (atomic_load(&race_state) == 0)
        pause_briefly(1000);
    while (atomic_load(&race_state) == 1) {
        actor->deed->act(actor);
        actor->operations++;
        pause_briefly(1 + draw(actor, actor->deed->pause));
    }
    return NULL;
}

static void race_begin(struct actor *actor, const struct deed *deed, int number, uint64_t seed)
{
    memset(actor, 0, sizeof *actor);
    actor->last = room_for(MAX_RANGES * BLOCK * sizeof *actor->last);
    actor->deed = deed;
    actor->number = number;
    actor->random = (seed + 1) * 0x9E3779B97F4A7C15ULL ^ (number + 1) * 0xBF58476D1CE4E5B9ULL;
    for (int i = 0; i < 16; i++)
        draw(actor, 2);
}

static int race_prepare(const char *rest)
{
    unsigned long long base, seed;
    int used, ranges;
    char name[32], text[64 * (MAX_ACTORS + 2)];
    if (sscanf(rest, "%lli %d %llu%n", (long long *)&base, &ranges, &seed, &used) != 3 || ranges < 1 || ranges > MAX_RANGES)
        return fail("race: expected BASE RANGES SEED ACTOR...");
    race_base = base, race_ranges = ranges, race_count = 0;
    void *memory = mmap((void *)base, ranges * RANGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE, -1, 0);
    if (memory == (void *)base)
        *(volatile char *)(memory + PAGE / 2) = 0; /* a VMA that is advised before it has an anon_vma is not made known to khugepaged */
    if (memory != (void *)base || madvise(memory, ranges * RANGE, MADV_HUGEPAGE))
        return failed("race: mmap");
    struct sigaction action = { .sa_handler = missed };
    sigaction(SIGSEGV, &action, NULL);
    sigaction(SIGBUS, &action, NULL);
    setpriority(PRIO_PROCESS, khugepaged_pid, -8);
    prctl(PR_SET_NAME, "race-main");
    race_self = &race_actors[MAX_ACTORS];
    race_begin(race_self, &main_deed, MAX_ACTORS, seed);
    race_self->tid = getpid();
    for (rest += used; sscanf(rest, "%31s%n", name, &used) == 1; rest += used) {
        const struct deed *deed = NULL;
        for (size_t i = 0; i < sizeof deeds / sizeof *deeds; i++)
            if (!strcmp(deeds[i].name, name))
                deed = &deeds[i];
        if (!deed || race_count == MAX_ACTORS)
            return fail("race: no actor %s, or more than %d", name, MAX_ACTORS);
        struct actor *actor = &race_actors[race_count];
        race_begin(actor, deed, race_count, seed);
        if (pthread_create(&actor->thread, NULL, race_along, actor))
            return failed("race: pthread_create");
        while (!*(volatile int *)&actor->tid)
            pause_briefly(100);
        race_count++;
    }
    int length = snprintf(text, sizeof text, "khugepaged %d\nmain %d\n", khugepaged_pid, getpid());
    for (int i = 0; i < race_count; i++)
        length += snprintf(text + length, sizeof text - length, "%s %d\n", race_actors[i].deed->name, race_actors[i].tid);
    reply('f', text, length);
    return 0;
}

static int race_wait(int milliseconds)
{
    double end = seconds() + milliseconds / 1000.0;
    while (seconds() < end) {
        do_main(race_self);
        race_self->operations++;
        pause_briefly(50000 + draw(race_self, 100000));
    }
    return 0;
}

static uint64_t race_wrong(void)
{
    uint64_t wrong = 0;
    for (int i = 0; i <= MAX_ACTORS; i++) {
        struct actor *actor = &race_actors[i];
        if (i >= race_count && i < MAX_ACTORS)
            continue;
        for (uint64_t page = 0; page < (uint64_t)race_ranges * BLOCK; page++) {
            uint64_t seen = load(race_self, page, actor->number);
            wrong += seen != actor->last[page] && seen != 0;
        }
    }
    return wrong;
}

static int race_stop(void)
{
    char text[64 * (MAX_ACTORS + 2)];
    int length = 0;
    atomic_store(&race_state, 2);
    for (int i = 0; i < race_count; i++)
        pthread_join(race_actors[i].thread, NULL);
    for (int i = 0; i < race_count; i++)
        length += snprintf(text + length, sizeof text - length, "ops %s %llu\n", race_actors[i].deed->name,
                           (unsigned long long)race_actors[i].operations);
    length += snprintf(text + length, sizeof text - length, "ops main %llu\nwrong contents %llu\n",
                       (unsigned long long)race_self->operations, (unsigned long long)race_wrong());
    reply('f', text, length);
    return 0;
}

// A program on the probe asks for the time until it has come: Linux 6.9 and later let one loop for so long (kernel/bpf/verifier.c,
// may_goto). Its event is in the trace by then.
static int race_hold(const char *rest)
{
    char name[64], path[160], log[512] = "";
    int microseconds;
    if (sscanf(rest, "%63s %d", name, &microseconds) != 2)
        return fail("race: expected hold PROBE MICROSECONDS");
    snprintf(path, sizeof path, "/sys/kernel/tracing/events/k/%s/id", name);
    int file = open(path, O_RDONLY);
    if (file < 0)
        return failed(path);
    long id = read_number(file);
    close(file);
    const int ktime_get_ns = 5, jcond = 0xe0;
    struct bpf_insn program[] = {
        { .code = BPF_JMP | BPF_CALL, .imm = ktime_get_ns },
        { .code = BPF_ALU64 | BPF_MOV | BPF_X, .dst_reg = 6, .src_reg = 0 },
        { .code = BPF_ALU64 | BPF_ADD | BPF_K, .dst_reg = 6, .imm = microseconds * 1000 },
        { .code = BPF_JMP | jcond, .off = 2 },
        { .code = BPF_JMP | BPF_CALL, .imm = ktime_get_ns },
        { .code = BPF_JMP | BPF_JLT | BPF_X, .dst_reg = 0, .src_reg = 6, .off = -3 },
        { .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0 },
        { .code = BPF_JMP | BPF_EXIT },
    };
    union bpf_attr load = { .prog_type = BPF_PROG_TYPE_KPROBE, .insns = (uintptr_t)program,
                            .insn_cnt = sizeof program / sizeof *program, .license = (uintptr_t)"Dual MIT/GPL",
                            .log_buf = (uintptr_t)log, .log_size = sizeof log, .log_level = 1 };
    int loaded = syscall(SYS_bpf, BPF_PROG_LOAD, &load, sizeof load);
    if (loaded < 0)
        return failed("race: bpf");
    struct perf_event_attr event = { .type = PERF_TYPE_TRACEPOINT, .size = sizeof event, .config = id };
    int perf = syscall(SYS_perf_event_open, &event, -1, 0, -1, PERF_FLAG_FD_CLOEXEC);
    if (perf < 0 || ioctl(perf, PERF_EVENT_IOC_SET_BPF, loaded) || ioctl(perf, PERF_EVENT_IOC_ENABLE, 0))
        return failed("race: perf_event_open");
    return 0;
}

static int race(const char *rest)
{
    char word[16];
    int used;
    if (sscanf(rest, "%15s%n", word, &used) != 1)
        return fail("race: no word");
    if (!strcmp(word, "prepare"))
        return race_prepare(rest + used);
    if (!strcmp(word, "hold"))
        return race_hold(rest + used);
    if (!strcmp(word, "go"))
        return atomic_store(&race_state, 1), 0;
    if (!strcmp(word, "wait"))
        return race_wait(atoi(rest + used));
    return strcmp(word, "stop") ? fail("race: '%s'", word) : race_stop();
}
