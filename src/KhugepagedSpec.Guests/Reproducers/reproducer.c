//@head
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
//@ prctl
#include <sys/prctl.h>
//@ userfault
#include <linux/userfaultfd.h>
#include <sys/syscall.h>
//@ pin
#include <sys/uio.h>
//@
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE	4096UL
#define PAGES	512
#define THP	"/sys/kernel/mm/transparent_hugepage/"
#define WAKE	THP "khugepaged/scan_sleep_millisecs"
//@ collapse
#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE	25
#endif
//@ guard
#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL	102
#endif
//@ old
#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ	22
#endif
//@

//@tables
static char *const home = (char *)0x100020000000UL;
static char *range;		/* where the table's first page is now */
static char filled[PAGES];	/* holds its number + 1, and not zeroes */
static int pagemap, kpageflags, lifeline;
static pid_t guardian;

/* ---- Settings ---- */

static struct { int count; struct { char path[96], value[32]; } file[64]; } *saved;

static void leave(int code)
{
	fflush(stdout);
	close(lifeline);
	waitpid(guardian, NULL, 0);
	exit(code);
}

__attribute__((noreturn, format(printf, 1, 2))) static void skip(const char *why, ...)
{
	va_list args;

	printf("SKIP: ");
	va_start(args, why);
	vprintf(why, args);
	va_end(args);
	printf("\n");
	leave(4);
	abort();
}

#define must(call) do { if ((call) < 0) skip("%s: %s", #call, strerror(errno)); } while (0)

/* The value of a file, of several words the one in brackets. */
static int get(const char *path, char value[32])
{
	char text[256], *from;
	int file = open(path, O_RDONLY);
	ssize_t length = file < 0 ? -1 : read(file, text, sizeof(text) - 1);

	if (file >= 0)
		close(file);
	if (length < 0)
		return -1;
	text[length] = 0;
	from = strchr(text, '[') ? strchr(text, '[') + 1 : text;
	from[strcspn(from, "]\n")] = 0;
	snprintf(value, 32, "%.31s", from);
	return 0;
}

static long number(const char *path)
{
	char value[32] = "-1";

	get(path, value);
	return atol(value);
}

static int put(const char *path, const char *value)
{
	int file = open(path, O_WRONLY);
	ssize_t length = file < 0 ? -1 : write(file, value, strlen(value));

	if (file >= 0)
		close(file);
	return length < 0 ? -1 : 0;
}

/* Restores all that was set, also where this process is killed: it is one of its own, which waits for the other end of a pipe to close. */
static void guard(void)
{
	int ends[2];
	char byte;

	saved = mmap(NULL, sizeof(*saved), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (saved == MAP_FAILED || pipe(ends) || (guardian = fork()) < 0) {
		perror("SKIP: guard");
		exit(4);
	}
	lifeline = ends[1];
	if (guardian > 0) {
		close(ends[0]);
		return;
	}
	setsid();
	close(ends[1]);
	while (read(ends[0], &byte, 1) != 0)
		;
	while (saved->count > 0) {
		saved->count--;
		if (put(saved->file[saved->count].path, saved->file[saved->count].value))
			printf("could not restore %s\n", saved->file[saved->count].path);
	}
	fflush(stdout);
	_exit(0);
}

static int set(const char *path, const char *value)
{
	char before[32];
	int i = 0;

	if (get(path, before))
		return -1;
	while (i < saved->count && strcmp(saved->file[i].path, path))
		i++;
	if (!strcmp(before, value))
		return 0;
	if (i == saved->count) {
		printf("sets      %s, which is %s, until it ends\n", path, before);
		snprintf(saved->file[i].path, sizeof(saved->file[i].path), "%s", path);
		snprintf(saved->file[i].value, sizeof(saved->file[i].value), "%s", before);
		saved->count++;
	}
	return put(path, value);
}

static void size(int order, const char *value)
{
	char path[96];

	snprintf(path, sizeof(path), THP "hugepages-%dkB/enabled", 4 << order);
	if (set(path, value) && strcmp(value, "never"))
		skip("%s: %s", path, strerror(errno));
}

/* ---- khugepaged ---- */

/* As /proc/PID/stat has it, S while it sleeps; 0 if there is none. */
static char khugepaged_state(void)
{
	static int pid;
	char path[64], text[256] = "", *end;
	struct dirent *entry;
	FILE *file;
	DIR *proc = pid ? NULL : opendir("/proc");

	while (!pid && proc && (entry = readdir(proc))) {
		snprintf(path, sizeof(path), "/proc/%.16s/comm", entry->d_name);
		file = fopen(path, "r");
		if (file && fgets(text, sizeof(text), file) && !strcmp(text, "khugepaged\n"))
			pid = atoi(entry->d_name);
		if (file)
			fclose(file);
	}
	if (proc)
		closedir(proc);
	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	file = fopen(path, "r");
	end = file && fgets(text, sizeof(text), file) ? strrchr(text, ')') : NULL;
	if (file)
		fclose(file);
	return end ? end[2] : 0;
}

static void wait_for_scan(long before)
{
	for (int i = 0; khugepaged_state() != 'S' || number(THP "khugepaged/full_scans") <= before; i++) {
		if (i == 3000)
			skip("khugepaged did not finish a full scan in 30 s");
		usleep(10000);
	}
}

/* One write is one wake-up; with so many pages_to_scan that is one full scan. */
static void scan(void)
{
	wait_for_scan(-1);
	long before = number(THP "khugepaged/full_scans");
	must(put(WAKE, "100000000"));
	wait_for_scan(before);
}

/*
 * khugepaged is to scan when it is told, and not before: so it sleeps for a day, something stays enabled (it stops otherwise, and scans
 * when it starts), and this process is known to it (the first one on its list wakes it). All sizes are off for now but the PMD's, which
 * is for those who advise.
 */
static void prepare(void)
{
	char *other;

	set(THP "hugepages-2048kB/shmem_enabled", "advise");
	size(9, "madvise");
	must(set(THP "enabled", "madvise"));
	for (int order = 2; order < 9; order++)
		size(order, "never");
	must(set(THP "use_zero_page", "0"));
	must(set(THP "khugepaged/defrag", "1"));
	must(set(THP "khugepaged/pages_to_scan", "1000000000"));
	must(set(THP "khugepaged/alloc_sleep_millisecs", "0"));
	must(set(WAKE, "100000000"));

	other = mmap(NULL, 2 * PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (other == MAP_FAILED)
		skip("mmap: %s", strerror(errno));
	*other = 1;
	must(madvise(other, 2 * PAGES * PAGE, MADV_HUGEPAGE));
	munmap(other, 2 * PAGES * PAGE);
	scan();
}

/* ---- Steps: first page, from the table's, and how many ---- */

static void map(int first, int pages)
{
	char *at = range + first * (long)PAGE;

	if (mmap(at, pages * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) != at)
		skip("mmap: %s", strerror(errno));
}

//@ unmap
static void unmap(int first, int pages)
{
	must(munmap(range + first * (long)PAGE, pages * PAGE));
}

//@ advise
static void advise(int first, int pages, int advice)
{
	must(madvise(range + first * (long)PAGE, pages * PAGE, advice));
}

//@ fill
/* Each page holds its number. */
static void fill(int first, int pages)
{
	for (int i = first; i < first + pages; i++) {
		uint64_t *page = (uint64_t *)(range + i * (long)PAGE);

		page[0] = i + 1;
		page[PAGE / 8 - 1] = ~(uint64_t)(i + 1);
		if (i >= 0 && i < PAGES)
			filled[i] = 1;
	}
}

//@ clear
static void clear(int first, int pages)
{
	for (int i = first; i < first + pages; i++)
		*(volatile char *)(range + i * (long)PAGE) = 0;
}

//@ touch
/* Reads them. */
static void touch(int first, int pages)
{
	for (int i = first; i < first + pages; i++)
		(void)*(volatile char *)(range + i * (long)PAGE);
}

//@ swap_out
/* One by one, the last first, so that no two lie in slots that follow each other. */
static void swap_out(int first, int pages)
{
	for (int i = first + pages - 1; i >= first; i--)
		must(madvise(range + i * (long)PAGE, PAGE, MADV_PAGEOUT));
}

//@ move_range
/*
 * With a PMD range of room on both sides to a place where nothing was yet, so many pages off a PMD boundary; place 0 is where it began. A
 * fault gives a large folio only where it is aligned, and a huge page has its PTEs once it is moved by less than its size.
 */
static void move_range(int place, int off)
{
	char *to = home + (place ? (1UL << 30) + place * (16UL << 20) : 0) + off * PAGE, *from = range - PAGES * PAGE;

	if (mremap(from, 3 * PAGES * PAGE, 3 * PAGES * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, to - PAGES * PAGE) == MAP_FAILED)
		skip("mremap: %s", strerror(errno));
	range = to;
}

//@ share
/* What there is so far: with a child, for as long as this process lives. */
static void share(void)
{
	pid_t child = fork();

	must(child);
	if (child > 0)
		return;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	close(lifeline);
	for (;;)
		pause();
}

//@ pin
/* A reference to each page, which a pipe holds. */
static void pin(int first, int pages)
{
	static int ends[2];

	if (!ends[1]) {
		must(pipe(ends));
		must(fcntl(ends[1], F_SETPIPE_SZ, PAGES * PAGE));
	}
	for (int i = first; i < first + pages; i++) {
		struct iovec page = { range + i * (long)PAGE, PAGE };

		must(vmsplice(ends[1], &page, 1, 0));
	}
}

//@ userfault
static int uffd = -1;

static void userfault(int first, int pages, int mode)
{
	struct uffdio_api api = { .api = UFFD_API, .features = mode & UFFDIO_REGISTER_MODE_WP ? 1 << 13 : 0 /* WP_UNPOPULATED */ };
	struct uffdio_register wish = { .range = { (uintptr_t)range + first * (long)PAGE, pages * PAGE }, .mode = mode };

	must(uffd = syscall(SYS_userfaultfd, O_CLOEXEC));
	must(ioctl(uffd, UFFDIO_API, &api));
	must(ioctl(uffd, UFFDIO_REGISTER, &wish));
}

//@ protect
static void protect(int first, int pages)
{
	struct uffdio_writeprotect wish = {
		.range = { (uintptr_t)range + first * (long)PAGE, pages * PAGE }, .mode = UFFDIO_WRITEPROTECT_MODE_WP,
	};

	must(ioctl(uffd, UFFDIO_WRITEPROTECT, &wish));
}

//@ drain
/* What this CPU's LRU batches still hold gets its lists, and the flags that go with them. */
static void drain(void)
{
	static char *page;

	if (!page)
		page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	*page = 1;
	must(madvise(page, PAGE, MADV_COLD));
}

//@
/* ---- What became of it ---- */

struct cell { char letter; int order, page; };	/* a folio of order 2 and more has no letter */

/* PAGEMAP_SCAN, which not every header has: whether a PMD entry maps a page of the range. */
static int is_huge(void)
{
	struct { uint64_t start, end, is; } found;
	struct {
		uint64_t size, flags, start, end, walk_end, vec, vec_len, max_pages, inverted, mask, anyof, returned;
	} wish = {
		.size = sizeof(wish), .start = (uintptr_t)range, .end = (uintptr_t)range + PAGES * PAGE,
		.vec = (uintptr_t)&found, .vec_len = 1, .mask = 1 << 6 /* PAGE_IS_HUGE */, .returned = 1 << 6,
	};
	int regions = ioctl(pagemap, _IOWR('f', 16, wish), &wish);

	must(regions);
	return regions > 0;
}

/* A folio is aligned to its size, so the block around a page holds it all: its order is how many tail pages follow the first. */
static struct cell cell_of(uint64_t entry)
{
	int present = entry >> 63 & 1, swapped = entry >> 62 & 1, guarded = entry >> 58 & 1, write_protected = entry >> 57 & 1;
	uint64_t flags[PAGES], frame = entry & ((1ULL << 55) - 1), start = frame / PAGES * PAGES, own;
	int head = frame - start, end = head + 1, order = 0;

	if (!present && !swapped)
		return (struct cell){ '.', 0, 0 };
	if (!present && guarded)
		return (struct cell){ 'g', 0, 0 };
	if (!present && (entry & 31) < 20)	/* the device's number */
		return (struct cell){ write_protected ? 'S' : 's', 0, 0 };
	if (!present)
		return (struct cell){ write_protected ? 'W' : '?', 0, 0 };
	if (!frame)
		skip("no frame numbers in /proc/self/pagemap: run as root");
	memset(flags, 0, sizeof(flags));
	must(pread(kpageflags, flags, sizeof(flags), start * 8));
	own = flags[head];
	if (own >> 24 & 1)	/* KPF_ZERO_PAGE */
		return (struct cell){ write_protected ? 'q' : 'z', 0, 0 };
	if (own >> 15 & 3) {	/* KPF_COMPOUND_HEAD, KPF_COMPOUND_TAIL */
		while (head > 0 && flags[head] >> 16 & 1)
			head--;
		while (end < PAGES && flags[end] >> 16 & 1)
			end++;
		while (1 << order < end - head)
			order++;
		return (struct cell){ 0, order, frame - start - head };
	}
	if (write_protected)
		return (struct cell){ 'w', 0, 0 };
	if (!(own >> 14 & 1))	/* KPF_SWAPBACKED */
		return (struct cell){ 'l', 0, 0 };
	return (struct cell){ entry >> 56 & 1 ? 'x' : 'h', 0, 0 };
}

/* Pages of one folio in a row. */
static int run_of(const struct cell *cells, int i)
{
	int pages = 1;

	while (cells[i].order && i + pages < PAGES && cells[i + pages].order == cells[i].order &&
	       cells[i + pages].page == cells[i].page + pages)
		pages++;
	return pages;
}

static int is_same(struct cell a, struct cell b)
{
	return a.letter == b.letter && a.order == b.order && a.page == b.page;
}

/* The table, in notation. */
static const char *look(struct cell cells[PAGES])
{
	static char text[16 * PAGES];
	uint64_t entries[PAGES];
	int length = 0, pages, next;

	must(pread(pagemap, entries, sizeof(entries), (uintptr_t)range / PAGE * 8));
	for (int i = 0; i < PAGES; i++)
		cells[i] = cell_of(entries[i]);
	if (is_huge())
		return cells[0].letter == 'z' ? "mz" : "m9";
	for (int i = 0; i < PAGES; i = next) {
		pages = run_of(cells, i);
		next = i + pages;
		while (next < PAGES && is_same(cells[next], cells[i]) && run_of(cells, next) == pages)
			next += pages;
		length += sprintf(text + length, i ? " " : "");
		if (!cells[i].order)
			length += sprintf(text + length, "%c", cells[i].letter);
		else
			length += sprintf(text + length, "f%d", cells[i].order);
		if (cells[i].order && pages < 1 << cells[i].order)
			length += sprintf(text + length, "[%d+%d]", cells[i].page, pages);
		if (next > i + pages)
			length += sprintf(text + length, "*%d", (next - i) / pages);
	}
	return text;
}

/* The first page that does not hold what was written; -1 if all do. What has no page is not read, as that would make one. */
static int first_lost(const struct cell *cells)
{
	for (int i = 0; i < PAGES; i++) {
		volatile uint64_t *page = (uint64_t *)(range + i * (long)PAGE);
		uint64_t first = filled[i] ? i + 1 : 0, last = filled[i] ? ~first : 0;

		if (cells[i].letter && strchr(".gW?", cells[i].letter))
			continue;
		if (page[0] != first || page[PAGE / 8 - 1] != last)
			return i;
	}
	return -1;
}

//@body
int main(void)
{
	static struct cell cells[PAGES];
	struct utsname system;
	const char *seen;
	cpu_set_t cpu;
	int lost;
//@ collapse
	int error = 0;
//@

	setvbuf(stdout, NULL, _IOLBF, 0);
	guard();
	uname(&system);
	printf("Linux %s %s\n", system.release, system.version);
	range = home;
	pagemap = open("/proc/self/pagemap", O_RDONLY);
	kpageflags = open("/proc/kpageflags", O_RDONLY);
	if (kpageflags < 0 || pagemap < 0)
		skip("/proc/kpageflags, /proc/self/pagemap: %s", strerror(errno));
	if (sysconf(_SC_PAGESIZE) != PAGE || number(THP "hpage_pmd_size") != PAGES * PAGE)
		skip("the PMD maps something else than 512 pages of 4 kB, or nothing huge");
	CPU_ZERO(&cpu);
	CPU_SET(sched_getcpu(), &cpu);
	sched_setaffinity(0, sizeof(cpu), &cpu);	/* LRU batches are a CPU's */

	prepare();
	build();
	enable();
	arrange();
	seen = look(cells);
	printf("built     %s\n", seen);
	if (strcmp(seen, wanted))
		skip("that is not %s", wanted);

	for (int pass = 0; pass < passes; pass++)
//@ scan
		scan();
//@ collapse
		error = madvise(range, PAGES * PAGE, MADV_COLLAPSE) ? errno : 0;
//@
	seen = look(cells);
	lost = first_lost(cells);
	printf("became    %s\nexpected  %s\n", seen, expected);
//@ collapse
	printf("MADV_COLLAPSE: %s, expected: %s\n", strerror(error), strerror(expected_error));
//@
	if (lost >= 0)
		printf("PTE %d has lost its contents\n", lost);
//@ scan
	if (lost >= 0 || strcmp(seen, expected)) {
//@ collapse
	if (lost >= 0 || strcmp(seen, expected) || error != expected_error) {
//@
		printf("NOT OK: not what %s does\n", model);
		leave(1);
	}
	printf("OK: what %s does\n", model);
	leave(0);
}
