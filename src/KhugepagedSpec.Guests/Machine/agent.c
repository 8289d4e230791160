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
#include <glob.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
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
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/swap.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PAGE page_bytes
#define BLOCK block_pages
#define MOST_PAGE (1 << 16)
#define MAX_PROCESSES 64
#define MAX_KEEP (1 << 13)
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
struct cell { uint64_t pagemap, flags; uint16_t page; uint8_t order, uncharged, node, unused[3]; };
struct range { uint64_t start, pages; };

// As this kernel has them: the bytes of a page, and the pages that a PMD entry spans.
static uint64_t page_bytes, block_pages;

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

static void leave(int code);

// The console needs a moment to show it: the kernel panics when init ends.
static void die(const char *what)
{
    fprintf(stderr, "agent: %s: %s\n", what, strerror(errno));
    if (getpid() == 1)
        sleep(1);
    leave(1);
}

// ---- A machine that others use ----

#define TRACING "/sys/kernel/tracing"
#define INSTANCE TRACING "/instances/khugepaged-spec"
#define MAX_NOTES 128

// What is set is noted with what it was, and put back by a process of its own when nobody holds the other end of its pipe any more: however
// it is that the agent ends. In a guest nothing is noted.
static struct notes {
    int count;
    pid_t pinned;
    cpu_set_t cpus;
    struct note { char path[128], value[64]; int how; } note[MAX_NOTES];
} *notes;
static int noted = -1, lifeline = -1;
static pid_t guardian;

static int put(const char *path, const char *text, int how)
{
    int file = open(path, O_WRONLY | O_CLOEXEC | how);
    if (file < 0)
        return -1;
    ssize_t written = write(file, text, strlen(text));
    int reason = errno;
    close(file);
    errno = reason;
    return written < 0 ? -1 : 0;
}

static void put_back(void)
{
    for (int i = 0; i < 100 && rmdir(INSTANCE) && errno == EBUSY; i++)
        usleep(20000);
    for (int i = notes->count - 1; i >= 0; i--)
        put(notes->note[i].path, notes->note[i].value, notes->note[i].how);
    if (notes->pinned)
        sched_setaffinity(notes->pinned, sizeof notes->cpus, &notes->cpus);
}

static void open_notes(void)
{
    notes = mmap(NULL, sizeof *notes, PROT_READ | PROT_WRITE, MAP_SHARED, noted, 0);
    if (notes == MAP_FAILED)
        die("notes");
}

static void guard(void)
{
    int ends[2];
    char byte;
    if ((noted = memfd_create("notes", 0)) < 0 || ftruncate(noted, sizeof *notes))
        die("notes");
    open_notes();
    if (pipe(ends) || (guardian = fork()) < 0)
        die("guard");
    lifeline = ends[1];
    if (guardian > 0) {
        close(ends[0]);
        return;
    }
    setsid();
    signal(SIGPIPE, SIG_IGN);
    for (int file = 0; file < 64; file++)
        if (file != ends[0])
            close(file);
    while (read(ends[0], &byte, 1) != 0)
        ;
    put_back();
    _exit(0);
}

// Called in each process that is forked: it ends with the agent, and holds nothing that outlives it.
static void belong(void)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (lifeline >= 0)
        close(lifeline);
    lifeline = -1;
}

static void leave(int code)
{
    // The processes end when nobody sends them requests any more; an instance can go when nobody reads its trace.
    if (lifeline >= 0) {
        for (int file = 3; file < 1024; file++)
            close(file);
        waitpid(guardian, NULL, 0);
    }
    exit(code);
}

// Of several words the one in brackets; a probe that is added is one to be removed.
static int note(const char *path, const char *text, int how)
{
    char value[256] = "", *from = value;
    if (!notes || !strncmp(path, INSTANCE, strlen(INSTANCE)))
        return 0;
    if (how == O_APPEND) {
        snprintf(value, sizeof value, "-:%.*s", (int)strcspn(text + 2, " "), text + 2);
    } else {
        for (int i = 0; i < notes->count; i++)
            if (!strcmp(notes->note[i].path, path) && notes->note[i].how == how)
                return 0;
        int file = open(path, O_RDONLY | O_CLOEXEC);
        if (file < 0)
            return 0;
        if (read(file, value, sizeof value - 1) < 0)
            *value = 0;
        close(file);
        from = strchr(value, '[') ? strchr(value, '[') + 1 : value;
        from[strcspn(from, "]\n")] = 0;
    }
    if (notes->count == MAX_NOTES)
        return fail("%s: too many settings", path);
    struct note *next = &notes->note[notes->count];
    snprintf(next->path, sizeof next->path, "%s", path);
    snprintf(next->value, sizeof next->value, "%s", from);
    next->how = how;
    notes->count++;
    return 0;
}

// Room for what grows with the table. Never eligible for huge pages, so that no process is known to khugepaged for it.
static void *room_for(size_t bytes)
{
    void *room = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (room == MAP_FAILED)
        die("mmap");
    madvise(room, bytes, MADV_NOHUGEPAGE);
    return room;
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
                leave(0);
            reboot(RB_POWER_OFF);
        }
        at += got;
        length -= got;
    }
}

// Told in as few writes as can be: each has the host look.
static char unsent[1 << 15];
static size_t unsent_bytes;

static void send_all(void)
{
    write_all(port, unsent, unsent_bytes);
    unsent_bytes = 0;
}

static void say(const void *data, size_t length)
{
    if (length > sizeof unsent - unsent_bytes)
        send_all();
    if (length > sizeof unsent) {
        write_all(port, data, length);
        return;
    }
    memcpy(unsent + unsent_bytes, data, length);
    unsent_bytes += length;
}

static void reply(char kind, const void *data, uint32_t length)
{
    struct header header = { self, kind, length };
    say(&header, sizeof header);
    say(data, length);
}

// The end of an answer; all of it is sent.
static void reply_done(const char *why)
{
    reply('d', why, strlen(why));
    send_all();
}

static int write_into(const char *path, const char *text, int how)
{
    return note(path, text, how) ? -1 : put(path, text, how) ? failed(path) : 0;
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

static int pagemap = -1, kpageflags = -1, kpagecgroup = -1; /* the last only where there are memory cgroups */

static int open_maps(void)
{
    if (kpageflags < 0 && (kpageflags = open("/proc/kpageflags", O_RDONLY)) < 0)
        return failed("/proc/kpageflags");
    if (kpagecgroup == -1 && (kpagecgroup = open("/proc/kpagecgroup", O_RDONLY)) < 0)
        kpagecgroup = -2;
    if (pagemap < 0 && (pagemap = open("/proc/self/pagemap", O_RDONLY)) < 0)
        return failed("/proc/self/pagemap");
    return 0;
}

static uint64_t frame(uint64_t entry) { return entry & ((1ULL << 55) - 1); }

static int present(uint64_t entry) { return entry >> 63 & 1; }

static int is_tail(uint64_t flags) { return flags >> 16 & 1; }

static int is_large(uint64_t flags) { return (flags >> 15 & 3) != 0; }

// The last block of frames looked at, and the last folio found in it, good for one snapshot.
#define NO_BLOCK (-1ULL)
static uint64_t *block, block_start, folio_start, folio_end;

// A folio is aligned to its size, so the aligned block around one page holds it whole; its order is how many tails follow.
static void measure_folio(struct cell *cell, uint64_t pfn)
{
    uint64_t start = pfn / BLOCK * BLOCK;
    if (start != block_start) {
        pread(kpageflags, block, BLOCK * sizeof *block, start * 8);
        block_start = start, folio_start = folio_end = 0;
    }
    if (pfn < folio_start || pfn >= folio_end) {
        folio_start = pfn, folio_end = pfn + 1;
        while (folio_start > start && is_tail(block[folio_start - start]))
            folio_start--;
        while (folio_end < start + BLOCK && is_tail(block[folio_end - start]))
            folio_end++;
    }
    cell->page = pfn - folio_start;
    cell->order = 31 - __builtin_clz((unsigned)(folio_end - folio_start));
}

// The memory cgroup that a page of ours is charged to; 0 where that is not told.
static uint64_t own_group(void)
{
    static uint64_t group;
    uint64_t entry;
    if (group || kpagecgroup < 0)
        return group;
    char *page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    *(volatile char *)page = 1;
    if (pread(pagemap, &entry, 8, (uintptr_t)page / PAGE * 8) == 8)
        pread(kpagecgroup, &group, 8, frame(entry) * 8);
    munmap(page, PAGE);
    return group;
}

static int nodes = 1;

// On which node each page of a range is; or brings those there that are not, if a node is given and nobody else has them.
static int on_nodes(uint64_t start, uint64_t pages, int node, int *found)
{
    static void **at;
    static int *to;
    if (!at)
        at = room_for(4 * BLOCK * sizeof *at), to = room_for(4 * BLOCK * sizeof *to);
    if (pages > 4 * BLOCK)
        return fail("nodes: too many pages");
    for (uint64_t i = 0; i < pages; i++)
        at[i] = (void *)(start + i * PAGE), to[i] = node;
    return syscall(SYS_move_pages, 0, pages, at, node < 0 ? NULL : to, found, 2 /* MPOL_MF_MOVE */) < 0 ? failed("move_pages") : 0;
}

// Pages that this process gets from now on are of that node; of any again if it is negative.
static int bind_to(int node)
{
    unsigned long mask = node < 0 ? 0 : 1UL << node;
    return syscall(SYS_set_mempolicy, node < 0 ? 0 : 2 /* MPOL_BIND */, node < 0 ? NULL : &mask, node < 0 ? 0 : 8) < 0 ? failed("set_mempolicy") : 0;
}

static int to_node(uint64_t start, uint64_t pages, int node)
{
    static int *found;
    if (!found)
        found = room_for(4 * BLOCK * sizeof *found);
    return on_nodes(start, pages, node, found);
}

static int snapshot(uint64_t start, uint64_t pages)
{
    static struct cell *cells;
    static uint64_t *entries, *flags, *groups;
    if (!cells)
    {
        cells = room_for(4 * BLOCK * sizeof *cells), entries = room_for(12 * BLOCK * sizeof *entries);
        flags = entries + 4 * BLOCK, groups = flags + 4 * BLOCK;
    }
    if (pages > 4 * BLOCK)
        return fail("snapshot: too many pages");
    if (open_maps())
        return -1;
    if (pread(pagemap, entries, pages * 8, start / PAGE * 8) != (ssize_t)pages * 8)
        return failed("pagemap");
    uint64_t own = own_group();
    memset(cells, 0, sizeof *cells * pages);
    block_start = NO_BLOCK;
    for (uint64_t i = 0; i < pages;) {
        cells[i].pagemap = entries[i];
        if (!present(entries[i])) {
            i++;
            continue;
        }
        // Frames that lie near each other are read at once, with what lies between: a call costs more than a few frames.
        const uint64_t near = 8;
        uint64_t low = frame(entries[i]), high = low, end = i + 1;
        for (; end < pages; end++) {
            if (!present(entries[end]))
                continue;
            uint64_t next = frame(entries[end]), to_low = next < low ? next : low, to_high = next > high ? next : high;
            if (next + near < low || next > high + near || to_high - to_low >= 4 * BLOCK)
                break;
            low = to_low, high = to_high;
        }
        if (pread(kpageflags, flags, (high - low + 1) * 8, low * 8) < 0)
            return failed("kpageflags");
        int tells = kpagecgroup >= 0 && pread(kpagecgroup, groups, (high - low + 1) * 8, low * 8) == (ssize_t)(high - low + 1) * 8;
        for (; i < end; i++) {
            cells[i].pagemap = entries[i];
            if (!present(entries[i]))
                continue;
            cells[i].flags = flags[frame(entries[i]) - low];
            cells[i].uncharged = tells && groups[frame(entries[i]) - low] != own;
            if (is_large(cells[i].flags))
                measure_folio(&cells[i], frame(entries[i]));
        }
    }
    static int *on;
    if (!on)
        on = room_for(4 * BLOCK * sizeof *on);
    if (nodes > 1 && on_nodes(start, pages, -1, on))
        return -1;
    for (uint64_t i = 0; i < pages && nodes > 1; i++)
        cells[i].node = present(cells[i].pagemap) && on[i] > 0 ? on[i] : 0;
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
    // Not everywhere may a pipe be that large.
    static int ends[2], used, slots;
    for (uint64_t i = 0; i < pages; i++, used++) {
        if (used == slots) {
            if (pipe(ends))
                return failed("pipe");
            fcntl(ends[1], F_SETPIPE_SZ, 1024 * PAGE);
            used = 0, slots = fcntl(ends[1], F_GETPIPE_SZ) / PAGE;
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
        belong();
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

// One page in so many.
static void touch(uint64_t start, uint64_t pages, uint64_t step)
{
    for (uint64_t i = 0; i < pages; i += step)
        stamp(start + i * PAGE, 1, 1 + i);
}

// As a heap grows: by so many pages each time, the first of which are touched before there are more.
static int grow_heap(uint64_t times, uint64_t pages, uint64_t touched)
{
    char *more = sbrk(-(uintptr_t)sbrk(0) & (PAGE - 1));
    for (; times > 0 && more != (void *)-1; times--)
        if ((more = sbrk(pages * PAGE)) != (void *)-1)
            stamp((uintptr_t)more, touched, 1);
    return more == (void *)-1 ? failed("brk") : 0;
}

// Between the two stamps a page is zero, as it was when it was faulted in.
static int count_wrong(uint64_t start, uint64_t pages, uint64_t value)
{
    uint64_t wrong = 0;
    for (uint64_t i = 0; i < pages; i++) {
        volatile uint64_t *page = (uint64_t *)(start + i * PAGE);
        uint64_t between = 0;
        for (unsigned at = 1; at < PAGE / 8 - 1; at++)
            between |= page[at];
        wrong += page[0] != (value ? value + i : 0) || page[PAGE / 8 - 1] != (value ? ~(value + i) : 0) || between;
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

// Swaps pages out by one call, into slots that follow each other and begin at the wanted place of a stretch of slots, a power of two:
// pages that nobody needs take what comes before, at least one slot, so that no slot follows another run's.
static int swap_out(uint64_t start, uint64_t pages, uint64_t place, uint64_t stretch)
{
    const uint64_t room = 4 * BLOCK;
    uint64_t used = 0, entry = 0;
    char *spare = mmap(NULL, room * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (spare == MAP_FAILED || open_maps())
        return failed("swapout");
    madvise(spare, room * PAGE, MADV_NOHUGEPAGE);
    for (uint64_t more = 1; more > 0 && used + more <= room; more = (place - (entry >> 5) - 1) % stretch) {
        stamp((uintptr_t)spare + used * PAGE, more, 0); /* zeroes are not written out, but have slots */
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

static long minor_faults(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_minflt;
}

// Faults of writing to pages what they hold: none where the PTE lets us write.
static int count_write_faults(uint64_t start, uint64_t pages)
{
    uint64_t faults = minor_faults();
    for (uint64_t i = 0; i < pages; i++) {
        volatile uint64_t *page = (uint64_t *)(start + i * PAGE);
        *page = *page;
    }
    faults = minor_faults() - faults;
    reply('n', &faults, sizeof faults);
    return 0;
}

// Pages of a VMA that cannot be written to, to which the kernel writes all the same.
static int count_writable(uint64_t start, uint64_t pages)
{
    uint64_t writable = 0;
    int zero = open("/dev/zero", O_RDONLY);
    for (uint64_t i = 0; i < pages; i++)
        writable += read(zero, (void *)(start + i * PAGE + PAGE / 2), 1) == 1;
    close(zero);
    reply('n', &writable, sizeof writable);
    return 0;
}

// VMAs of this process that have nothing of a range. What lies in the kernel's half, as the vsyscall page, is no VMA.
static int send_others(uint64_t start, uint64_t pages)
{
    static char text[1 << 14];
    int file = open("/proc/self/maps", O_RDONLY);
    size_t size = 0;
    for (ssize_t got; size < sizeof text - 1 && (got = read(file, text + size, sizeof text - 1 - size)) > 0;)
        size += got;
    close(file);
    if (size == sizeof text - 1)
        return fail("too many VMAs");
    text[size] = 0;
    int64_t others = 0;
    for (char *line = text; *line; line = strchr(line, '\n') + 1) {
        char *end;
        uint64_t first = strtoull(line, &end, 16), last = strtoull(end + 1, NULL, 16);
        others += !(first >> 63) && (last <= start || first >= start + pages * PAGE);
    }
    reply('n', &others, sizeof others);
    return 0;
}

static long value_of(const char *text, const char *name)
{
    const char *line = strstr(text, name);
    return line ? atol(line + strlen(name)) : -1;
}

// What the mm counts, and what a walk of its page tables finds, in kB: anonymous memory, then swap.
static void rss(int64_t values[4])
{
    static char text[1 << 12];
    static const char *const files[2] = { "/proc/self/status", "/proc/self/smaps_rollup" };
    static const char *const names[2][2] = { { "\nRssAnon:", "\nVmSwap:" }, { "\nAnonymous:", "\nSwap:" } };
    for (int i = 0; i < 2; i++) {
        int file = open(files[i], O_RDONLY);
        ssize_t got = read(file, text, sizeof text - 1);
        close(file);
        text[got > 0 ? got : 0] = 0;
        values[i] = value_of(text, names[i][0]);
        values[2 + i] = value_of(text, names[i][1]);
    }
}

// Twice: what looking itself faults in is there the second time.
static int send_rss(void)
{
    int64_t values[4];
    rss(values);
    rss(values);
    reply('n', values, sizeof values);
    return 0;
}

// ---- A thread that writes meanwhile ----

#define WORD 8 /* of a page: between the stamps */
#define MAX_WRITTEN 128
static struct range written[MAX_WRITTEN];
static int writtens;
static uint64_t last_written[MAX_WRITTEN], lost_writes;
static pthread_t writer;
static volatile int is_writing;

static int last_cpu;

// An LRU batch is of a CPU: whoever fills it and whoever empties it share one, as in a guest that has no other, unless khugepaged is to have
// another.
static int share_cpu(int of_khugepaged)
{
    cpu_set_t one, other;
    CPU_ZERO(&one);
    CPU_ZERO(&other);
    CPU_SET(notes ? sched_getcpu() : 0, &one);
    int end = last_cpu > 0 ? last_cpu : sysconf(_SC_NPROCESSORS_ONLN);
    for (int cpu = 0; cpu < end && of_khugepaged < 0; cpu++)
        CPU_SET(cpu, &other);
    if (of_khugepaged >= 0)
        CPU_SET(notes ? sched_getcpu() : of_khugepaged, &other);
    if (notes && sched_getaffinity(khugepaged_pid, sizeof notes->cpus, &notes->cpus))
        return failed("sched_getaffinity");
    if (notes)
        notes->pinned = khugepaged_pid;
    return sched_setaffinity(0, sizeof one, &one) || sched_setaffinity(khugepaged_pid, sizeof other, &other) ? failed("sched_setaffinity") : 0;
}

// The last CPU is the writer's, and off while there is none: each collapse waits for all CPUs, and one of a busy host may be slow to answer.
// All who can be moved stay away from it.
static void leave_last_cpu(void)
{
    cpu_set_t others;
    CPU_ZERO(&others);
    last_cpu = sysconf(_SC_NPROCESSORS_ONLN) - 1;
    for (int cpu = 0; cpu < last_cpu; cpu++)
        CPU_SET(cpu, &others);
    for (int pid = 1; pid < 500 && last_cpu > 0; pid++)
        sched_setaffinity(pid, sizeof others, &others);
}

// A kernel without hotplug leaves it on.
static void switch_last_cpu(const char *on)
{
    char path[64];
    snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu%d/online", last_cpu);
    if (last_cpu > 0)
        write_file(path, on);
    *error = 0;
}

// What was written last must still be there, and goes where whoever reads finds it.
static void *keep_writing(void *unused)
{
    cpu_set_t last;
    CPU_ZERO(&last);
    CPU_SET(last_cpu, &last);
    sched_setaffinity(0, sizeof last, &last);
    for (uint64_t value = 1; is_writing; value++)
        for (int i = 0, page = 0; i < writtens; i++)
            for (uint64_t at = 0; at < written[i].pages; at++, page++) {
                volatile uint64_t *word = (uint64_t *)(written[i].start + at * PAGE) + WORD;
                lost_writes += *word != last_written[page];
                *word = last_written[page] = value;
            }
    return unused;
}

static int write_along(uint64_t start, uint64_t pages)
{
    uint64_t all = pages;
    for (int i = 0; i < writtens; i++)
        all += written[i].pages;
    if (writtens == MAX_WRITTEN || all > MAX_WRITTEN)
        return fail("along: too many pages");
    written[writtens++] = (struct range){ start, pages };
    return 0;
}

// On a stack of ours: a new VMA would be one more for khugepaged.
static int start_writing(void)
{
    static char stack[1 << 17] __attribute__((aligned(64)));
    pthread_attr_t attributes;
    is_writing = 1;
    switch_last_cpu("1");
    return pthread_attr_init(&attributes) || pthread_attr_setstack(&attributes, stack, sizeof stack)
        || pthread_create(&writer, &attributes, keep_writing, NULL) ? fail("pthread_create") : 0;
}

static int stop_writing(void)
{
    is_writing = 0;
    pthread_join(writer, NULL);
    switch_last_cpu("0");
    for (int i = 0, page = 0; i < writtens; i++)
        for (uint64_t at = 0; at < written[i].pages; at++, page++) {
            volatile uint64_t *word = (uint64_t *)(written[i].start + at * PAGE) + WORD;
            lost_writes += *word != last_written[page];
            *word = 0;
        }
    reply('n', &lost_writes, sizeof lost_writes);
    return 0;
}

// ---- Memory that is short ----

static uint64_t free_bytes(void)
{
    struct sysinfo info;
    sysinfo(&info);
    return (uint64_t)info.freeram * info.mem_unit;
}

// Writes a pattern to memory and gives it back: it is what is allocated next, and a page that is not cleared shows it. By large pages, and
// a word a cache line, as emulation is slow.
static int soil(void)
{
    const uint64_t spare = 96 << 20, step = 1 << 20, size = 192 << 20;
    char *dirt = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (dirt == MAP_FAILED)
        return failed("soil");
    madvise(dirt, size, MADV_HUGEPAGE);
    for (uint64_t at = 0; at < size && free_bytes() > spare; at += step)
        for (uint64_t i = 0; i < step; i += 64)
            *(volatile uint64_t *)(dirt + at + i) = 0xa5a5a5a5a5a5a5a5;
    return munmap(dirt, size) ? failed("munmap") : 0;
}

// Leaves no free block of 2^order pages: takes nearly all memory in small pages, gives back all but one of each such block,
// and takes what blocks there still are in folios of that order, which must be set to always.
static int fragment(int order)
{
    const uint64_t spare = 1536 * PAGE, step = 256 * PAGE, room = 256 * BLOCK * PAGE, size = 8ULL << 30;
    char *small = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    char *large = mmap(NULL, room, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (small == MAP_FAILED || large == MAP_FAILED || open_maps())
        return failed("fragment");
    madvise(small, size, MADV_NOHUGEPAGE);
    uint64_t taken = 0;
    for (; taken < size && free_bytes() > spare; taken += step)
        if (madvise(small + taken, step, 23 /* MADV_POPULATE_WRITE */))
            return failed("MADV_POPULATE_WRITE");
    const uint64_t blocks = 1 << 24;
    static uint64_t *entries;
    uint64_t dropped_from = 0;
    if (!entries)
        entries = room_for(BLOCK * sizeof *entries);
    char *keeps_one = room_for(blocks);
    for (uint64_t at = 0; at < taken; at += BLOCK * PAGE) {
        pread(pagemap, entries, BLOCK * sizeof *entries, ((uintptr_t)small + at) / PAGE * 8);
        for (uint64_t i = 0; i < BLOCK && at + i * PAGE < taken; i++) {
            uint64_t of = frame(entries[i]) >> order;
            if (of >= blocks)
                return fail("fragment: frame %llx", (unsigned long long)frame(entries[i]));
            if (keeps_one[of])
                continue;
            keeps_one[of] = 1;
            if (pin((uintptr_t)small + at + i * PAGE, 1)) // compaction would move it
                return -1;
            if (at + i * PAGE > dropped_from)
                madvise(small + dropped_from, at + i * PAGE - dropped_from, MADV_DONTNEED);
            dropped_from = at + (i + 1) * PAGE;
        }
    }
    if (taken > dropped_from && madvise(small + dropped_from, taken - dropped_from, MADV_DONTNEED))
        return failed("MADV_DONTNEED");
    for (char *at = (char *)(((uintptr_t)large + (PAGE << order) - 1) & -(PAGE << order)); at < large + room - BLOCK * PAGE; at += PAGE << order) {
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
// that ends before the last process, as after failed allocations, is over when the daemon has slept for a while; the next one comes to the
// last process, and from the first to the last again. It sleeps for a moment where an allocation fails. A guest whose host is busy may
// stand still for seconds.
static int ended_early;

static int full_scan(void)
{
    const double patience = 40, asleep = 0.06;
    double start = seconds(), since = 0;
    while (daemon_state() != 'S' && seconds() < start + patience)
        pause_briefly(200);
    long scans = read_number(full_scans), last = runs();
    if (write_file(THP "khugepaged/scan_sleep_millisecs", "100000000"))
        return -1;
    for (int ran = 0; seconds() < start + patience; pause_briefly(150)) {
        int sleeps = daemon_state() == 'S';
        long now = runs();
        int is_whole = read_number(full_scans) > scans + ended_early;
        if (sleeps && is_whole) {
            ended_early = 0;
            return 0;
        }
        if (!sleeps || now != last) {
            ran |= now != last;
            last = now;
            since = seconds();
        } else if (ran && seconds() > since + asleep) {
            ended_early = !is_whole;
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
    static uint64_t *words;
    const size_t room = 16 * BLOCK;
    char path[192];
    unsigned long long first, count;
    int used, file;
    if (sscanf(rest, "%191s%n", path, &used) != 1 || (file = open(path, O_RDONLY)) < 0)
        return failed(path);
    if (!words)
        words = room_for(room * sizeof *words);
    size_t length = 0;
    ssize_t got = 0;
    while (got >= 0 && sscanf(rest += used, "%llu %llu%n", &first, &count, &used) == 2) {
        if (length + count > room) {
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
        belong();
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

extern char __bss_start[], _end[];

// All of our own memory, before any size is enabled: it is neither a large folio of a pass, then, nor pages that a batch kept. khugepaged
// would come to a PMD range of it. And where a process is to stay, which has a copy of each page that we write to from then on.
static int touch_own(void)
{
    const uintptr_t range = BLOCK * PAGE;
    if (((uintptr_t)__bss_start + range - 1) / range < (uintptr_t)_end / range)
        die("own data larger than a PMD range");
    for (volatile char *at = __bss_start; at < _end; at += PAGE)
        *at = *at;
    return 0;
}

// In race.c, which is compiled behind this file.
static int race(const char *rest);

static int step(char *line)
{
    char word[32], path[192], text[192];
    unsigned long long a = 0, b = 0, c = 0, d = 0;
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
    sscanf(rest, "%lli %lli %lli %lli", (long long *)&a, (long long *)&b, (long long *)&c, (long long *)&d);
    if (!strcmp(word, "map"))
        return mmap((void *)a, b * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE | MAP_NORESERVE | c, -1, 0) == (void *)a ? 0 : failed("mmap");
    if (!strcmp(word, "unmap"))
        return munmap((void *)a, b * PAGE) ? failed("munmap") : 0;
    if (!strcmp(word, "move"))
        return mremap((void *)a, b * PAGE, b * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, (void *)c) == (void *)c ? 0 : failed("mremap");
    if (!strcmp(word, "bind"))
        return bind_to((int64_t)a);
    if (!strcmp(word, "tonode"))
        return to_node(a, b, c);
    if (!strcmp(word, "advise"))
        return advise(a, b, c);
    if (!strcmp(word, "write"))
        return stamp(a, b, c), 0;
    if (!strcmp(word, "touch"))
        return c ? touch(a, b, c), 0 : fail("touch: no step");
    if (!strcmp(word, "grow"))
        return grow_heap(a, b, c);
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
        return d ? swap_out(a, b, c, d) : fail("swapout: no stretch");
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
    if (!strcmp(word, "touch-own"))
        return touch_own();
    if (!strcmp(word, "scan"))
        return full_scan();
    if (!strcmp(word, "others"))
        return send_others(a, b);
    if (!strcmp(word, "rss"))
        return send_rss();
    if (!strcmp(word, "writefaults"))
        return count_write_faults(a, b);
    if (!strcmp(word, "writable"))
        return count_writable(a, b);
    if (!strcmp(word, "share-cpu"))
        return share_cpu(*rest ? atoi(rest) : 0);
    if (!strcmp(word, "leave-cpu"))
        return leave_last_cpu(), switch_last_cpu("0"), 0;
    if (!strcmp(word, "along"))
        return write_along(a, b);
    if (!strcmp(word, "start-writing"))
        return start_writing();
    if (!strcmp(word, "stop-writing"))
        return stop_writing();
    if (!strcmp(word, "soil"))
        return soil();
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
    reply_done(error);
}

// ---- Processes ----

static struct { pid_t pid; int requests, done; } processes[MAX_PROCESSES];

// MADV_HWPOISON signals whoever asks for it.
static void survive(int number) { (void)number; }

// A request is its length and its text, which lies just after room for the length: one write, so that the process wakes up once.
static int work_for(int process, char *text, uint32_t length)
{
    char byte;
    if (processes[process].pid == 0) {
        int requests[2], done[2];
        if (pipe2(requests, O_CLOEXEC) || pipe2(done, O_CLOEXEC))
            return -1;
        pid_t pid = fork();
        if (pid == 0) {
            belong();
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
    memcpy(text - sizeof length, &length, sizeof length);
    write_all(processes[process].requests, text - sizeof length, sizeof length + length);
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
    if (ended_early) // else the next wake-up would scan its processes twice: to the end of the list, and from its beginning
        full_scan();
    ended_early = 0;
}

static void serve(void)
{
    const size_t room = 512 * BLOCK;
    uint32_t request[2];
    char *text = room_for(sizeof *request + room) + sizeof *request;
    for (;;) {
        read_all(port, request, sizeof request);
        if (request[0] >= MAX_PROCESSES || request[1] >= room)
            die("request");
        read_all(port, text, request[1]);
        text[request[1]] = 0;
        if (request[0] > 0) {
            if (work_for(request[0], text, request[1])) {
                self = request[0];
                reply_done("process died");
                self = 0;
            }
        } else if (!strncmp(text, "end", 3)) {
            end_processes(atoi(text + 3) < MAX_PROCESSES ? atoi(text + 3) : MAX_PROCESSES - 1);
            reply_done("");
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
    static char page[MOST_PAGE];
    const uint64_t pages = 64 * BLOCK;
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
    // A counter that is read without what CPUs have not told yet is exact only by chance.
    int64_t few[4], more[4];
    rss(few);
    rss(few);
    *(volatile char *)mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) = 1;
    rss(more);
    snprintf(text, room, "exactrss %d\nguards %d\nuffd %d\nuffdwp %d\nuffdpoison %d\nuffdrwp %d\nexceptadvised %d\ntellsksm %d\n",
             few[0] > 0 && few[0] == few[1] && more[0] == few[0] + 4 && more[1] == more[0],
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
        belong();
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

static int has_symbol(const char *name)
{
    static char line[512];
    FILE *symbols = fopen("/proc/kallsyms", "r");
    int found = 0;
    while (symbols && !found && fgets(line, sizeof line, symbols))
        found = strstr(line, name) != NULL;
    if (symbols)
        fclose(symbols);
    return found;
}

static int find_khugepaged(void)
{
    for (int pid = 2; pid < (notes ? 1 << 16 : 500); pid++) {
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

// A process that khugepaged knows, so that its list is never empty: the first on an empty list wakes it up. It is a user of the huge zero
// page, which is so never given back and allocated again, and none of our pages, each of which would be two once we write to it.
static void keep_list_filled(void)
{
    const uint64_t bytes = 2 * BLOCK * PAGE;
    int ready[2];
    char byte = 0;
    if (pipe(ready))
        die("pipe");
    if (fork() == 0) {
        belong();
        char *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        *(volatile char *)memory = 1;
        madvise(memory, bytes, MADV_HUGEPAGE);
        (void)*(volatile char *)(((uintptr_t)memory + BLOCK * PAGE) & -(BLOCK * PAGE));
        munmap(memory, bytes);
        write_all(ready[1], &byte, 1);
        const uintptr_t own = ((uintptr_t)__bss_start + PAGE - 1) & -PAGE;
        madvise((void *)own, ((uintptr_t)_end & -PAGE) - own, MADV_DONTNEED);
        for (;;)
            pause();
    }
    read_all(ready[0], &byte, 1);
    close(ready[0]);
    close(ready[1]);
}

// A file of a size.
static const char *size_file(int order, const char *file)
{
    static char path[128];
    snprintf(path, sizeof path, THP "hugepages-%llukB/%s", (unsigned long long)(PAGE << order >> 10), file);
    return path;
}

static void measure_pages(void)
{
    page_bytes = sysconf(_SC_PAGESIZE);
    int file = open(THP "hpage_pmd_size", O_RDONLY);
    long bytes = read_number(file);
    if (file < 0 || bytes <= 0)
        die(THP "hpage_pmd_size");
    close(file);
    block_pages = bytes / page_bytes;
    block = room_for(BLOCK * sizeof *block);
}

static int pmd_order(void) { return 31 - __builtin_clz((unsigned)BLOCK); }

// Something must always be enabled, or the daemon stops; a daemon that starts scans at once. The page cache does not go up to every
// size that a PMD entry may have.
static void keep_running(void)
{
    int order = pmd_order();
    while (order > 1 && write_file(size_file(order, "shmem_enabled"), "advise"))
        order--;
    if (order == 1 || write_file(THP "enabled", "madvise") || write_file(size_file(pmd_order(), "enabled"), "madvise"))
        die(error);
}

static void boot(void)
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
}

// Where others work: at the end of a socket, with a guardian and a tracing instance. What is started while a size is set to always may be
// known to khugepaged, and so are its children, so it is started once more.
static void begin_here(char **argv)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    snprintf(address.sun_path, sizeof address.sun_path, "%s", argv[2]);
    if ((port = socket(AF_UNIX, SOCK_STREAM, 0)) < 0 || connect(port, (struct sockaddr *)&address, sizeof address))
        die(argv[2]);
    guard();
    signal(SIGPIPE, SIG_IGN);
    mkdir(INSTANCE, 0700);
    glob_t sizes;
    if (!glob(THP "hugepages-*kB/enabled", 0, NULL, &sizes))
        for (size_t i = 0; i < sizes.gl_pathc; i++)
            if (strcmp(sizes.gl_pathv[i], size_file(pmd_order(), "enabled")) && write_file(sizes.gl_pathv[i], "never"))
                die(error);
    keep_running();
    char held[4][16];
    const int numbers[] = { port, lifeline, noted, guardian };
    for (int i = 0; i < 4; i++)
        snprintf(held[i], sizeof held[i], "%d", numbers[i]);
    execl("/proc/self/exe", argv[0], "here", argv[2], held[0], held[1], held[2], held[3], NULL);
    die("exec");
}

static void go_on_here(char **argv)
{
    port = atoi(argv[3]), lifeline = atoi(argv[4]), noted = atoi(argv[5]), guardian = atoi(argv[6]);
    for (int i = 3; i < 6; i++)
        fcntl(atoi(argv[i]), F_SETFD, FD_CLOEXEC);
    open_notes();
    signal(SIGPIPE, SIG_IGN);
}

int main(int argc, char **argv)
{
    int is_here = argc > 2 && !strcmp(argv[1], "here");
    if (!is_here)
        boot();
    measure_pages();
    if (is_here && argc == 3)
        begin_here(argv);
    if (is_here)
        go_on_here(argv);
    touch_own();
    int swaps = is_here ? has_line("/proc/swaps", "/dev/zram") : swap_on();
    keep_running();
    keep_list_filled();
    for (int i = 0; i < 200 && !(khugepaged_pid = find_khugepaged()); i++)
        pause_briefly(10000);
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/stat", khugepaged_pid);
    khugepaged_stat = open(path, O_RDONLY);
    snprintf(path, sizeof path, "/proc/%d/schedstat", khugepaged_pid);
    khugepaged_schedstat = open(path, O_RDONLY);
    full_scans = open(THP "khugepaged/full_scans", O_RDONLY);
    trace_pipe = open(is_here ? INSTANCE "/trace_pipe" : TRACING "/trace_pipe", O_RDONLY | O_NONBLOCK);
    while (!access(nodes == 1 ? "/sys/devices/system/node/node1" : "/sys/devices/system/node/node2", F_OK) && nodes < 3)
        nodes++;
    struct utsname name;
    uname(&name);
    char hello[1024], features[512];
    find_features(features, sizeof features);
    reply('h', hello, snprintf(hello, sizeof hello,
        "%s %s\nmachine %s\npagesize %llu\npmdorder %d\nkhugepaged %d\nswap %d\nmemcg %d\nksm %d\nmthp %d\nhwpoison %d\nkprobes %d\nevents %d\nvmevents %d\nlog %d\nclearonce %d\nhere %d\nnodes %d\nsmp %d\nslotcache %d\n%s",
        name.release, name.version, name.machine, (unsigned long long)PAGE, pmd_order(), khugepaged_pid, swaps, !is_here && has_memcg(), !is_here && !access("/sys/kernel/mm/ksm/run", F_OK),
        !access(size_file(pmd_order(), "stats/collapse_alloc"), F_OK), !is_here && has_line("/proc/meminfo", "HardwareCorrupted:"),
        trace_pipe >= 0 && !access(TRACING "/kprobe_events", F_OK),
        trace_pipe >= 0 && !access(TRACING "/events/huge_memory/mm_khugepaged_scan_pmd/enable", F_OK),
        has_line("/proc/vmstat", "thp_collapse_alloc "), !access("/dev/kmsg", R_OK), !is_here && !access("/sys/kernel/debug/clear_warn_once", W_OK),
        is_here, nodes, strstr(name.version, " SMP") != NULL, has_symbol(" swap_slot_cache"), features));
    send_all();
    serve();
}
