#include "process.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define DESCRIPTORS_MAX 32

// Between vfork and execve the child lives in the parent's memory: only raw system calls, nothing that takes a lock.
// setresuid and setresgid of libc would change every thread of the parent, so they are called raw.
static int become(const struct nrx_spawn *spawn) {
    // Move everything out of the way first: a source may have the number of another's target.
    int moved[DESCRIPTORS_MAX], entrance = -1;
    for (size_t i = 0; i < spawn->descriptor_count; i++) {
        moved[i] = fcntl(spawn->descriptors[i], F_DUPFD_CLOEXEC, DESCRIPTORS_MAX);
        if (moved[i] < 0) return errno;
    }
    if (spawn->cgroup_entrance >= 0) {
        entrance = fcntl(spawn->cgroup_entrance, F_DUPFD_CLOEXEC, DESCRIPTORS_MAX);
        if (entrance < 0) return errno;
    }
    for (size_t i = 0; i < spawn->descriptor_count; i++)
        if (dup2(moved[i], (int)i) < 0) return errno;
    unsigned next = (unsigned)spawn->descriptor_count;
    if (entrance >= 0 && dup2(entrance, (int)next++) < 0) return errno;
    // Early: a copy of a file that the parent has just closed would keep it busy.
    if (syscall(SYS_close_range, next, ~0U, 0) != 0) return errno;
    if (entrance >= 0) {
        if (write((int)next - 1, "0", 1) != 1) return errno;
        close((int)next - 1);
    }
    if (spawn->drop) {
        if (syscall(SYS_setgroups, 0, NULL) != 0) return errno;
        if (syscall(SYS_setresgid, spawn->group, spawn->group, spawn->group) != 0) return errno;
        if (syscall(SYS_setresuid, spawn->user, spawn->user, spawn->user) != 0) return errno;
    }
    if (chdir("/") != 0) return errno;
    return 0;
}

static void reset_signals(void) {
    struct sigaction standard;
    memset(&standard, 0, sizeof standard);
    standard.sa_handler = SIG_DFL;
    for (int number = 1; number < NSIG; number++)
        if (number != SIGKILL && number != SIGSTOP) sigaction(number, &standard, NULL);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

// The child's whole life before the program. Never inlined: it works beneath the frame that the parent resumes in.
__attribute__((noinline)) static _Noreturn void live(const struct nrx_spawn *spawn, volatile int *failure) {
    int error = become(spawn);
    if (error == 0) {
        reset_signals();
        execve(spawn->path, spawn->arguments, spawn->environment);
        error = errno;
    }
    *failure = error;
    _exit(127);
}

// vfork into a cgroup. libc has no such call, and its syscall() would return twice through one stack slot, so the
// instruction stands here itself. -ENOSYS where this is not written for the architecture.
__attribute__((always_inline)) static inline long vfork_into(struct clone_args *arguments) {
    long result = -ENOSYS;
#if defined(__x86_64__)
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(SYS_clone3), "D"(arguments), "S"(sizeof *arguments)
                     : "rcx", "r11", "memory");
#elif defined(__aarch64__)
    register long x8 __asm__("x8") = SYS_clone3;
    register long x0 __asm__("x0") = (long)arguments;
    register long x1 __asm__("x1") = sizeof *arguments;
    __asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1) : "memory");
    result = x0;
#else
    (void)arguments;
#endif
    return result;
}

static long start(const struct nrx_spawn *spawn, volatile int *failure) {
    struct clone_args arguments;
    memset(&arguments, 0, sizeof arguments);
    arguments.flags = CLONE_VM | CLONE_VFORK | CLONE_INTO_CGROUP;
    arguments.exit_signal = SIGCHLD;
    arguments.cgroup = (uint64_t)spawn->cgroup;
    long child = vfork_into(&arguments);
    if (child == 0) live(spawn, failure);
    return child;
}

int nrx_spawn(const struct nrx_spawn *spawn, pid_t *pid, int *pid_descriptor) {
    if (spawn->descriptor_count >= DESCRIPTORS_MAX) return EINVAL;
    volatile int failure = 0;
    sigset_t all, before;
    sigfillset(&all);
    // No handler of the parent may run in the child while they share memory.
    int masked = pthread_sigmask(SIG_SETMASK, &all, &before);
    if (masked != 0) return masked;
    long child = -ENOSYS;
    if (spawn->cgroup >= 0) {
        child = start(spawn, &failure);
    } else {
        child = vfork();
        if (child == 0) live(spawn, &failure);
        if (child < 0) child = -errno;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (child < 0) return (int)-child;
    if (failure != 0) {
        while (waitpid((pid_t)child, NULL, 0) < 0 && errno == EINTR) {}
        return failure;
    }
    int descriptor = nrx_pidfd_open((pid_t)child);
    if (descriptor < 0) {
        int saved = errno;
        kill((pid_t)child, SIGKILL);
        while (waitpid((pid_t)child, NULL, 0) < 0 && errno == EINTR) {}
        return saved;
    }
    *pid = (pid_t)child;
    *pid_descriptor = descriptor;
    return 0;
}

int nrx_pidfd_open(pid_t pid) { return (int)syscall(SYS_pidfd_open, pid, 0); }

int nrx_pidfd_signal(int pid_descriptor, int signal) {
    return syscall(SYS_pidfd_send_signal, pid_descriptor, signal, NULL, 0) == 0 ? 0 : errno;
}

int nrx_pidfd_wait(int pid_descriptor, int milliseconds) {
    struct pollfd entry = {.fd = pid_descriptor, .events = POLLIN};
    for (;;) {
        int ready = poll(&entry, 1, milliseconds);
        if (ready > 0) return 1;
        if (ready == 0) return 0;
        if (errno != EINTR) return -errno;
    }
}

int nrx_pidfd_reap(int pid_descriptor) {
    siginfo_t info;
    for (;;) {
        info.si_pid = 0;
        if (waitid(P_PIDFD, (id_t)pid_descriptor, &info, WEXITED | WNOHANG) == 0) return info.si_pid != 0;
        if (errno == ECHILD) return 0;
        if (errno != EINTR) return -errno;
    }
}

int nrx_become_subreaper(void) { return prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0 ? 0 : errno; }

int nrx_socket_pair(int pair[2]) {
    return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0 ? 0 : errno;
}

int nrx_pass_credentials(int socket) {
    int on = 1;
    return setsockopt(socket, SOL_SOCKET, SO_PASSCRED, &on, sizeof on) == 0 ? 0 : errno;
}

int nrx_send(int socket, const void *bytes, size_t count, const int *descriptors, size_t descriptor_count) {
    if (descriptor_count > DESCRIPTORS_MAX) return EINVAL;
    union {
        char bytes[CMSG_SPACE(sizeof(int) * DESCRIPTORS_MAX)];
        struct cmsghdr align;
    } control;
    struct iovec part = {.iov_base = (void *)bytes, .iov_len = count};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    if (descriptor_count > 0) {
        memset(&control, 0, sizeof control);
        message.msg_control = control.bytes;
        message.msg_controllen = CMSG_SPACE(sizeof(int) * descriptor_count);
        struct cmsghdr *header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(sizeof(int) * descriptor_count);
        memcpy(CMSG_DATA(header), descriptors, sizeof(int) * descriptor_count);
    }
    for (;;) {
        if (sendmsg(socket, &message, MSG_NOSIGNAL) >= 0) return 0;
        if (errno != EINTR) return errno;
    }
}

// Descriptors beyond the caller's room are closed, never kept unknown.
static void take_descriptors(const struct cmsghdr *header, int *descriptors, size_t room, size_t *count) {
    size_t arrived = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (size_t i = 0; i < arrived; i++) {
        int descriptor;
        memcpy(&descriptor, CMSG_DATA(header) + i * sizeof(int), sizeof(int));
        if (descriptors != NULL && *count < room) descriptors[(*count)++] = descriptor;
        else close(descriptor);
    }
}

ssize_t nrx_receive(
    int socket, void *bytes, size_t room, int *descriptors, size_t *descriptor_count, pid_t *sender, int milliseconds) {
    struct pollfd entry = {.fd = socket, .events = POLLIN};
    int ready;
    while ((ready = poll(&entry, 1, milliseconds)) < 0 && errno == EINTR) {}
    if (ready < 0) return -errno;
    if (ready == 0) return -ETIMEDOUT;
    union {
        char bytes[CMSG_SPACE(sizeof(int) * DESCRIPTORS_MAX) + CMSG_SPACE(sizeof(struct ucred))];
        struct cmsghdr align;
    } control;
    struct iovec part = {.iov_base = bytes, .iov_len = room};
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof control.bytes};
    ssize_t count;
    while ((count = recvmsg(socket, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT)) < 0 && errno == EINTR) {}
    int saved = errno;
    size_t descriptor_room = descriptor_count != NULL ? *descriptor_count : 0, taken = 0;
    if (sender != NULL) *sender = 0;
    if (count >= 0) {
        for (struct cmsghdr *header = CMSG_FIRSTHDR(&message); header != NULL; header = CMSG_NXTHDR(&message, header)) {
            if (header->cmsg_level != SOL_SOCKET) continue;
            if (header->cmsg_type == SCM_RIGHTS) take_descriptors(header, descriptors, descriptor_room, &taken);
            if (header->cmsg_type == SCM_CREDENTIALS && sender != NULL) {
                struct ucred credentials;
                memcpy(&credentials, CMSG_DATA(header), sizeof credentials);
                *sender = credentials.pid;
            }
        }
    }
    if (descriptor_count != NULL) *descriptor_count = taken;
    return count >= 0 ? count : -saved;
}

int nrx_pipe(int pair[2]) {
    if (pipe2(pair, O_CLOEXEC) != 0) return errno;
    if (fcntl(pair[0], F_SETFL, O_NONBLOCK) == 0) return 0;
    int saved = errno;
    close(pair[0]);
    close(pair[1]);
    return saved;
}

int nrx_memory_file(const char *name, const void *bytes, size_t count) {
    int descriptor = memfd_create(name, MFD_CLOEXEC);
    if (descriptor < 0) return -1;
    if (pwrite(descriptor, bytes, count, 0) == (ssize_t)count) return descriptor;
    int saved = errno;
    close(descriptor);
    errno = saved;
    return -1;
}

int nrx_open(int directory, const char *path, int flags, uint32_t mode) {
    return openat(directory, path, flags | O_CLOEXEC, (mode_t)mode);
}

int nrx_event_descriptor(void) { return eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK); }

int nrx_terminal_size(int terminal, uint16_t rows, uint16_t columns) {
    struct winsize size = {.ws_row = rows, .ws_col = columns};
    return ioctl(terminal, TIOCSWINSZ, &size) == 0 ? 0 : errno;
}

struct thread_start {
    void (*body)(void *);
    void *context;
};

static void *run_thread(void *argument) {
    struct thread_start start = *(struct thread_start *)argument;
    free(argument);
    start.body(start.context);
    return NULL;
}

int nrx_thread(size_t stack, void (*body)(void *), void *context) {
    struct thread_start *start = malloc(sizeof *start);
    if (start == NULL) return ENOMEM;
    *start = (struct thread_start){body, context};
    pthread_attr_t attributes;
    int failure = pthread_attr_init(&attributes);
    if (failure == 0) {
        pthread_t thread;
        failure = pthread_attr_setstacksize(&attributes, stack);
        if (failure == 0) failure = pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
        if (failure == 0) failure = pthread_create(&thread, &attributes, run_thread, start);
        pthread_attr_destroy(&attributes);
    }
    if (failure != 0) free(start);
    return failure;
}

int nrx_poller(void) { return epoll_create1(EPOLL_CLOEXEC); }

int nrx_poller_add(int poller, int descriptor, int priority, uint64_t token) {
    struct epoll_event interest = {.events = priority ? EPOLLPRI : EPOLLIN, .data = {.u64 = token}};
    return epoll_ctl(poller, EPOLL_CTL_ADD, descriptor, &interest) == 0 ? 0 : errno;
}

void nrx_poller_remove(int poller, int descriptor) { epoll_ctl(poller, EPOLL_CTL_DEL, descriptor, NULL); }

int nrx_poller_wait(int poller, uint64_t *tokens, int room) {
    struct epoll_event events[64];
    int count = epoll_wait(poller, events, room < 64 ? room : 64, -1);
    if (count < 0) return errno == EINTR ? 0 : -errno;
    for (int i = 0; i < count; i++) tokens[i] = events[i].data.u64;
    return count;
}
