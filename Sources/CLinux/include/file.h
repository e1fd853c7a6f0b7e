#pragma once
#include <stddef.h>
#include <stdint.h>

/// CRC-32C (Castagnoli, RFC 3720 B.4) of `count` bytes; uses the processor's instruction where there is one.
uint32_t nrx_crc32c(const void *bytes, size_t count);

/// Takes an open-file-description write lock on the whole file without waiting.
/// Returns 0, or the errno (EAGAIN or EACCES when another process holds it).
int nrx_lock_exclusive(int descriptor);
/// Gives such a lock up, also where a child between its fork and its exec still has a copy of the descriptor.
/// Returns 0 or the errno.
int nrx_unlock(int descriptor);

/// Renames with RENAME_NOREPLACE. Returns 0 or the errno.
int nrx_rename_new(const char *from, const char *to);
/// Has the kernel begin to write what it holds of the file to the disk, and waits for nothing. Returns 0 or the errno.
int nrx_begin_sync(int descriptor);
/// memmem: where `needle` first stands in `bytes`, or NULL. GNU's, which Swift's Glibc does not show.
const void *nrx_find(const void *bytes, size_t count, const void *needle, size_t needle_count);
