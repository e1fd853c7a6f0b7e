#include "init.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

_Alignas(8) char received_bytes[NRX_REQUEST_BYTES_MAX];

char *next_string(struct message *message, size_t *position) {
    if (*position >= message->string_bytes) return NULL;
    char *start = (char *)message->strings + *position;
    char *end = memchr(start, 0, message->string_bytes - *position);
    if (end == NULL) return NULL;
    *position += (size_t)(end - start) + 1;
    return start;
}

void reply(int socket, const struct nrx_reply *answer, int descriptor) {
    union {
        char bytes[CMSG_SPACE(sizeof(int))];
        struct cmsghdr align;
    } control;
    struct iovec part = {.iov_base = (void *)answer, .iov_len = sizeof *answer};
    struct msghdr outgoing = {.msg_iov = &part, .msg_iovlen = 1};
    if (descriptor >= 0) {
        memset(&control, 0, sizeof control);
        outgoing.msg_control = control.bytes;
        outgoing.msg_controllen = sizeof control.bytes;
        struct cmsghdr *header = CMSG_FIRSTHDR(&outgoing);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(header), &descriptor, sizeof(int));
    }
    // A reply socket that is full or closed belongs to a caller that no longer listens: process 1 never waits for it.
    while (sendmsg(socket, &outgoing, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 && errno == EINTR) {}
}

void reply_failed(int socket, enum nrx_stage stage, int error) {
    struct nrx_reply answer = {.type = NRX_REPLY_FAILED, .stage = stage, .error = error};
    reply(socket, &answer, -1);
}

static void take_descriptors(struct msghdr *incoming, struct message *message) {
    for (struct cmsghdr *header = CMSG_FIRSTHDR(incoming); header != NULL; header = CMSG_NXTHDR(incoming, header)) {
        if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
        size_t arrived = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < arrived; i++) {
            int descriptor;
            memcpy(&descriptor, CMSG_DATA(header) + i * sizeof(int), sizeof(int));
            if (message->descriptor_count < NRX_DESCRIPTORS_MAX)
                message->descriptors[message->descriptor_count++] = descriptor;
            else
                close(descriptor);
        }
    }
}

static void dispatch(struct message *message) {
    switch (message->header.type) {
        case NRX_REQUEST_PREPARE: prepare_command(message); break;
        case NRX_REQUEST_PREPARE_TERMINAL: prepare_terminal(message); break;
        case NRX_REQUEST_OPEN: open_path(message); break;
        case NRX_REQUEST_REMOVE: remove_path(message); break;
        case NRX_REQUEST_CONNECT: connect_port(message); break;
        case NRX_REQUEST_SIGNAL: signal_child(message); break;
        case NRX_REQUEST_KILL_ALL: kill_all(message); break;
        default: reply_failed(message->descriptors[0], NRX_STAGE_REQUEST, EINVAL);
    }
}

ssize_t receive(int socket, int flags, struct message *message) {
    union {
        char bytes[CMSG_SPACE(sizeof(int) * NRX_DESCRIPTORS_MAX)];
        struct cmsghdr align;
    } ancillary;
    struct iovec part = {.iov_base = received_bytes, .iov_len = sizeof received_bytes};
    struct msghdr incoming = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = ancillary.bytes, .msg_controllen = sizeof ancillary.bytes};
    message->descriptor_count = 0;
    ssize_t count = recvmsg(socket, &incoming, MSG_CMSG_CLOEXEC | flags);
    if (count < 0) return count;
    take_descriptors(&incoming, message);
    if ((incoming.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) == 0) return count;
    errno = EMSGSIZE;
    return -1;
}

/// Serves one request. False when the server has closed its end: an empty datagram looks the same to recvmsg, so only
/// a hang-up tells.
static bool serve(int control, bool is_hung_up) {
    struct message message = {.descriptor_count = 0};
    ssize_t count = receive(control, MSG_DONTWAIT, &message);
    if (count == 0 && message.descriptor_count == 0) return !is_hung_up;
    if (count < 0 && errno != EMSGSIZE) return errno == EINTR || errno == EAGAIN;
    if (message.descriptor_count > 0) {
        if (count >= (ssize_t)sizeof message.header) {
            memcpy(&message.header, received_bytes, sizeof message.header);
            message.strings = received_bytes + sizeof message.header;
            message.string_bytes = (size_t)count - sizeof message.header;
            dispatch(&message);
        } else {
            reply_failed(message.descriptors[0], NRX_STAGE_REQUEST, EMSGSIZE);
        }
    }
    // Whatever a request keeps (the reply socket of a running command) it has taken out of the list.
    for (size_t i = 0; i < message.descriptor_count; i++)
        if (message.descriptors[i] >= 0) close(message.descriptors[i]);
    return true;
}

static int prepare(void) {
    prctl(PR_SET_NAME, "nrx-init", 0, 0, 0);
    if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) return errno;
    if (syscall(SYS_close_range, NRX_CONTROL_DESCRIPTOR + 1, ~0U, 0) != 0) return errno;
    if (fcntl(NRX_CONTROL_DESCRIPTOR, F_SETFD, FD_CLOEXEC) != 0) return errno;
    // The third stream was bubblewrap's channel for complaints; from now on nobody listens there.
    if (dup2(0, 2) < 0) return errno;
    struct rlimit no_core = {0, 0};
    return setrlimit(RLIMIT_CORE, &no_core) == 0 ? 0 : errno;
}

int main(void) {
    int failure = prepare();
    if (failure == 0 && !layout_is_sound()) {
        reply_failed(NRX_CONTROL_DESCRIPTOR, NRX_STAGE_LAYOUT, EXDEV);
        return 1;
    }
    sigset_t all;
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, NULL);
    sigset_t children;
    sigemptyset(&children);
    sigaddset(&children, SIGCHLD);
    int signals = signalfd(-1, &children, SFD_CLOEXEC | SFD_NONBLOCK);
    if (failure != 0 || signals < 0) {
        reply_failed(NRX_CONTROL_DESCRIPTOR, NRX_STAGE_REQUEST, failure != 0 ? failure : errno);
        return 1;
    }
    struct nrx_reply hello = {.type = NRX_REPLY_HELLO, .value = NRX_PROTOCOL_VERSION};
    reply(NRX_CONTROL_DESCRIPTOR, &hello, -1);

    struct pollfd entries[2] = {
        {.fd = NRX_CONTROL_DESCRIPTOR, .events = POLLIN},
        {.fd = signals, .events = POLLIN},
    };
    for (;;) {
        if (poll(entries, 2, -1) < 0) {
            if (errno == EINTR) continue;
            return 1;
        }
        if (entries[1].revents != 0) {
            struct signalfd_siginfo ignored;
            while (read(signals, &ignored, sizeof ignored) > 0) {}
            reap();
        }
        // The end of the server is the end of the session: process 1 leaves and the kernel kills the rest.
        const short events = entries[0].revents;
        if (events != 0 && !serve(NRX_CONTROL_DESCRIPTOR, (events & (POLLHUP | POLLERR)) != 0)) return 0;
    }
}
