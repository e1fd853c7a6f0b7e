// The language between the server and nrx-init, the process 1 of a sandbox (docs/threat-model.md, "The control
// socket"). One SOCK_SEQPACKET datagram a message, host byte order: both ends are the same machine and the same build.
//
// A request carries descriptors (SCM_RIGHTS); the first is always the reply socket of that request alone, so answers
// never mix and a slow reader blocks nobody else. Whoever closes the reply socket has forgotten the request.
#pragma once
#include <stdint.h>

#define NRX_PROTOCOL_VERSION 2

/// Whole request or program: header and strings.
#define NRX_REQUEST_BYTES_MAX (160 * 1024)
/// Arguments, and variables, of one exec.
#define NRX_STRINGS_MAX 1024
/// Descriptors with one request.
#define NRX_DESCRIPTORS_MAX 12
/// Commands and terminals that run at one time.
#define NRX_CHILDREN_MAX 32

/// The control socket's number inside, and the name of every place of the session's one tmpfs.
#define NRX_CONTROL_DESCRIPTOR 3
#define NRX_TMPFS "/run/session"

enum nrx_request_type {
    /// Makes a process that enters its cgroups and then waits for its program, so that a command can start at once:
    /// entering a cgroup can cost milliseconds. Descriptors: reply, program socket, files of cgroups to enter.
    /// Replies: STARTED, or FAILED; at the end EXITED. The process leaves when the program socket is closed.
    NRX_REQUEST_PREPARE = 1,
    /// As PREPARE, with a new terminal as its streams. `first` is rows, `second` columns. STARTED brings the
    /// terminal's master.
    NRX_REQUEST_PREPARE_TERMINAL = 2,
    /// Opens a path beneath the workspace: one string. `first` is a set of NRX_OPEN_*, `second` the mode.
    /// Reply: DONE with the descriptor, or FAILED.
    NRX_REQUEST_OPEN = 3,
    /// Unlinks a path beneath the workspace (a file or an empty directory): one string. Reply: DONE or FAILED.
    NRX_REQUEST_REMOVE = 4,
    /// Connects to 127.0.0.1, port `first`. Reply: DONE with the socket, or FAILED.
    NRX_REQUEST_CONNECT = 5,
    /// Sends signal `second` to the process group of the child with pid `first`. Reply: DONE or FAILED.
    NRX_REQUEST_SIGNAL = 6,
    /// Kills every process but itself and reaps. Reply: DONE, with the number reaped in `value`.
    NRX_REQUEST_KILL_ALL = 7,
};

enum nrx_open_flag {
    NRX_OPEN_READ = 1,
    NRX_OPEN_WRITE = 2,
    NRX_OPEN_CREATE = 4,
    NRX_OPEN_TRUNCATE = 8,
    NRX_OPEN_DIRECTORY = 16,
    /// Missing parent directories are made.
    NRX_OPEN_PARENTS = 32,
    NRX_OPEN_EXCLUSIVE = 64,
};

struct nrx_request {
    uint32_t type;
    uint32_t unused;
    uint64_t first;
    uint64_t second;
    // NUL-terminated strings follow.
};

/// What a prepared process becomes: sent to its own program socket, so that init never sees it. Descriptors: stdin,
/// stdout, stderr (none for a terminal). Strings: working directory, arguments, variables NAME=VALUE.
struct nrx_program {
    uint32_t argument_count;
    uint32_t variable_count;
    /// RLIMIT_FSIZE and RLIMIT_NOFILE.
    uint64_t file_bytes_max;
    uint64_t descriptors_max;
};

enum nrx_reply_type {
    /// The first message on the control socket: ready. `value` is the protocol version.
    NRX_REPLY_HELLO = 1,
    NRX_REPLY_STARTED = 2,
    /// The prepared process has its program and is about to become it.
    NRX_REPLY_RUNNING = 6,
    NRX_REPLY_EXITED = 3,
    NRX_REPLY_DONE = 4,
    NRX_REPLY_FAILED = 5,
};

/// What init was doing when a request failed.
enum nrx_stage {
    NRX_STAGE_REQUEST = 1,
    NRX_STAGE_FORK = 2,
    NRX_STAGE_CGROUP = 3,
    NRX_STAGE_LIMITS = 4,
    NRX_STAGE_DIRECTORY = 5,
    NRX_STAGE_EXECUTE = 6,
    NRX_STAGE_OPEN = 7,
    NRX_STAGE_CONNECT = 8,
    NRX_STAGE_TERMINAL = 9,
    NRX_STAGE_SIGNAL = 10,
    NRX_STAGE_LAYOUT = 11,
};

struct nrx_reply {
    uint32_t type;
    uint32_t stage;
    /// errno of FAILED.
    int32_t error;
    /// Wait status of EXITED.
    int32_t status;
    /// Pid inside (STARTED), processes reaped (KILL_ALL), protocol version (HELLO).
    uint64_t value;
    /// User and system time of the command and the children it waited for (EXITED).
    uint64_t cpu_microseconds;
};
