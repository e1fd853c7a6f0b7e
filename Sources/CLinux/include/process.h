// Starting a program with descriptors, another user and a cgroup; messages with descriptors; pid file descriptors.
// Swift cannot do these itself: fork is not safe in its runtime, and syscall, ioctl and sendmsg's macros are not imported.
#pragma once
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct nrx_spawn {
    const char *path;
    char *const *arguments;
    char *const *environment;
    /// User and group to become; no supplementary groups. Only when `drop` is not 0.
    uint32_t user;
    uint32_t group;
    int drop;
    /// Descriptor i of the new program is `descriptors[i]`; it gets no others.
    const int *descriptors;
    size_t descriptor_count;
    /// A cgroup v2 directory in which the process is born, or -1. Moving a process costs milliseconds (the kernel waits
    /// for a grace period), being born somewhere costs nothing.
    int cgroup;
    /// A cgroup's file through which it enters instead, before it becomes the program, or -1.
    int cgroup_entrance;
};

/// Starts a program. 0, or the errno of the step that failed; then there is no process. The caller's thread is stopped
/// until the program runs (vfork), nothing of the caller's memory is copied.
int nrx_spawn(const struct nrx_spawn *spawn, pid_t *pid, int *pid_descriptor);

/// A descriptor of a process, or -1 with errno.
int nrx_pidfd_open(pid_t pid);
/// 0, or errno.
int nrx_pidfd_signal(int pid_descriptor, int signal);
/// Waits until the process has ended, at most `milliseconds` (-1: for ever). 1 ended, 0 not yet, or -errno.
int nrx_pidfd_wait(int pid_descriptor, int milliseconds);
/// Reaps a child that has ended. 1 reaped, 0 not yet or not ours, or -errno.
int nrx_pidfd_reap(int pid_descriptor);
/// Orphans of children become children of this process instead of the machine's init. 0, or errno.
int nrx_become_subreaper(void);

/// A pair of connected SOCK_SEQPACKET sockets, closed on exec. 0, or errno.
int nrx_socket_pair(int pair[2]);
/// The kernel adds the sender's process id, as this process's namespace sees it, to what this socket receives.
int nrx_pass_credentials(int socket);
/// Sends one datagram with descriptors. 0, or errno.
int nrx_send(int socket, const void *bytes, size_t count, const int *descriptors, size_t descriptor_count);
/// Receives one datagram: its length (0 at the end), or -errno. `*descriptor_count` is the room and then the number.
/// `sender`, if not NULL, gets the sender's pid (0 when the kernel did not say).
ssize_t nrx_receive(
    int socket, void *bytes, size_t room, int *descriptors, size_t *descriptor_count, pid_t *sender, int milliseconds);

/// A pipe, both ends closed on exec; the read end does not block. 0, or errno.
int nrx_pipe(int pair[2]);
/// An anonymous file that holds `count` bytes, closed on exec; or -1 with errno.
int nrx_memory_file(const char *name, const void *bytes, size_t count);
/// open, closed on exec; or -1 with errno.
int nrx_open(int directory, const char *path, int flags, uint32_t mode);
/// eventfd, closed on exec and not blocking; or -1 with errno.
int nrx_event_descriptor(void);
/// The window of a terminal. 0, or errno.
int nrx_terminal_size(int terminal, uint16_t rows, uint16_t columns);
/// Starts a detached thread with `stack` bytes of stack. 0, or errno.
int nrx_thread(size_t stack, void (*body)(void *), void *context);

/// epoll, closed on exec; or -1 with errno.
int nrx_poller(void);
/// Watches `descriptor` for data, or for a kernel file's change (`priority`). 0, or errno.
int nrx_poller_add(int poller, int descriptor, int priority, uint64_t token);
void nrx_poller_remove(int poller, int descriptor);
/// Waits for ever; the tokens of what is ready. Their number, 0 when interrupted, or -errno.
int nrx_poller_wait(int poller, uint64_t *tokens, int room);
