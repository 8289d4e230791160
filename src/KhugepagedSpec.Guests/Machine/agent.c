// The guest's only program. It knows nothing of scenarios: the host sends it steps, one a line, and it takes them, in the
// process they are for, and reports what the kernel shows. C and not C#, because the processes it forks are what khugepaged
// scans: no runtime's heap, threads or collector may be among them.
//
// A request is { process, length } and as much text. Process 0 is this one; any other is forked when first named and runs
// its steps itself. Every request is answered by frames { process, kind, length } and as many bytes, the last of kind 'd':
// empty if all steps were taken, else what went wrong. See GuestConnection.cs for the host's side.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/swap.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <sys/uio.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PAGE 4096UL
#define BLOCK 512
#define MAX_PROCESSES 64
#define MAX_KEEP 512
#define THP "/sys/kernel/mm/transparent_hugepage/"

// Newer than the C library's headers.
#define PAGEMAP_SCAN_IOCTL _IOWR('f', 16, struct pagemap_scan)
#define UFFDIO_POISON_IOCTL _IOWR(0xAA, 0x08, struct uffd_poison)
#define UFFDIO_RWPROTECT_IOCTL _IOWR(0xAA, 0x09, struct uffdio_writeprotect)
#define PAGE_IS_PRESENT (1 << 3)
#define PAGE_IS_SWAPPED (1 << 4)
#define PAGE_IS_HUGE (1 << 6)
struct pagemap_scan { uint64_t size, flags, start, end, walk_end, vec, vec_len, max_pages, inverted, mask, anyof, returned; };
struct pagemap_region { uint64_t start, end, categories; };
struct uffd_poison { uint64_t start, len, mode; int64_t updated; };

struct header { uint32_t process, kind, length; };
struct cell { uint64_t pagemap, flags; uint16_t page; uint8_t order, unused[5]; };
struct range { uint64_t start, pages; };

static int port, self;
static char error[256];
static int khugepaged_pid, khugepaged_stat = -1, khugepaged_schedstat = -1, full_scans = -1, trace_pipe = -1;

static int fail(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(error, sizeof error, format, arguments);
    va_end(arguments);
    return -1;
}

static int failed(const char *what) { return fail("%s: %s", what, strerror(errno)); }

// The console needs a moment to show it: the kernel panics when init ends.
static void die(const char *what)
{
    fprintf(stderr, "agent: %s: %s\n", what, strerror(errno));
    sleep(1);
    exit(1);
}

static void write_all(int file, const void *data, size_t length)
{
    for (const char *at = data; length > 0;) {
        ssize_t written = write(file, at, length);
        if (written <= 0)
            die("write");
        at += written;
        length -= written;
    }
}

static void read_all(int file, void *data, size_t length)
{
    for (char *at = data; length > 0;) {
        ssize_t got = read(file, at, length);
        if (got <= 0) {
            if (getpid() != 1)
                exit(0);
            reboot(RB_POWER_OFF);
        }
        at += got;
        length -= got;
    }
}

static void reply(char kind, const void *data, uint32_t length)
{
    struct header header = { self, kind, length };
    write_all(port, &header, sizeof header);
    write_all(port, data, length);
}

static int write_into(const char *path, const char *text, int how)
{
    int file = open(path, O_WRONLY | how);
    if (file < 0)
        return failed(path);
    ssize_t written = write(file, text, strlen(text));
    int reason = errno;
    close(file);
    errno = reason;
    return written < 0 ? failed(path) : 0;
}

static int write_file(const char *path, const char *text) { return write_into(path, text, O_TRUNC); }

static long read_number(int file)
{
    char text[32] = "";
    return pread(file, text, sizeof text - 1, 0) > 0 ? atol(text) : -1;
}

static void pause_briefly(long microseconds)
{
    struct timespec time = { 0, microseconds * 1000 };
    nanosleep(&time, NULL);
}

// ---- Looking at a page table ----

static int pagemap = -1, kpageflags = -1;

static int open_maps(void)
{
    if (kpageflags < 0 && (kpageflags = open("/proc/kpageflags", O_RDONLY)) < 0)
        return failed("/proc/kpageflags");
    if (pagemap < 0 && (pagemap = open("/proc/self/pagemap", O_RDONLY)) < 0)
        return failed("/proc/self/pagemap");
    return 0;
}

static uint64_t frame(uint64_t entry) { return entry & ((1ULL << 55) - 1); }

static int present(uint64_t entry) { return entry >> 63 & 1; }

static int is_tail(uint64_t flags) { return flags >> 16 & 1; }

static int is_large(uint64_t flags) { return (flags >> 15 & 3) != 0; }

// The last block of frames looked at, good for one snapshot.
#define NO_BLOCK (-1ULL)
static uint64_t block[BLOCK], block_start;

// A folio is aligned to its size, so the aligned block around one page holds it whole; its order is how many tails follow.
static void measure_folio(struct cell *cell, uint64_t pfn)
{
    uint64_t start = pfn / BLOCK * BLOCK;
    if (start != block_start) {
        pread(kpageflags, block, sizeof block, start * 8);
        block_start = start;
    }
    int head = pfn - start, end = head + 1;
    while (head > 0 && is_tail(block[head]))
        head--;
    while (end < BLOCK && is_tail(block[end]))
        end++;
    cell->page = pfn - start - head;
    cell->order = 31 - __builtin_clz(end - head);
}

static int snapshot(uint64_t start, uint64_t pages)
{
    static struct cell cells[4 * BLOCK];
    static uint64_t entries[4 * BLOCK], flags[4 * BLOCK];
    if (pages > 4 * BLOCK)
        return fail("snapshot: too many pages");
    if (open_maps())
        return -1;
    if (pread(pagemap, entries, pages * 8, start / PAGE * 8) != (ssize_t)pages * 8)
        return failed("pagemap");
    memset(cells, 0, sizeof *cells * pages);
    block_start = NO_BLOCK;
    for (uint64_t i = 0; i < pages;) {
        cells[i].pagemap = entries[i];
        if (!present(entries[i])) {
            i++;
            continue;
        }
        // Frames that lie side by side, in either direction, are read at once.
        uint64_t low = frame(entries[i]), high = low, end = i + 1;
        for (; end < pages && present(entries[end]) && (frame(entries[end]) == high + 1 || frame(entries[end]) + 1 == low); end++)
            frame(entries[end]) > high ? high++ : low--;
        if (pread(kpageflags, flags, (high - low + 1) * 8, low * 8) < 0)
            return failed("kpageflags");
        for (; i < end; i++) {
            cells[i].pagemap = entries[i];
            cells[i].flags = flags[frame(entries[i]) - low];
            if (is_large(cells[i].flags))
                measure_folio(&cells[i], frame(entries[i]));
        }
    }
    reply('s', cells, sizeof *cells * pages);
    return 0;
}

static int huge_pages(uint64_t start, uint64_t pages)
{
    struct pagemap_region regions[8];
    struct pagemap_scan scan = {
        .size = sizeof scan, .start = start, .end = start + pages * PAGE, .vec = (uintptr_t)regions, .vec_len = 8,
        .mask = PAGE_IS_HUGE, .returned = PAGE_IS_HUGE,
    };
    if (open_maps())
        return -1;
    int found = ioctl(pagemap, PAGEMAP_SCAN_IOCTL, &scan);
    if (found < 0)
        return failed("PAGEMAP_SCAN");
    uint64_t huge = 0;
    for (int i = 0; i < found; i++)
        huge += (regions[i].end - regions[i].start) / PAGE;
    reply('n', &huge, sizeof huge);
    return 0;
}

// ---- What a process does to its memory ----

static int uffds[2] = { -1, -1 }; /* the second with UFFD_FEATURE_RWP, which must be asked for before anything is registered */
static struct range keep[MAX_KEEP];
static int keeps;

static int userfault(uint64_t mode, uint64_t start, uint64_t pages)
{
    int *uffd = &uffds[mode & 8 ? 1 : 0];
    if (*uffd < 0) {
        *uffd = syscall(SYS_userfaultfd, O_CLOEXEC);
        struct uffdio_api api = { .api = UFFD_API, .features = 1 << 13 /* WP_UNPOPULATED */ | (mode & 8 ? 1 << 17 /* RWP */ : 0) };
        if (*uffd < 0 || ioctl(*uffd, UFFDIO_API, &api))
            return failed("userfaultfd");
    }
    struct uffdio_register request = { .range = { start, pages * PAGE }, .mode = mode };
    return ioctl(*uffd, UFFDIO_REGISTER, &request) ? failed("UFFDIO_REGISTER") : 0;
}

/* The VMA is known to the one that it was registered with. */
static int uffd_ioctl(unsigned long number, void *request)
{
    return ioctl(uffds[0], number, request) ? ioctl(uffds[1], number, request) : 0;
}

static int write_protect(uint64_t start, uint64_t pages)
{
    struct uffdio_writeprotect request = { .range = { start, pages * PAGE }, .mode = UFFDIO_WRITEPROTECT_MODE_WP };
    return uffd_ioctl(UFFDIO_WRITEPROTECT, &request) ? failed("UFFDIO_WRITEPROTECT") : 0;
}

static int read_write_protect(uint64_t start, uint64_t pages)
{
    struct uffdio_writeprotect request = { .range = { start, pages * PAGE }, .mode = 1 /* UFFDIO_RWPROTECT_MODE_RWP */ };
    return uffd_ioctl(UFFDIO_RWPROTECT_IOCTL, &request) ? failed("UFFDIO_RWPROTECT") : 0;
}

static int poison_marker(uint64_t start, uint64_t pages)
{
    struct uffd_poison request = { .start = start, .len = pages * PAGE };
    return uffd_ioctl(UFFDIO_POISON_IOCTL, &request) ? failed("UFFDIO_POISON") : 0;
}

// Takes a reference to each page, for as long as we live.
static int pin(uint64_t start, uint64_t pages)
{
    enum { SLOTS = 1024 };
    static int ends[2], used = SLOTS;
    for (uint64_t i = 0; i < pages; i++, used++) {
        if (used == SLOTS) {
            used = 0;
            if (pipe(ends) || fcntl(ends[1], F_SETPIPE_SZ, SLOTS * PAGE) < 0)
                return failed("pipe");
        }
        struct iovec one = { (void *)(start + i * PAGE), PAGE };
        if (vmsplice(ends[1], &one, 1, 0) != (ssize_t)PAGE)
            return failed("vmsplice");
    }
    return 0;
}

// A child that keeps the pages listed so far, of all pages of [start, start + pages), and lives as long as we do.
static int share(uint64_t start, uint64_t pages)
{
    int ready[2];
    char byte = 0;
    if (pipe(ready))
        return failed("pipe");
    pid_t child = fork();
    if (child < 0)
        return failed("fork");
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        uint64_t at = start;
        for (int i = 0; i < keeps; i++) {
            if (keep[i].start > at)
                munmap((void *)at, keep[i].start - at);
            at = keep[i].start + keep[i].pages * PAGE;
        }
        if (start + pages * PAGE > at)
            munmap((void *)at, start + pages * PAGE - at);
        write_all(ready[1], &byte, 1);
        for (;;)
            pause();
    }
    close(ready[1]);
    if (read(ready[0], &byte, 1) != 1)
        return failed("child");
    close(ready[0]);
    return 0;
}

static void stamp(uint64_t start, uint64_t pages, uint64_t value)
{
    for (uint64_t i = 0; i < pages; i++) {
        volatile uint64_t *page = (uint64_t *)(start + i * PAGE);
        page[0] = value ? value + i : 0;
        page[PAGE / 8 - 1] = value ? ~(value + i) : 0;
    }
}

static int count_wrong(uint64_t start, uint64_t pages, uint64_t value)
{
    uint64_t wrong = 0;
    for (uint64_t i = 0; i < pages; i++) {
        volatile uint64_t *page = (uint64_t *)(start + i * PAGE);
        wrong += page[0] != (value ? value + i : 0) || page[PAGE / 8 - 1] != (value ? ~(value + i) : 0);
    }
    reply('w', &wrong, sizeof wrong);
    return 0;
}

static int collapse(uint64_t start, uint64_t pages)
{
    int64_t outcome[2] = { madvise((void *)start, pages * PAGE, 25), 0 };
    outcome[1] = outcome[0] ? errno : 0;
    reply('c', outcome, sizeof outcome);
    return 0;
}

static int advise(uint64_t start, uint64_t pages, int advice)
{
    while (madvise((void *)start, pages * PAGE, advice))
        if (errno != EAGAIN && errno != EINTR)
            return fail("madvise(%d): %s", advice, strerror(errno));
    return 0;
}

// Swaps pages out by one call, into slots that follow each other and begin at the wanted place of a stretch of BLOCK slots: pages that
// nobody needs take what comes before, at least one slot, so that no slot follows another run's.
static int swap_out(uint64_t start, uint64_t pages, uint64_t place)
{
    const uint64_t room = 4 * BLOCK;
    uint64_t used = 0, entry = 0;
    char *spare = mmap(NULL, room * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (spare == MAP_FAILED || open_maps())
        return failed("swapout");
    madvise(spare, room * PAGE, MADV_NOHUGEPAGE);
    for (uint64_t more = 1; more > 0 && used + more <= room; more = (place - (entry >> 5) - 1) % BLOCK) {
        stamp((uintptr_t)spare + used * PAGE, more, 1);
        if (advise((uintptr_t)spare + used * PAGE, more, 21 /* MADV_PAGEOUT */))
            return -1;
        used += more;
        if (pread(pagemap, &entry, 8, ((uintptr_t)spare / PAGE + used - 1) * 8) != 8)
            return failed("pagemap");
    }
    int result = advise(start, pages, 21 /* MADV_PAGEOUT */);
    munmap(spare, room * PAGE);
    return result;
}

// ---- Memory that is short ----

static uint64_t free_bytes(void)
{
    struct sysinfo info;
    sysinfo(&info);
    return (uint64_t)info.freeram * info.mem_unit;
}

// Leaves no free block of 2^order pages: takes nearly all memory in small pages, gives back all but the first of each such
// block, and takes what blocks there still are in folios of that order, which must be set to always.
static int fragment(int order)
{
    const uint64_t spare = 6 << 20, step = 1 << 20, room = 128 << 20, size = 4ULL << 30;
    char *small = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    char *large = mmap(NULL, room, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (small == MAP_FAILED || large == MAP_FAILED || open_maps())
        return failed("fragment");
    madvise(small, size, MADV_NOHUGEPAGE);
    uint64_t taken = 0;
    for (; taken < size && free_bytes() > spare; taken += step)
        if (madvise(small + taken, step, 23 /* MADV_POPULATE_WRITE */))
            return failed("MADV_POPULATE_WRITE");
    static uint64_t entries[BLOCK];
    uint64_t dropped_from = 0;
    for (uint64_t at = 0; at < taken; at += BLOCK * PAGE) {
        pread(pagemap, entries, sizeof entries, ((uintptr_t)small + at) / PAGE * 8);
        for (uint64_t i = 0; i < BLOCK && at + i * PAGE < taken; i++)
            if ((frame(entries[i]) & ((1 << order) - 1)) == 0) {
                if (pin((uintptr_t)small + at + i * PAGE, 1))  // compaction would move it
                    return -1;
                if (at + i * PAGE > dropped_from)
                    madvise(small + dropped_from, at + i * PAGE - dropped_from, MADV_DONTNEED);
                dropped_from = at + (i + 1) * PAGE;
            }
    }
    if (taken > dropped_from && madvise(small + dropped_from, taken - dropped_from, MADV_DONTNEED))
        return failed("MADV_DONTNEED");
    for (char *at = (char *)(((uintptr_t)large + (PAGE << order) - 1) & -(PAGE << order)); at < large + room - (PAGE << 9); at += PAGE << order) {
        uint64_t entry, flags;
        *(volatile char *)at = 1;
        pread(pagemap, &entry, 8, (uintptr_t)at / PAGE * 8);
        pread(kpageflags, &flags, 8, frame(entry) * 8);
        if (!is_large(flags))
            return 0;
    }
    return fail("fragment: blocks of order %d are left", order);
}

static int cgroup_enter(uint64_t number)
{
    char path[64];
    snprintf(path, sizeof path, "/cgroup/%llu", (unsigned long long)number);
    if (mkdir(path, 0755) && errno != EEXIST)
        return failed(path);
    strcat(path, "/cgroup.procs");
    return write_file(path, "0");
}

// No page more than it has now may be charged to the group.
static int cgroup_limit(uint64_t number)
{
    char path[64], text[32];
    snprintf(path, sizeof path, "/cgroup/%llu/memory.swap.max", (unsigned long long)number);
    if (write_file(path, "0"))
        return -1;
    snprintf(path, sizeof path, "/cgroup/%llu/memory.current", (unsigned long long)number);
    int file = open(path, O_RDONLY);
    snprintf(text, sizeof text, "%ld", read_number(file));
    close(file);
    snprintf(path, sizeof path, "/cgroup/%llu/memory.max", (unsigned long long)number);
    return write_file(path, text);
}

// ---- khugepaged and ksmd ----

static char daemon_state(void)
{
    char text[128] = "";
    pread(khugepaged_stat, text, sizeof text - 1, 0);
    char *name_end = strrchr(text, ')');
    return name_end ? name_end[2] : '?';
}

static long runs(void)
{
    char text[96] = "";
    long count = 0;
    pread(khugepaged_schedstat, text, sizeof text - 1, 0);
    sscanf(text, "%*s %*s %ld", &count);
    return count;
}

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec + now.tv_nsec * 1e-9;
}

// One write of scan_sleep_millisecs is one wake-up: the LRU batches are drained, then everything is scanned once. A wake-up
// that ends before the last process, as after failed allocations, is over when the daemon has slept for a while.
static int full_scan(void)
{
    const double patience = 5, asleep = 0.06;
    double start = seconds(), since = 0;
    while (daemon_state() != 'S' && seconds() < start + patience)
        pause_briefly(200);
    long scans = read_number(full_scans), last = runs();
    if (write_file(THP "khugepaged/scan_sleep_millisecs", "100000000"))
        return -1;
    for (int ran = 0; seconds() < start + patience; pause_briefly(150)) {
        int sleeps = daemon_state() == 'S';
        long now = runs();
        if (sleeps && read_number(full_scans) > scans)
            return 0;
        if (!sleeps || now != last) {
            ran |= now != last;
            last = now;
            since = seconds();
        } else if (ran && seconds() > since + asleep) {
            return 0;
        }
    }
    return fail("khugepaged did not finish a scan: state %c, full_scans %ld, then %ld", daemon_state(), scans, read_number(full_scans));
}

static int merge_equal_pages(int scans)
{
    int file = open("/sys/kernel/mm/ksm/full_scans", O_RDONLY);
    long before = read_number(file);
    if (file < 0 || write_file("/sys/kernel/mm/ksm/run", "1"))
        return failed("ksm");
    for (int i = 0; i < 20000 && read_number(file) < before + scans; i++)
        pause_briefly(300);
    close(file);
    return write_file("/sys/kernel/mm/ksm/run", "0");
}

// What the tracepoints wrote since last asked, without the kernel's column of tasks and times.
static int send_trace(void)
{
    static char text[1 << 16];
    ssize_t got;
    while ((got = read(trace_pipe, text, sizeof text)) > 0)
        reply('t', text, got);
    return got < 0 && errno != EAGAIN ? failed("trace_pipe") : 0;
}

static int send_file(const char *path)
{
    static char text[1 << 20];
    int file = open(path, O_RDONLY);
    if (file < 0)
        return failed(path);
    ssize_t length = 0, got;
    while ((got = read(file, text + length, sizeof text - length)) > 0)
        length += got;
    close(file);
    reply('f', text, length);
    return 0;
}

// A file of any length, part by part.
static int send_stream(const char *path)
{
    static char text[1 << 16];
    int file = open(path, O_RDONLY);
    ssize_t got;
    if (file < 0)
        return failed(path);
    while ((got = read(file, text, sizeof text)) > 0)
        reply('f', text, got);
    close(file);
    return got < 0 ? failed(path) : 0;
}

// What the kernel logged since last asked, a line each, without levels and times; of the first time all since it was booted.
static int send_log(void)
{
    static char text[1 << 18], record[1 << 14];
    static int file = -1;
    size_t length = 0;
    ssize_t got;
    if (file < 0 && (file = open("/dev/kmsg", O_RDONLY | O_NONBLOCK)) < 0)
        return failed("/dev/kmsg");
    // EPIPE: what comes next was overwritten before it was read.
    while ((got = read(file, record, sizeof record - 1)) > 0 || (got < 0 && errno == EPIPE)) {
        if (got < 0)
            continue;
        record[got] = 0;
        char *line = strchr(record, ';');
        size_t wide = line ? strcspn(line + 1, "\n") + 1 : 0;
        if (!line || length + wide > sizeof text)
            continue;
        memcpy(text + length, line + 1, wide - 1);
        text[length + wide - 1] = '\n';
        length += wide;
    }
    reply('f', text, length);
    return 0;
}

// Words of a file of 64-bit words: path, then first and count of each run. Fewer than asked for if the file ends.
static int send_words(const char *rest)
{
    static uint64_t words[16 * BLOCK];
    char path[192];
    unsigned long long first, count;
    int used, file;
    if (sscanf(rest, "%191s%n", path, &used) != 1 || (file = open(path, O_RDONLY)) < 0)
        return failed(path);
    size_t length = 0;
    ssize_t got = 0;
    while (got >= 0 && sscanf(rest += used, "%llu %llu%n", &first, &count, &used) == 2) {
        if (length + count > sizeof words / sizeof *words) {
            close(file);
            return fail("words: too many");
        }
        got = pread(file, words + length, count * 8, first * 8);
        length += got > 0 ? got / 8 : 0;
        if (got < (ssize_t)count * 8)
            break;
    }
    close(file);
    reply('n', words, length * 8);
    return 0;
}

// Pages of a process that are not empty: path of its pagemap, first and last byte, regions at most.
static int send_regions(const char *rest)
{
    static struct pagemap_region regions[1024];
    char path[192];
    unsigned long long start, end, most;
    int file;
    if (sscanf(rest, "%191s %llu %llu %llu", path, &start, &end, &most) != 4 || most > 1024 || (file = open(path, O_RDONLY)) < 0)
        return failed(path);
    struct pagemap_scan scan = {
        .size = sizeof scan, .start = start, .end = end, .vec = (uintptr_t)regions, .vec_len = most,
        .anyof = PAGE_IS_PRESENT | PAGE_IS_SWAPPED, .returned = PAGE_IS_PRESENT | PAGE_IS_SWAPPED | PAGE_IS_HUGE,
    };
    int found = ioctl(file, PAGEMAP_SCAN_IOCTL, &scan);
    close(file);
    if (found < 0)
        return failed("PAGEMAP_SCAN");
    reply('n', regions, found * sizeof *regions);
    return 0;
}

// What a program prints, until nobody is left who could print more, and how it ends. It is killed after some milliseconds if any are given.
static int run_program(const char *rest)
{
    static char text[1 << 16];
    char path[192];
    int ends[2], status = 0;
    long patience = 0;
    size_t length = 0;
    ssize_t got;
    if (sscanf(rest, "%191s %ld", path, &patience) < 1 || pipe(ends))
        return failed("run");
    pid_t child = fork();
    if (child == 0) {
        dup2(ends[1], 1), dup2(ends[1], 2);
        close(ends[0]), close(ends[1]);
        execl(path, path, NULL);
        _exit(127);
    }
    close(ends[1]);
    if (patience > 0) {
        struct timespec time = { patience / 1000, patience % 1000 * 1000000 };
        nanosleep(&time, NULL);
        kill(child, SIGKILL);
    }
    while ((got = read(ends[0], text + length, sizeof text - length)) > 0)
        length += got;
    close(ends[0]);
    if (child < 0 || waitpid(child, &status, 0) != child)
        return failed(path);
    uint64_t code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    reply('f', text, length);
    reply('n', &code, sizeof code);
    return 0;
}

static int send_pid(void)
{
    uint64_t pid = getpid();
    reply('n', &pid, sizeof pid);
    return 0;
}

#define MAX_COUNTERS 256
static int counters[MAX_COUNTERS], counter_count;

static int send_counters(void)
{
    int64_t values[MAX_COUNTERS];
    for (int i = 0; i < counter_count; i++)
        values[i] = read_number(counters[i]);
    reply('n', values, counter_count * sizeof *values);
    return 0;
}

// ---- Steps ----

// In race.c, which is compiled behind this file.
static int race(const char *rest);

static int step(char *line)
{
    char word[32], path[192], text[192];
    unsigned long long a = 0, b = 0, c = 0;
    if (sscanf(line, "%31s", word) != 1)
        return 0;
    const char *rest = line + strlen(word);
    if (!strcmp(word, "set"))
        return sscanf(rest, "%191s %191[^\n]", path, text) == 2 ? write_file(path, text) : fail("set: no value");
    if (!strcmp(word, "append"))
        return sscanf(rest, "%191s %191[^\n]", path, text) == 2 ? write_into(path, text, O_APPEND) : fail("append: no value");
    if (!strcmp(word, "file"))
        return sscanf(rest, "%191s", path) == 1 ? send_file(path) : fail("file: no path");
    if (!strcmp(word, "stream"))
        return sscanf(rest, "%191s", path) == 1 ? send_stream(path) : fail("stream: no path");
    if (!strcmp(word, "race"))
        return race(rest);
    if (!strcmp(word, "words"))
        return send_words(rest);
    if (!strcmp(word, "regions"))
        return send_regions(rest);
    if (!strcmp(word, "log"))
        return send_log();
    if (!strcmp(word, "run"))
        return run_program(rest);
    if (!strcmp(word, "pid"))
        return send_pid();
    if (!strcmp(word, "count")) {
        if (counter_count == MAX_COUNTERS || sscanf(rest, "%191s", path) != 1 || (counters[counter_count] = open(path, O_RDONLY)) < 0)
            return failed(path);
        counter_count++;
        return 0;
    }
    sscanf(rest, "%lli %lli %lli", (long long *)&a, (long long *)&b, (long long *)&c);
    if (!strcmp(word, "map"))
        return mmap((void *)a, b * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE | MAP_NORESERVE | c, -1, 0) == (void *)a ? 0 : failed("mmap");
    if (!strcmp(word, "unmap"))
        return munmap((void *)a, b * PAGE) ? failed("munmap") : 0;
    if (!strcmp(word, "move"))
        return mremap((void *)a, b * PAGE, b * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, (void *)c) == (void *)c ? 0 : failed("mremap");
    if (!strcmp(word, "advise"))
        return advise(a, b, c);
    if (!strcmp(word, "write"))
        return stamp(a, b, c), 0;
    if (!strcmp(word, "read")) {
        for (unsigned long long i = 0; i < b; i++)
            (void)*(volatile char *)(a + i * PAGE);
        return 0;
    }
    if (!strcmp(word, "check"))
        return count_wrong(a, b, c);
    if (!strcmp(word, "pin"))
        return pin(a, b);
    if (!strcmp(word, "swapout"))
        return swap_out(a, b, c);
    if (!strcmp(word, "keep")) {
        if (keeps == MAX_KEEP)
            return fail("keep: too many ranges");
        keep[keeps++] = (struct range){ a, b };
        return 0;
    }
    if (!strcmp(word, "share"))
        return share(a, b);
    if (!strcmp(word, "userfault"))
        return userfault(c, a, b);
    if (!strcmp(word, "protect"))
        return write_protect(a, b);
    if (!strcmp(word, "rwprotect"))
        return read_write_protect(a, b);
    if (!strcmp(word, "poison"))
        return poison_marker(a, b);
    if (!strcmp(word, "lock"))
        return syscall(SYS_mlock2, a, b * PAGE, 1 /* MLOCK_ONFAULT */) ? failed("mlock2") : 0;
    if (!strcmp(word, "readonly"))
        return mprotect((void *)a, b * PAGE, PROT_READ) ? failed("mprotect") : 0;
    if (!strcmp(word, "prctl"))
        return prctl(a, b, c, 0, 0) ? failed("prctl") : 0;
    if (!strcmp(word, "collapse"))
        return collapse(a, b);
    if (!strcmp(word, "snapshot"))
        return snapshot(a, b);
    if (!strcmp(word, "huge"))
        return huge_pages(a, b);
    if (!strcmp(word, "scan"))
        return full_scan();
    if (!strcmp(word, "fragment"))
        return fragment(a);
    if (!strcmp(word, "enter"))
        return cgroup_enter(a);
    if (!strcmp(word, "limit"))
        return cgroup_limit(a);
    if (!strcmp(word, "merge"))
        return merge_equal_pages(a);
    if (!strcmp(word, "trace"))
        return send_trace();
    if (!strcmp(word, "counters"))
        return send_counters();
    return fail("unknown step '%s'", word);
}

static void steps(char *text)
{
    *error = 0;
    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"))
        if (step(line))
            break;
    reply('d', error, strlen(error));
}

// ---- Processes ----

static struct { pid_t pid; int requests, done; } processes[MAX_PROCESSES];

// MADV_HWPOISON signals whoever asks for it.
static void survive(int number) { (void)number; }

static int work_for(int process, char *text, uint32_t length)
{
    char byte;
    if (processes[process].pid == 0) {
        int requests[2], done[2];
        if (pipe2(requests, O_CLOEXEC) || pipe2(done, O_CLOEXEC))
            return -1;
        pid_t pid = fork();
        if (pid == 0) {
            setpgid(0, 0);
            self = process;
            signal(SIGBUS, survive);
            for (;;) {
                read_all(requests[0], &length, sizeof length);
                read_all(requests[0], text, length);
                text[length] = 0;
                steps(text);
                write_all(done[1], &byte, 1);
            }
        }
        close(requests[0]);
        close(done[1]);
        processes[process].pid = pid;
        processes[process].requests = requests[1];
        processes[process].done = done[0];
    }
    write_all(processes[process].requests, &length, sizeof length);
    write_all(processes[process].requests, text, length);
    return read(processes[process].done, &byte, 1) == 1 ? 0 : -1;
}

// With all that they forked, which is ours once they are gone: what the kernel says of their memory it has said then.
static void end_processes(int last)
{
    for (int i = 1; i <= last; i++)
        if (processes[i].pid) {
            kill(-processes[i].pid, SIGKILL);
            kill(processes[i].pid, SIGKILL);
            waitpid(processes[i].pid, NULL, 0);
            while (waitpid(-processes[i].pid, NULL, 0) > 0)
                ;
            close(processes[i].requests);
            close(processes[i].done);
            processes[i].pid = 0;
        }
    while (waitpid(-1, NULL, WNOHANG) > 0)
        ;
}

static void serve(void)
{
    static char text[1 << 18];
    for (;;) {
        uint32_t request[2];
        read_all(port, request, sizeof request);
        if (request[0] >= MAX_PROCESSES || request[1] >= sizeof text)
            die("request");
        read_all(port, text, request[1]);
        text[request[1]] = 0;
        if (request[0] > 0) {
            if (work_for(request[0], text, request[1])) {
                struct header header = { request[0], 'd', 12 };
                write_all(port, &header, sizeof header);
                write_all(port, "process died", 12);
            }
        } else if (!strncmp(text, "end", 3)) {
            end_processes(atoi(text + 3) < MAX_PROCESSES ? atoi(text + 3) : MAX_PROCESSES - 1);
            reply('d', "", 0);
        } else {
            steps(text);
        }
    }
}

// ---- Boot ----

static void insert_modules(void)
{
    char name[128];
    FILE *list = fopen("/modules/order", "r");
    while (list && fgets(name, sizeof name, list)) {
        char path[160];
        name[strcspn(name, "\n")] = 0;
        snprintf(path, sizeof path, "/modules/%s", name);
        int file = open(path, O_RDONLY);
        if (file < 0 || syscall(SYS_finit_module, file, "", 0))
            fprintf(stderr, "agent: %s: %s\n", path, strerror(errno));
        close(file);
    }
}

// Swap on a RAM disk is synchronous: a page is swapped in or out when the call returns.
static int swap_on(void)
{
    static char page[PAGE];
    const uint64_t pages = 32768;
    char size[32];
    snprintf(size, sizeof size, "%llu", (unsigned long long)(pages * PAGE));
    if (access("/sys/block/zram0", F_OK) || write_file("/sys/block/zram0/disksize", size))
        return 0;
    uint32_t *header = (uint32_t *)(page + 1024);
    header[0] = 1;
    header[1] = pages - 1;
    memcpy(page + PAGE - 10, "SWAPSPACE2", 10);
    int disk = open("/dev/zram0", O_RDWR);
    if (disk < 0)
        return 0;
    write_all(disk, page, PAGE);
    fsync(disk);
    close(disk);
    return !swapon("/dev/zram0", 0);
}

static int has_memcg(void)
{
    char text[256] = "";
    int file = open("/cgroup/cgroup.controllers", O_RDONLY);
    if (file < 0)
        return 0;
    read(file, text, sizeof text - 1);
    close(file);
    return strstr(text, "memory") != NULL;
}

// ---- What this kernel has ----

// Tried by a process of its own, so that nothing of it is left.
static void try_features(char *text, size_t room)
{
    char *page = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    struct uffdio_api api = { .api = UFFD_API };
    struct uffdio_api read_protection = { .api = UFFD_API, .features = 1 << 17 /* RWP */ };
    uint64_t flags = 0;
    *page = 1;
    if (open_maps() == 0 && pread(pagemap, block, 8, (uintptr_t)page / PAGE * 8) == 8)
        pread(kpageflags, &flags, 8, frame(block[0]) * 8);
    int first = syscall(SYS_userfaultfd, O_CLOEXEC), second = syscall(SYS_userfaultfd, O_CLOEXEC);
    int has_uffd = first >= 0 && !ioctl(first, UFFDIO_API, &api);
    int has_rwp = second >= 0 && !ioctl(second, UFFDIO_API, &read_protection);
    snprintf(text, room, "guards %d\nuffd %d\nuffdwp %d\nuffdpoison %d\nuffdrwp %d\nexceptadvised %d\ntellsksm %d\n",
             !madvise(page + PAGE, PAGE, 102 /* MADV_GUARD_INSTALL */), has_uffd, has_uffd && (api.features >> 13 & 1) /* WP_UNPOPULATED */,
             has_uffd && (api.features >> 14 & 1) /* POISON */, has_rwp, !prctl(PR_SET_THP_DISABLE, 1, 2, 0, 0), !(flags >> 21 & 1));
}

static void find_features(char *text, size_t room)
{
    int tried[2];
    *text = 0;
    if (pipe(tried))
        die("pipe");
    pid_t pid = fork();
    if (pid == 0) {
        try_features(text, room);
        write_all(tried[1], text, strlen(text));
        exit(0);
    }
    close(tried[1]);
    ssize_t got = read(tried[0], text, room - 1);
    text[got > 0 ? got : 0] = 0;
    close(tried[0]);
    waitpid(pid, NULL, 0);
}

static int has_line(const char *path, const char *start)
{
    static char text[1 << 16];
    int file = open(path, O_RDONLY);
    ssize_t length = 0, got;
    while (file >= 0 && (got = read(file, text + length, sizeof text - 1 - length)) > 0)
        length += got;
    close(file);
    text[length] = 0;
    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"))
        if (!strncmp(line, start, strlen(start)))
            return 1;
    return 0;
}

static int find_khugepaged(void)
{
    for (int pid = 2; pid < 500; pid++) {
        char path[64], name[32] = "";
        snprintf(path, sizeof path, "/proc/%d/comm", pid);
        int file = open(path, O_RDONLY);
        if (file < 0)
            continue;
        read(file, name, sizeof name - 1);
        close(file);
        if (!strncmp(name, "khugepaged", 10))
            return pid;
    }
    return 0;
}

// A process that khugepaged knows, so that its list is never empty: the first on an empty list wakes it up.
static void keep_list_filled(void)
{
    int ready[2];
    char byte = 0;
    if (pipe(ready))
        die("pipe");
    if (fork() == 0) {
        void *memory = mmap(NULL, 4 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        *(volatile char *)memory = 1;
        madvise(memory, 4 << 20, MADV_HUGEPAGE);
        munmap(memory, 4 << 20);
        write_all(ready[1], &byte, 1);
        for (;;)
            pause();
    }
    read_all(ready[0], &byte, 1);
    close(ready[0]);
    close(ready[1]);
}

int main(void)
{
    mkdir("/proc", 0755), mount("proc", "/proc", "proc", 0, NULL);
    mkdir("/sys", 0755), mount("sysfs", "/sys", "sysfs", 0, NULL);
    mkdir("/dev", 0755), mount("dev", "/dev", "devtmpfs", 0, NULL);
    mount("tracefs", "/sys/kernel/tracing", "tracefs", 0, NULL);
    mount("debugfs", "/sys/kernel/debug", "debugfs", 0, NULL);
    mkdir("/cgroup", 0755), mount("cgroup2", "/cgroup", "cgroup2", 0, NULL);
    dup2(open("/dev/console", O_RDWR), 0), dup2(0, 1), dup2(0, 2);
    for (int i = 0; i < 500 && (port = open("/dev/vport0p1", O_RDWR | O_CLOEXEC)) < 0; i++)
        pause_briefly(10000);
    if (port < 0)
        die("/dev/vport0p1");
    insert_modules();
    int swaps = swap_on();
    // Something must always be enabled, or the daemon stops; a daemon that starts scans at once.
    if (write_file(THP "hugepages-2048kB/shmem_enabled", "advise") || write_file(THP "enabled", "madvise") || write_file(THP "hugepages-2048kB/enabled", "madvise"))
        die(error);
    keep_list_filled();
    for (int i = 0; i < 200 && !(khugepaged_pid = find_khugepaged()); i++)
        pause_briefly(10000);
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/stat", khugepaged_pid);
    khugepaged_stat = open(path, O_RDONLY);
    snprintf(path, sizeof path, "/proc/%d/schedstat", khugepaged_pid);
    khugepaged_schedstat = open(path, O_RDONLY);
    full_scans = open(THP "khugepaged/full_scans", O_RDONLY);
    trace_pipe = open("/sys/kernel/tracing/trace_pipe", O_RDONLY | O_NONBLOCK);
    struct utsname name;
    uname(&name);
    char hello[1024], features[512];
    find_features(features, sizeof features);
    reply('h', hello, snprintf(hello, sizeof hello,
        "%s %s\nkhugepaged %d\nswap %d\nmemcg %d\nksm %d\nmthp %d\nhwpoison %d\nkprobes %d\nevents %d\nvmevents %d\nlog %d\nclearonce %d\n%s",
        name.release, name.version, khugepaged_pid, swaps, has_memcg(), !access("/sys/kernel/mm/ksm/run", F_OK),
        !access(THP "hugepages-64kB/stats/collapse_alloc", F_OK), has_line("/proc/meminfo", "HardwareCorrupted:"),
        !access("/sys/kernel/tracing/kprobe_events", F_OK), !access("/sys/kernel/tracing/events/huge_memory/mm_khugepaged_scan_pmd/enable", F_OK),
        has_line("/proc/vmstat", "thp_collapse_alloc "), !access("/dev/kmsg", R_OK), !access("/sys/kernel/debug/clear_warn_once", W_OK), features));
    serve();
}
