// Commands and terminals: start, signal, reap.
#include "init.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/// A running command whose caller waits for its end. `pid` 0 is a free place.
struct child {
    pid_t pid;
    int reply;
};

static struct child children[NRX_CHILDREN_MAX];

static struct child *free_place(void) {
    for (size_t i = 0; i < NRX_CHILDREN_MAX; i++)
        if (children[i].pid == 0) return &children[i];
    return NULL;
}

// Everything below until the prepare functions runs in the child, between fork and exec.

/// What the child becomes; the strings lie in its copy of the static buffer.
static struct {
    char *directory;
    char *arguments[NRX_STRINGS_MAX + 1];
    char *variables[NRX_STRINGS_MAX + 1];
} program;

static bool parse_program(struct message *message, const struct nrx_program *header) {
    if (header->argument_count < 1 || header->argument_count > NRX_STRINGS_MAX) return false;
    if (header->variable_count > NRX_STRINGS_MAX) return false;
    size_t position = 0;
    program.directory = next_string(message, &position);
    if (program.directory == NULL) return false;
    for (uint32_t i = 0; i < header->argument_count; i++)
        if ((program.arguments[i] = next_string(message, &position)) == NULL) return false;
    program.arguments[header->argument_count] = NULL;
    for (uint32_t i = 0; i < header->variable_count; i++)
        if ((program.variables[i] = next_string(message, &position)) == NULL) return false;
    program.variables[header->variable_count] = NULL;
    return position == message->string_bytes;
}

static const char *variable(const char *name) {
    size_t length = strlen(name);
    for (char **entry = program.variables; *entry != NULL; entry++)
        if (strncmp(*entry, name, length) == 0 && (*entry)[length] == '=') return *entry + length + 1;
    return NULL;
}

/// Becomes the program, looked up in PATH as execvp does, or returns the errno that a shell would report.
static int execute(void) {
    const char *name = program.arguments[0];
    if (name[0] == 0) return ENOENT;
    if (strchr(name, '/') != NULL) {
        execve(name, program.arguments, program.variables);
        return errno;
    }
    const char *path = variable("PATH");
    if (path == NULL) path = "/usr/local/bin:/usr/bin:/bin";
    int result = ENOENT;
    while (*path != 0) {
        size_t length = strcspn(path, ":");
        char candidate[4096];
        if (length > 0 && length + strlen(name) + 2 <= sizeof candidate) {
            memcpy(candidate, path, length);
            candidate[length] = '/';
            strcpy(candidate + length + 1, name);
            execve(candidate, program.arguments, program.variables);
            if (errno != ENOENT && errno != ENOTDIR) result = errno;
        }
        path += length;
        if (*path == ':') path++;
    }
    return result;
}

static _Noreturn void give_up(int answer, enum nrx_stage stage, int error) {
    reply_failed(answer, stage, error);
    _exit(127);
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

/// A path in the error stream, as a shell words it: 127 when there is no such program, 126 when it cannot be run.
static _Noreturn void complain_and_exit(int error) {
    char text[512];
    int length = snprintf(text, sizeof text, "%.400s: %s\n", program.arguments[0], strerror(error));
    if (length > 0 && write(2, text, (size_t)length) < 0) _exit(126);
    _exit(error == ENOENT ? 127 : 126);
}

/// The child's life: into its cgroups, wait for its program, become it. `terminal` is -1, or its three streams.
static _Noreturn void live(const struct message *request, int terminal) {
    const int answer = request->descriptors[0], programs = request->descriptors[1];
    // First of all: nothing of the session ever runs outside its cgroups.
    for (size_t i = 2; i < request->descriptor_count; i++) {
        if (write(request->descriptors[i], "0", 1) != 1) give_up(answer, NRX_STAGE_CGROUP, errno);
        close(request->descriptors[i]);
    }
    struct message message = {.descriptor_count = 0};
    struct nrx_program header;
    ssize_t count;
    while ((count = receive(programs, 0, &message)) < 0 && errno == EINTR) {}
    if (count == 0) _exit(0);
    if (count < (ssize_t)sizeof header) give_up(answer, NRX_STAGE_REQUEST, count < 0 ? errno : EINVAL);
    memcpy(&header, received_bytes, sizeof header);
    message.strings = received_bytes + sizeof header;
    message.string_bytes = (size_t)count - sizeof header;
    bool has_streams = message.descriptor_count == (terminal < 0 ? 3 : 0);
    if (!has_streams || !parse_program(&message, &header)) give_up(answer, NRX_STAGE_REQUEST, EINVAL);
    // The descriptors lie above 2, where receive put them, so no dup2 overwrites one that is still to come.
    for (int i = 0; i < 3; i++)
        if (dup2(terminal < 0 ? message.descriptors[i] : terminal, i) < 0) give_up(answer, NRX_STAGE_EXECUTE, errno);
    if (chdir(program.directory) != 0) give_up(answer, NRX_STAGE_DIRECTORY, errno);
    struct rlimit file_size = {header.file_bytes_max, header.file_bytes_max};
    struct rlimit files = {header.descriptors_max, header.descriptors_max};
    if (setrlimit(RLIMIT_FSIZE, &file_size) != 0 || setrlimit(RLIMIT_NOFILE, &files) != 0)
        give_up(answer, NRX_STAGE_LIMITS, errno);
    struct nrx_reply running = {.type = NRX_REPLY_RUNNING};
    reply(answer, &running, -1);
    reset_signals();
    syscall(SYS_close_range, 3, ~0U, 0);
    complain_and_exit(execute());
}

static void started(struct message *message, struct child *place, pid_t pid, int terminal) {
    *place = (struct child){.pid = pid, .reply = message->descriptors[0]};
    message->descriptors[0] = -1;
    struct nrx_reply answer = {.type = NRX_REPLY_STARTED, .value = (uint64_t)pid};
    reply(place->reply, &answer, terminal);
}

void prepare_command(struct message *message) {
    struct child *place = free_place();
    if (message->descriptor_count < 2 || place == NULL) {
        reply_failed(message->descriptors[0], NRX_STAGE_REQUEST, place == NULL ? EAGAIN : EINVAL);
        return;
    }
    pid_t pid = fork();
    if (pid < 0) {
        reply_failed(message->descriptors[0], NRX_STAGE_FORK, errno);
    } else if (pid == 0) {
        setsid();
        live(message, -1);
    } else {
        started(message, place, pid, -1);
    }
}

void prepare_terminal(struct message *message) {
    struct child *place = free_place();
    if (message->descriptor_count < 2 || place == NULL) {
        reply_failed(message->descriptors[0], NRX_STAGE_REQUEST, place == NULL ? EAGAIN : EINVAL);
        return;
    }
    int master = open("/dev/pts/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC);
    int unlock = 0;
    struct winsize size = {
        .ws_row = (unsigned short)message->header.first, .ws_col = (unsigned short)message->header.second};
    int slave = -1;
    if (master >= 0 && ioctl(master, TIOCSPTLCK, &unlock) == 0 && ioctl(master, TIOCSWINSZ, &size) == 0)
        slave = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
    pid_t pid = slave >= 0 ? fork() : -1;
    if (pid == 0) {
        setsid();
        if (ioctl(slave, TIOCSCTTY, 0) != 0) give_up(message->descriptors[0], NRX_STAGE_TERMINAL, errno);
        live(message, slave);
    } else if (pid < 0) {
        reply_failed(message->descriptors[0], NRX_STAGE_TERMINAL, errno);
    } else {
        started(message, place, pid, master);
    }
    if (slave >= 0) close(slave);
    if (master >= 0) close(master);
}

void signal_child(struct message *message) {
    pid_t pid = (pid_t)message->header.first;
    int error = ESRCH;
    // Only a command that is still in the table: its pid cannot be anybody else's yet.
    for (size_t i = 0; i < NRX_CHILDREN_MAX; i++)
        if (pid > 1 && children[i].pid == pid) error = kill(-pid, (int)message->header.second) == 0 ? 0 : errno;
    struct nrx_reply answer = {.type = NRX_REPLY_DONE};
    if (error == 0) reply(message->descriptors[0], &answer, -1);
    else reply_failed(message->descriptors[0], NRX_STAGE_SIGNAL, error);
}

static void ended(pid_t pid, int status, const struct rusage *usage) {
    for (size_t i = 0; i < NRX_CHILDREN_MAX; i++) {
        if (children[i].pid != pid) continue;
        struct nrx_reply answer = {.type = NRX_REPLY_EXITED, .status = status};
        answer.cpu_microseconds = (uint64_t)(usage->ru_utime.tv_sec + usage->ru_stime.tv_sec) * 1000000
            + (uint64_t)(usage->ru_utime.tv_usec + usage->ru_stime.tv_usec);
        reply(children[i].reply, &answer, -1);
        close(children[i].reply);
        children[i].pid = 0;
    }
}

unsigned reap(void) {
    unsigned count = 0;
    int status;
    struct rusage usage;
    pid_t pid;
    while ((pid = wait4(-1, &status, WNOHANG, &usage)) > 0) {
        ended(pid, status, &usage);
        count++;
    }
    return count;
}

void kill_all(struct message *message) {
    unsigned count = 0;
    int status;
    struct rusage usage;
    // Signals to -1 reach everything in the namespace but its process 1; repeated, since a child may have forked.
    while (kill(-1, SIGKILL) == 0) {
        pid_t pid = wait4(-1, &status, 0, &usage);
        if (pid <= 0) break;
        ended(pid, status, &usage);
        count++;
    }
    count += reap();
    struct nrx_reply answer = {.type = NRX_REPLY_DONE, .value = count};
    reply(message->descriptors[0], &answer, -1);
}
