// nrx-init: process 1 of a sandbox. It starts commands, opens files and connects to ports because the server asks over
// one socket, and it reaps. It allocates nothing after its start, holds no content, and is not dumpable, so nothing
// inside can read its memory or borrow its descriptors.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/types.h>

#include "../CLinux/include/init_protocol.h"

/// One request as it arrived: header, strings, descriptors. Owned by the main loop's one static buffer.
struct message {
    struct nrx_request header;
    /// NUL-terminated strings, one after the other.
    const char *strings;
    size_t string_bytes;
    int descriptors[NRX_DESCRIPTORS_MAX];
    size_t descriptor_count;
};

/// The next NUL-terminated string of the message, or NULL when there is none left.
char *next_string(struct message *message, size_t *position);

/// Sends a reply, with one descriptor unless it is -1. A caller that went away is not an error of ours.
void reply(int socket, const struct nrx_reply *reply, int descriptor);
void reply_failed(int socket, enum nrx_stage stage, int error);

/// Receives one datagram with its descriptors into the one static buffer; all descriptors close on exec. Its length, 0
/// at the end, or -1 with errno (EMSGSIZE when it did not fit).
ssize_t receive(int socket, int flags, struct message *message);
/// The static buffer.
extern char received_bytes[NRX_REQUEST_BYTES_MAX];

// children.c
void prepare_command(struct message *message);
void prepare_terminal(struct message *message);
void signal_child(struct message *message);
void kill_all(struct message *message);
/// Reaps whatever has ended and answers the requests that waited for it. Returns how many were reaped.
unsigned reap(void);

// paths.c
void open_path(struct message *message);
void remove_path(struct message *message);
/// Whether every writable place is a directory of the one tmpfs.
bool layout_is_sound(void);

// network.c
void connect_port(struct message *message);
