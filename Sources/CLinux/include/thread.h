#pragma once

/// Starts a detached thread with a 1 MiB stack that runs `body(context)`; the kernel keeps 15 bytes of `name`.
/// Returns 0 or the errno.
int nrx_start_thread(const char *name, void (*body)(void *context), void *context);

/// How many cores this thread may run on (sched_getaffinity): fewer than the machine has under taskset or a cpuset. At
/// least 1.
int nrx_usable_cores(void);
