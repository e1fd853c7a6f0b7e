// What destruction measures on a tmpfs: mount numbers, allocated extents, inode limit, attributes.
#pragma once
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct nrx_file_status {
    uint64_t device;
    uint64_t inode;
    uint64_t links;
    uint64_t size;
    /// Allocated, in units of 512 bytes.
    uint64_t blocks;
    uint32_t mode;
    /// The small number of mountinfo, which the kernel hands out again.
    uint64_t mount;
    int64_t modified_microseconds;
};

struct nrx_file_system_usage {
    uint64_t block_bytes, blocks, blocks_used, inodes, inodes_used;
    int is_tmpfs;
};

/// statx of `name` beneath `directory`, or of `directory` itself when `name` is empty; never follows a link. 0 or errno.
int nrx_file_status(int directory, const char *name, struct nrx_file_status *status);
/// fstatfs. 0 or errno.
int nrx_file_system_usage(int descriptor, struct nrx_file_system_usage *usage);
/// Sets size and inode limit of the tmpfs that `directory` is the root of, wherever it is mounted. 0 or errno.
int nrx_limit_tmpfs(int directory, uint64_t bytes, uint64_t inodes);
/// The first extent with data at or after `offset`. 1 found, 0 none, or -errno.
int nrx_next_extent(int file, uint64_t offset, uint64_t *start, uint64_t *end);
/// Gives back blocks that were reserved but never written. 0 or errno.
int nrx_punch_hole(int file, uint64_t start, uint64_t length);
/// Removes every extended attribute that may be removed: their number, or -errno.
int nrx_clear_attributes(int file);
