"""A WebSocket echo server in plain Python (RFC 6455), to be run inside a session: PORT."""
import base64
import hashlib
import socket
import struct
import sys


def exactly(sock, count):
    data = b""
    while len(data) < count:
        piece = sock.recv(count - len(data))
        if not piece:
            raise EOFError
        data += piece
    return data


def serve(sock):
    head = b""
    while b"\r\n\r\n" not in head:
        head += exactly(sock, 1)
    fields = dict(
        line.split(": ", 1) for line in head.decode().split("\r\n")[1:] if ": " in line)
    fields = {name.lower(): value for name, value in fields.items()}
    accept = base64.b64encode(hashlib.sha1(
        (fields["sec-websocket-key"] + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest()).decode()
    sock.sendall(("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                  f"Sec-WebSocket-Accept: {accept}\r\n\r\n").encode())
    while True:
        first, second = exactly(sock, 2)
        length = second & 0x7F
        if length == 126:
            length = struct.unpack("!H", exactly(sock, 2))[0]
        elif length == 127:
            length = struct.unpack("!Q", exactly(sock, 8))[0]
        key = exactly(sock, 4)
        data = bytes(byte ^ key[index % 4] for index, byte in enumerate(exactly(sock, length)))
        if first & 0x0F == 8:
            return
        if data == b"close":
            sock.sendall(b"\x88\x02" + struct.pack("!H", 4321))
            continue
        header = bytes([first])
        if len(data) < 126:
            header += bytes([len(data)])
        elif len(data) < 65536:
            header += b"\x7e" + struct.pack("!H", len(data))
        else:
            header += b"\x7f" + struct.pack("!Q", len(data))
        sock.sendall(header + data)


listener = socket.create_server(("127.0.0.1", int(sys.argv[1])))
print("ready", flush=True)
while True:
    connection, _ = listener.accept()
    try:
        serve(connection)
    except (EOFError, OSError, KeyError):
        pass
    connection.close()
