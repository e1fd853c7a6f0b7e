#pragma once

/// Asks the processor to fetch the cache line of `address` ahead of its use. Never faults, whatever the address is.
static inline void nrx_prefetch(const void *address) { __builtin_prefetch(address); }
