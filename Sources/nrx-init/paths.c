// Files for the server: every path is resolved here, inside, beneath the workspace, without links.
#include "init.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef WORKSPACE
#define WORKSPACE "/workspace"
#endif

static int open_beneath(int directory, const char *path, uint64_t flags, uint64_t mode) {
    struct open_how how = {
        .flags = flags | O_CLOEXEC | O_NOFOLLOW,
        .mode = mode,
        .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV,
    };
    return (int)syscall(SYS_openat2, directory, path, &how, sizeof how);
}

/// Opens the directory that holds the last part of `path` and leaves that part in `*name`. `path` is changed.
static int open_parent(char *path, bool make, const char **name) {
    int directory = open(WORKSPACE, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (directory < 0) return -1;
    char *part = path;
    for (;;) {
        char *slash = strchr(part, '/');
        if (slash == NULL) break;
        *slash = 0;
        if (make && mkdirat(directory, part, 0755) != 0 && errno != EEXIST) goto failed;
        int next = open_beneath(directory, part, O_PATH | O_DIRECTORY, 0);
        if (next < 0) goto failed;
        close(directory);
        directory = next;
        part = slash + 1;
    }
    *name = part;
    return directory;
failed:;
    int saved = errno;
    close(directory);
    errno = saved;
    return -1;
}

static uint64_t open_flags(uint64_t wanted) {
    uint64_t flags = O_NONBLOCK | O_NOCTTY;
    if (wanted & NRX_OPEN_DIRECTORY) return flags | O_RDONLY | O_DIRECTORY;
    if ((wanted & NRX_OPEN_READ) && (wanted & NRX_OPEN_WRITE)) flags |= O_RDWR;
    else flags |= wanted & NRX_OPEN_WRITE ? O_WRONLY : O_RDONLY;
    if (wanted & NRX_OPEN_CREATE) flags |= O_CREAT;
    if (wanted & NRX_OPEN_EXCLUSIVE) flags |= O_EXCL;
    // Never O_TRUNC here: what was opened is looked at first.
    return flags;
}

void open_path(struct message *message) {
    const int answer = message->descriptors[0];
    const uint64_t wanted = message->header.first;
    size_t position = 0;
    char *path = next_string(message, &position);
    if (path == NULL || position != message->string_bytes) {
        reply_failed(answer, NRX_STAGE_REQUEST, EINVAL);
        return;
    }
    const char *name;
    int directory = open_parent(path, wanted & NRX_OPEN_PARENTS, &name);
    if (directory < 0) {
        reply_failed(answer, NRX_STAGE_OPEN, errno);
        return;
    }
    uint64_t mode = wanted & NRX_OPEN_CREATE ? message->header.second & 0777 : 0;
    int file = open_beneath(directory, name, open_flags(wanted), mode);
    struct stat status;
    int error = file < 0 || fstat(file, &status) != 0 ? errno : 0;
    // A pipe, a socket or a device would make the server wait or worse: only files and directories go out.
    bool wanted_kind = error == 0 && (wanted & NRX_OPEN_DIRECTORY ? S_ISDIR(status.st_mode) : S_ISREG(status.st_mode));
    if (error == 0 && !wanted_kind) error = S_ISDIR(status.st_mode) ? EISDIR : EINVAL;
    if (error == 0 && (wanted & NRX_OPEN_TRUNCATE) && ftruncate(file, 0) != 0) error = errno;
    if (error == 0) {
        struct nrx_reply done = {.type = NRX_REPLY_DONE};
        reply(answer, &done, file);
    } else {
        reply_failed(answer, NRX_STAGE_OPEN, error);
    }
    if (file >= 0) close(file);
    close(directory);
}

void remove_path(struct message *message) {
    const int answer = message->descriptors[0];
    size_t position = 0;
    char *path = next_string(message, &position);
    if (path == NULL || position != message->string_bytes) {
        reply_failed(answer, NRX_STAGE_REQUEST, EINVAL);
        return;
    }
    const char *name;
    int directory = open_parent(path, false, &name);
    int error = directory < 0 ? errno : 0;
    if (error == 0 && (name[0] == 0 || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)) error = EINVAL;
    if (error == 0 && unlinkat(directory, name, 0) != 0) error = errno;
    if (error == EISDIR) error = unlinkat(directory, name, AT_REMOVEDIR) == 0 ? 0 : errno;
    struct nrx_reply done = {.type = NRX_REPLY_DONE};
    if (error == 0) reply(answer, &done, -1);
    else reply_failed(answer, NRX_STAGE_OPEN, error);
    if (directory >= 0) close(directory);
}

bool layout_is_sound(void) {
    static const char *const places[] = {WORKSPACE, "/tmp", "/var/tmp", "/dev/shm", "/home/user"};
    struct stat base, place;
    if (stat(NRX_TMPFS, &base) != 0) return false;
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++)
        if (stat(places[i], &place) != 0 || place.st_dev != base.st_dev) return false;
    return true;
}
