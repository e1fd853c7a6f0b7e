// Feeds nrx-init whatever a fuzzer thinks of: datagrams with descriptors on its control socket, and programs for its
// prepared processes. The whole of nrx-init is compiled in here, with the calls replaced that would start, kill or reach
// anything outside: fork, wait4, kill, execve, connect.
//
// Built by scripts/fuzz-init.sh with libFuzzer, and by the tests with a main of its own (-DREPLAY) that runs files.
//
// An input's first byte is what it is for (even: a request, odd: a program), the second the number of descriptors that go
// with it, the third of which kinds they are; the rest is the datagram.
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char workspace[64];
/// Children that init believes to run.
static pid_t running[64];
static size_t running_count;
static pid_t next_pid = 100;

static pid_t fake_fork(void) {
    if (running_count == sizeof running / sizeof running[0]) {
        errno = EAGAIN;
        return -1;
    }
    next_pid = next_pid % 30000 + 100;
    return running[running_count++] = next_pid;
}

/// Ends the child that was started last: so that they end in another order than they began in.
static pid_t fake_wait4(pid_t pid, int *status, int flags, struct rusage *usage) {
    (void)pid;
    (void)flags;
    if (running_count == 0) {
        errno = ECHILD;
        return -1;
    }
    memset(usage, 0, sizeof *usage);
    *status = 9;
    return running[--running_count];
}

static int fake_kill(pid_t pid, int number) {
    // Process 1 of a session may only ever mean its own children.
    if (pid == 0 || pid == 1) abort();
    if (number < 0 || number > 64) errno = EINVAL;
    else if (pid == -1 && running_count == 0) errno = ESRCH;
    else return 0;
    return -1;
}

static int fake_execve(const char *path, char *const arguments[], char *const variables[]) {
    // Reads every byte that the kernel would read.
    size_t count = strlen(path);
    for (char *const *one = arguments; *one != NULL; one++) count += strlen(*one);
    for (char *const *one = variables; *one != NULL; one++) count += strlen(*one);
    errno = count % 2 ? ENOENT : EACCES;
    return -1;
}

static int fake_connect(int socket, const struct sockaddr *address, socklen_t length) {
    (void)socket;
    (void)address;
    errno = length % 2 ? EINPROGRESS : ECONNREFUSED;
    return -1;
}

#define fork fake_fork
#define wait4 fake_wait4
#define kill fake_kill
#define execve fake_execve
#define connect fake_connect
#define main nrx_init_main
#define WORKSPACE workspace
#include "../../../Sources/nrx-init/main.c"
#include "../../../Sources/nrx-init/children.c"
#include "../../../Sources/nrx-init/network.c"
#include "../../../Sources/nrx-init/paths.c"
#undef main
#undef connect

#define DESCRIPTORS_SENT_MAX 16

static int forget(const char *path, const struct stat *status, int kind, struct FTW *where) {
    (void)status;
    (void)kind;
    return where->level == 0 ? 0 : remove(path);
}

static void empty_workspace(void) { nftw(workspace, forget, 16, FTW_DEPTH | FTW_PHYS); }

static void leave(void) {
    empty_workspace();
    rmdir(workspace);
}

static void enter(void) {
    if (workspace[0] != 0) return;
    strcpy(workspace, "/tmp/nrx-fuzz-XXXXXX");
    if (mkdtemp(workspace) == NULL) abort();
    atexit(leave);
}

/// One descriptor of a kind. `ours` gets the other end that must stay open meanwhile, or -1.
static int make_descriptor(unsigned kind, int *ours) {
    int pair[2] = {-1, -1};
    *ours = -1;
    switch (kind % 4) {
        case 0:
        case 1:
            if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0) abort();
            *ours = pair[1];
            // Kind 1: nobody listens at the other end.
            if (kind % 4 == 1) {
                close(pair[1]);
                *ours = -1;
            }
            return pair[0];
        case 2: return open("/dev/null", O_RDWR | O_CLOEXEC);
        default:
            if (pipe2(pair, O_CLOEXEC) != 0) abort();
            close(pair[0]);
            return pair[1];
    }
}

static void send_datagram(int socket, const uint8_t *bytes, size_t count, const int *descriptors, size_t number) {
    union {
        char bytes[CMSG_SPACE(sizeof(int) * DESCRIPTORS_SENT_MAX)];
        struct cmsghdr align;
    } control;
    struct iovec part = {.iov_base = (void *)bytes, .iov_len = count};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    if (number > 0) {
        memset(&control, 0, sizeof control);
        message.msg_control = control.bytes;
        message.msg_controllen = CMSG_SPACE(sizeof(int) * number);
        struct cmsghdr *header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(sizeof(int) * number);
        memcpy(CMSG_DATA(header), descriptors, sizeof(int) * number);
    }
    if (sendmsg(socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 && errno != EMSGSIZE && errno != EAGAIN) abort();
}

/// A program as `live` receives it, up to where a real process would become it.
static void receive_program(int socket) {
    struct message message = {.descriptor_count = 0};
    struct nrx_program header;
    ssize_t count = receive(socket, MSG_DONTWAIT, &message);
    if (count >= (ssize_t)sizeof header) {
        memcpy(&header, received_bytes, sizeof header);
        message.strings = received_bytes + sizeof header;
        message.string_bytes = (size_t)count - sizeof header;
        if (parse_program(&message, &header)) execute();
    }
    for (size_t i = 0; i < message.descriptor_count; i++) close(message.descriptors[i]);
}

static int open_descriptors(void) {
    int count = 0;
    for (int i = 0; i < 256; i++) count += fcntl(i, F_GETFD) >= 0;
    return count;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    enter();
    if (size < 3) return 0;
    static unsigned runs;
    if (++runs % 512 == 0) empty_workspace();
    int before = open_descriptors(), control[2], sent[DESCRIPTORS_SENT_MAX], kept[DESCRIPTORS_SENT_MAX];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, control) != 0) abort();
    size_t number = data[1] % (DESCRIPTORS_SENT_MAX + 1);
    for (size_t i = 0; i < number; i++) sent[i] = make_descriptor(data[2] >> (i % 4 * 2), &kept[i]);
    send_datagram(control[1], data + 3, size - 3, sent, number);
    for (size_t i = 0; i < number; i++) close(sent[i]);
    bool goes_on = true;
    if (data[0] % 2 == 0) goes_on = serve(control[0], false);
    else receive_program(control[0]);
    // Nothing that is sent ends init; only the server's own end does.
    if (!goes_on) abort();
    reap();
    for (size_t i = 0; i < number; i++)
        if (kept[i] >= 0) close(kept[i]);
    close(control[0]);
    close(control[1]);
    // Everything that came with a request is closed, once its command has ended.
    if (open_descriptors() != before) abort();
    return 0;
}

#ifdef REPLAY
int main(int count, char **paths) {
    static uint8_t bytes[256 * 1024];
    for (int i = 1; i < count; i++) {
        FILE *file = fopen(paths[i], "rb");
        if (file == NULL) return 2;
        size_t size = fread(bytes, 1, sizeof bytes, file);
        fclose(file);
        // A copy of exactly that length, so that reading beyond it is found.
        uint8_t *copy = malloc(size + !size);
        if (copy == NULL) return 2;
        memcpy(copy, bytes, size);
        LLVMFuzzerTestOneInput(copy, size);
        free(copy);
    }
    printf("%d inputs\n", count - 1);
    return 0;
}
#endif
