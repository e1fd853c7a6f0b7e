#!/usr/bin/env python3
"""Checks a log without any code of the server that wrote it: Python's standard library and the lz4 tool are enough.

    cat data/log/*.jsonl.lz4 | lz4 -dc | python3 verify_log.py data/log/checkpoint [VERIFIER_KEY]

Recomputes each event's commitment from its line, the Merkle root (RFC 6962) over all of them, and the Ed25519
signature (RFC 8032) of the checkpoint, by the key that may sign at its size: the log's first one, or one that took its
place by an event of the log. docs/log-format.md describes the forms. VERIFIER_KEY may be any of them; without it the one
in the log's first event is believed: the log then vouches for itself only.

Exit code: 0 all holds, 1 something does not, 2 usage.
"""

import base64
import hashlib
import json
import sys

# --- Ed25519 verification, RFC 8032, section 5.1 ---------------------------------------------------------------------

P = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
SQRT_OF_MINUS_ONE = pow(2, (P - 1) // 4, P)


def add(a, b):
    """Sum of two points in extended homogeneous coordinates (X, Y, Z, T)."""
    e = (a[1] - a[0]) * (b[1] - b[0]) % P
    f = (a[1] + a[0]) * (b[1] + b[0]) % P
    g = 2 * a[3] * b[3] * D % P
    h = 2 * a[2] * b[2] % P
    i, j, k, m = f - e, h - g, h + g, f + e
    return (i * j % P, k * m % P, j * k % P, i * m % P)


def multiply(scalar, point):
    result = (0, 1, 1, 0)
    while scalar:
        if scalar & 1:
            result = add(result, point)
        point = add(point, point)
        scalar >>= 1
    return result


def are_equal(a, b):
    return (a[0] * b[2] - b[0] * a[2]) % P == 0 and (a[1] * b[2] - b[1] * a[2]) % P == 0


def recover_x(y, sign):
    if y >= P:
        return None
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    if square == 0:
        return None if sign else 0
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * SQRT_OF_MINUS_ONE % P
    if (x * x - square) % P:
        return None
    return x if x & 1 == sign else P - x


def decompress(data):
    y = int.from_bytes(data, "little")
    sign, y = y >> 255, y & (2**255 - 1)
    x = recover_x(y, sign)
    return None if x is None else (x, y, 1, x * y % P)


BASE_Y = 4 * pow(5, P - 2, P) % P
BASE_X = recover_x(BASE_Y, 0)
BASE = (BASE_X, BASE_Y, 1, BASE_X * BASE_Y % P)


def is_signed(public_key, message, signature):
    if len(public_key) != 32 or len(signature) != 64:
        return False
    a, r = decompress(public_key), decompress(signature[:32])
    s = int.from_bytes(signature[32:], "little")
    if a is None or r is None or s >= ORDER:
        return False
    digest = hashlib.sha512(signature[:32] + public_key + message).digest()
    return are_equal(multiply(s, BASE), add(r, multiply(int.from_bytes(digest, "little") % ORDER, a)))


# --- The Merkle tree of RFC 6962, grown one leaf at a time -----------------------------------------------------------


class Tree:
    def __init__(self):
        self.size = 0
        self.roots = []  # of the full subtrees, largest first

    def append(self, commitment):
        node = hashlib.sha256(b"\x00" + commitment).digest()
        self.size += 1
        size = self.size
        while size % 2 == 0:
            node = hashlib.sha256(b"\x01" + self.roots.pop() + node).digest()
            size //= 2
        self.roots.append(node)

    def root(self):
        if not self.roots:
            return hashlib.sha256(b"").digest()
        node = self.roots[-1]
        for left in reversed(self.roots[:-1]):
            node = hashlib.sha256(b"\x01" + left + node).digest()
        return node


# --- The forms of C2SP signed-note and tlog-checkpoint ---------------------------------------------------------------


class Wrong(Exception):
    pass


def decode(text):
    """Strict base64: of the texts that decode to the same bytes, only the canonical one is accepted."""
    data = base64.b64decode(text, validate=True)
    if base64.b64encode(data).decode() != text:
        raise Wrong(f"this is not canonical base64: {text}")
    return data


def read_verifier_key(text):
    name, key_id, encoded = text.split("+", 2)
    key = decode(encoded)
    expected = hashlib.sha256(name.encode() + b"\n" + key).digest()[:4]
    if key[0] != 1 or len(key) != 33 or bytes.fromhex(key_id) != expected:
        raise Wrong(f"this is no Ed25519 verifier key: {text}")
    return name, expected, key[1:]


def read_checkpoint(path):
    with open(path, "rb") as file:
        text = file.read()
    body, separator, signatures = text.partition(b"\n\n")
    body += b"\n"
    origin, size, root = body.decode().split("\n")[:3]
    if not separator or not signatures.endswith(b"\n"):
        raise Wrong("the checkpoint is cut off")
    lines = [line.split(" ") for line in signatures.decode()[:-1].split("\n")]
    return {"origin": origin, "size": int(size), "root": decode(root), "body": body, "signatures": lines}


def check_signature(checkpoint, key):
    name, key_id, public_key = read_verifier_key(key)
    if checkpoint["origin"] != name:
        raise Wrong(f"the checkpoint is of {checkpoint['origin']}, not of {name}")
    for dash, signer, encoded in checkpoint["signatures"]:
        blob = decode(encoded)
        if dash == "\u2014" and signer == name and blob[:4] == key_id:
            if is_signed(public_key, checkpoint["body"], blob[4:]):
                return
            raise Wrong("the checkpoint's signature is not by the log's key")
    raise Wrong("the checkpoint has no signature of the key that may sign at its size")


# --- The log's keys ----------------------------------------------------------------------------------------------------


def require_signed(key, lines, signature, what):
    message = "".join(line + "\n" for line in lines).encode()
    if not is_signed(read_verifier_key(key)[2], message, decode(signature)):
        raise Wrong(f"{what} is not signed by {key}")


class Keys:
    """Which key may sign trees of which size, by the log's own events; each is endorsed by the one before it, or by the
    recovery key that the one before it named."""

    def __init__(self, first):
        data = first["data"]
        self.periods = [{"key": data["verifier_key"], "last_size": None, "recovery_key": None}]
        self.name_recovery_key(data)

    def name_recovery_key(self, data):
        if "recovery_key" not in data:
            return
        period = self.periods[-1]
        name = read_verifier_key(period["key"])[0]
        lines = ["nrx-ledger/log-recovery-key/v1", name, period["key"], data["recovery_key"]]
        require_signed(period["key"], lines, data["recovery_signature"], "the recovery key")
        period["recovery_key"] = data["recovery_key"]

    def take(self, event):
        if event["type"] not in ("log.key_rotated", "log.key_recovered"):
            return
        data, period = event["data"], self.periods[-1]
        old, new, size = data["old_verifier_key"], data["new_verifier_key"], data["last_size"]
        if old != period["key"] or size != event["seq"] or read_verifier_key(new)[0] != read_verifier_key(old)[0]:
            raise Wrong(f"event {event['seq']} does not go on from the log's key")
        kind = "rotation" if event["type"] == "log.key_rotated" else "recovery"
        lines = [f"nrx-ledger/log-key-{kind}/v1", read_verifier_key(old)[0], old, new, str(size)]
        if kind == "rotation":
            require_signed(old, lines, data["old_signature"], f"event {event['seq']}")
        else:
            endorser = data["endorser_key"]
            if endorser != period["recovery_key"]:
                raise Wrong(f"event {event['seq']} is endorsed by another key than the one that was named")
            lines.append(endorser)
            require_signed(endorser, lines, data["endorser_signature"], f"event {event['seq']}")
        require_signed(new, lines, data["new_signature"], f"event {event['seq']}")
        period["last_size"] = size
        self.periods.append({"key": new, "last_size": None, "recovery_key": None})
        self.name_recovery_key(data)

    def at(self, size):
        for period in self.periods:
            if period["last_size"] is None or size <= period["last_size"]:
                return period["key"]


def read_line(line, sequence):
    if not line.endswith(b"\n"):
        raise Wrong(f"event {sequence} is cut off")
    event = json.loads(line)
    canonical = json.dumps(event, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode() + b"\n"
    if canonical != line:
        raise Wrong(f"event {sequence} is not in canonical form")
    if event["seq"] != sequence:
        raise Wrong(f"event {event['seq']} stands where event {sequence} must")
    return event


def main(arguments):
    if len(arguments) not in (1, 2):
        print(__doc__, file=sys.stderr)
        return 2
    tree, keys = Tree(), None
    given = arguments[1] if len(arguments) == 2 else None
    try:
        checkpoint = read_checkpoint(arguments[0])
        for line in sys.stdin.buffer:
            event = read_line(line, tree.size)
            if keys is None:
                keys = Keys(event)
            else:
                keys.take(event)
            tree.append(hashlib.sha256(line[:-1]).digest())
            if tree.size == checkpoint["size"] and tree.root() != checkpoint["root"]:
                raise Wrong(f"the root over {tree.size} events is not the signed one")
        if keys is None or tree.size < checkpoint["size"]:
            raise Wrong(f"{tree.size} events are there, but more were signed")
        if given and given not in [period["key"] for period in keys.periods]:
            raise Wrong(f"the log never had the key {given}")
        check_signature(checkpoint, keys.at(checkpoint["size"]))
    except (Wrong, ValueError, KeyError, OSError) as error:
        print(f"FAILED: {error}")
        return 1
    trust = "the given key" if given else "the log's own word for its key (self-asserted)"
    print(
        f"{tree.size} events, root {tree.root().hex()}; the first {checkpoint['size']} are signed, by {trust},"
        f" under {len(keys.periods)} keys."
    )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
