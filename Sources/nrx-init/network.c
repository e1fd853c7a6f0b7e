// A connection to a port inside: the session's network has only its own loopback.
#include "init.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

void connect_port(struct message *message) {
    const int answer = message->descriptors[0];
    const uint64_t port = message->header.first;
    if (port < 1 || port > 65535) {
        reply_failed(answer, NRX_STAGE_REQUEST, EINVAL);
        return;
    }
    int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int error = client < 0 ? errno : 0;
    // On the loopback a connection is made or refused at once; a full backlog stays in progress, and the receiver of
    // the socket waits for it, not process 1.
    if (error == 0 && connect(client, (struct sockaddr *)&address, sizeof address) != 0 && errno != EINPROGRESS)
        error = errno;
    struct nrx_reply done = {.type = NRX_REPLY_DONE};
    if (error == 0) reply(answer, &done, client);
    else reply_failed(answer, NRX_STAGE_CONNECT, error);
    if (client >= 0) close(client);
}
