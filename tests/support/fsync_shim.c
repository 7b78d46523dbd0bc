/* LD_PRELOAD shim: makes syncing fail, or lie, at a chosen call.
 *
 *   FSYNC_FAIL_AT=n    the nth call, and every one after it, returns EIO without syncing
 *   FSYNC_FAIL_ONCE=1  only the nth call fails
 *   FSYNC_NOOP=1       every call returns 0 without syncing: the disk that lies
 *   FSYNC_ARM=path     calls are real and uncounted until this file exists
 *   FSYNC_LOG=path     one line per counted call: its number and what was answered
 *
 * fsync, fdatasync and sync_file_range count together, each process on its own.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static atomic_long calls;

static void note(const char *path, long call, const char *answer)
{
    char line[64];
    int size = snprintf(line, sizeof line, "%ld %s\n", call, answer);
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (fd < 0)
        return;
    if (write(fd, line, size) != size)
        abort();
    close(fd);
}

/* 1: do the real call; 0: say that it worked; -1: fail with EIO */
static int verdict(void)
{
    const char *arm = getenv("FSYNC_ARM"), *at = getenv("FSYNC_FAIL_AT"), *log = getenv("FSYNC_LOG");
    if (arm && access(arm, F_OK) != 0)
        return 1;
    long call = atomic_fetch_add(&calls, 1) + 1, first = at ? atol(at) : 0;
    int answer = getenv("FSYNC_NOOP") ? 0 : 1;
    if (first > 0 && (getenv("FSYNC_FAIL_ONCE") ? call == first : call >= first))
        answer = -1;
    if (log)
        note(log, call, answer < 0 ? "EIO" : answer ? "real" : "noop");
    if (answer < 0)
        errno = EIO;
    return answer;
}

#define SHIM(name, declared, passed)                                   \
    int name declared                                                  \
    {                                                                  \
        static int (*real) declared;                                   \
        int answer = verdict();                                        \
        if (answer <= 0)                                               \
            return answer;                                             \
        if (!real)                                                     \
            real = (int(*) declared)dlsym(RTLD_NEXT, #name);           \
        return real passed;                                            \
    }

SHIM(fsync, (int fd), (fd))
SHIM(fdatasync, (int fd), (fd))
SHIM(sync_file_range, (int fd, off64_t offset, off64_t count, unsigned int flags), (fd, offset, count, flags))
