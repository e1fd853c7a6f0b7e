#include "workspace.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/magic.h>
#include <linux/mount.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#ifndef STATX_MNT_ID
#define STATX_MNT_ID 0x1000
#endif

int nrx_file_status(int directory, const char *name, struct nrx_file_status *status) {
    struct statx raw;
    unsigned wanted = STATX_BASIC_STATS | STATX_MNT_ID;
    if (statx(directory, name, AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW, wanted, &raw) != 0) return errno;
    *status = (struct nrx_file_status){
        .device = makedev(raw.stx_dev_major, raw.stx_dev_minor),
        .inode = raw.stx_ino,
        .links = raw.stx_nlink,
        .size = raw.stx_size,
        .blocks = raw.stx_blocks,
        .mode = raw.stx_mode,
        .modified_microseconds = raw.stx_mtime.tv_sec * 1000000 + raw.stx_mtime.tv_nsec / 1000,
        .mount = raw.stx_mask & STATX_MNT_ID ? raw.stx_mnt_id : 0,
    };
    return 0;
}

int nrx_file_system_usage(int descriptor, struct nrx_file_system_usage *usage) {
    struct statfs raw;
    if (fstatfs(descriptor, &raw) != 0) return errno;
    *usage = (struct nrx_file_system_usage){
        .block_bytes = (uint64_t)raw.f_bsize,
        .blocks = raw.f_blocks,
        .blocks_used = raw.f_blocks - raw.f_bfree,
        .inodes = raw.f_files,
        .inodes_used = raw.f_files - raw.f_ffree,
        .is_tmpfs = raw.f_type == TMPFS_MAGIC,
    };
    return 0;
}

int nrx_limit_tmpfs(int directory, uint64_t bytes, uint64_t inodes) {
    char size[24], count[24];
    snprintf(size, sizeof size, "%" PRIu64, bytes);
    snprintf(count, sizeof count, "%" PRIu64, inodes);
    int context = (int)syscall(SYS_fspick, directory, "", FSPICK_CLOEXEC | FSPICK_EMPTY_PATH);
    if (context < 0) return errno;
    int failure = 0;
    if (syscall(SYS_fsconfig, context, FSCONFIG_SET_STRING, "size", size, 0) != 0
        || syscall(SYS_fsconfig, context, FSCONFIG_SET_STRING, "nr_inodes", count, 0) != 0
        || syscall(SYS_fsconfig, context, FSCONFIG_CMD_RECONFIGURE, NULL, NULL, 0) != 0)
        failure = errno;
    close(context);
    return failure;
}

int nrx_next_extent(int file, uint64_t offset, uint64_t *start, uint64_t *end) {
    off_t data = lseek(file, (off_t)offset, SEEK_DATA);
    if (data < 0) return errno == ENXIO ? 0 : -errno;
    off_t hole = lseek(file, data, SEEK_HOLE);
    if (hole < 0) return -errno;
    *start = (uint64_t)data;
    *end = (uint64_t)hole;
    return 1;
}

int nrx_punch_hole(int file, uint64_t start, uint64_t length) {
    return fallocate(file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)start, (off_t)length) == 0 ? 0 : errno;
}

int nrx_clear_attributes(int file) {
    char names[65536];
    ssize_t length = flistxattr(file, names, sizeof names);
    if (length < 0) return errno == ENOTSUP ? 0 : -errno;
    int removed = 0;
    for (ssize_t at = 0; at < length; at += (ssize_t)strlen(names + at) + 1)
        if (fremovexattr(file, names + at) == 0) removed++;
    return removed;
}
