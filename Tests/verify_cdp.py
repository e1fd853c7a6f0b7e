#!/usr/bin/env python3
"""Verifies a Cryptographic Destruction Proof (CDP 1.0) from its bytes alone, after docs/cdp.md.

Shares nothing with the product: Python 3.9 or later and its standard library, Ed25519 included (slow, a few
milliseconds, and good enough to check a proof by).

    python3 Tests/verify_cdp.py PROOF.json…
    python3 Tests/verify_cdp.py --vectors fixtures/vectors

Exit codes: 0 every proof holds, 1 one fails, 2 something cannot be read.
"""
import base64
import hashlib
import json
import re
import sys
from datetime import datetime

STEPS = [
    ("eee_namespace", "environment_isolation"),
    ("eee_tmpfs", "filesystem_destruction"),
    ("eee_memory", "multipass_overwrite"),
    ("dire_keys", "key_zeroization"),
    ("dire_identity", "credential_incineration"),
    ("fgx_forensic", "merkle_zero_verification"),
    ("rzl_audit", "chain_integrity_seal"),
    ("session_destroy", "lifecycle_completion"),
]
SPKI_PREFIX = bytes.fromhex("302a300506032b6570032100")


class Refused(Exception):
    """What is wrong with a proof."""


def need(holds, message):
    if not holds:
        raise Refused(message)


# --- strict JSON and its canonical form (RFC 8785, integers only) ------------------------------------------------


def read_json(data):
    def members(pairs):
        need(len({name for name, _ in pairs}) == len(pairs), "a member name stands twice")
        return dict(pairs)

    def integer(text):
        value = int(text)
        need(text != "-0" and abs(value) <= 2**53 - 1, f"the number {text} is out of range")
        return value

    def no_float(text):
        raise Refused(f"{text} is not an integer")

    need(not data.startswith(b"\xef\xbb\xbf"), "byte order mark")
    try:
        value = json.loads(
            data.decode("utf-8"), object_pairs_hook=members, parse_int=integer, parse_float=no_float,
            parse_constant=no_float)
        canonical(value)  # a lone surrogate has no UTF-8
    except (ValueError, RecursionError) as error:
        raise Refused(f"not strict JSON: {error}") from error
    need(depth(value) <= 16, "nested too deeply")
    return value


def depth(value):
    if isinstance(value, dict):
        return 1 + max(map(depth, value.values()), default=0)
    if isinstance(value, list):
        return 1 + max(map(depth, value), default=0)
    return 0


def canonical(value):
    if isinstance(value, dict):
        names = sorted(value, key=lambda name: name.encode("utf-16-be"))
        return b"{" + b",".join(canonical(name) + b":" + canonical(value[name]) for name in names) + b"}"
    if isinstance(value, list):
        return b"[" + b",".join(map(canonical, value)) + b"]"
    return json.dumps(value, ensure_ascii=False).encode("utf-8")


def sha256(data):
    return hashlib.sha256(data).hexdigest()


# --- Ed25519 (RFC 8032), strict --------------------------------------------------------------------------------

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
IDENTITY = (0, 1, 1, 0)


def add(a, b):
    (x1, y1, z1, t1), (x2, y2, z2, t2) = a, b
    e, f = (y1 - x1) * (y2 - x2) % P, (y1 + x1) * (y2 + x2) % P
    g, h = 2 * t1 * t2 * D % P, 2 * z1 * z2 % P
    e, f, g, h = f - e, h - g, h + g, f + e
    return e * f % P, g * h % P, f * g % P, e * h % P


def multiply(scalar, point):
    result = IDENTITY
    while scalar:
        if scalar & 1:
            result = add(result, point)
        point, scalar = add(point, point), scalar >> 1
    return result


def same(a, b):
    return (a[0] * b[2] - b[0] * a[2]) % P == 0 and (a[1] * b[2] - b[1] * a[2]) % P == 0


def decode_point(encoding):
    """The point of the prime-order group that 32 bytes encode canonically."""
    number = int.from_bytes(encoding, "little")
    sign, y = number >> 255, number & (1 << 255) - 1
    need(y < P, "a point is not encoded canonically")
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * pow(2, (P - 1) // 4, P) % P
    need((x * x - square) % P == 0 and not (x == 0 and sign), "a point is not on the curve")
    if x & 1 != sign:
        x = P - x
    point = (x, y, 1, x * y % P)
    need(not same(point, IDENTITY) and same(multiply(L, point), IDENTITY), "a point is not of the prime-order group")
    return point


BASE_Y = 4 * pow(5, P - 2, P) % P


def check_signature(key, message, signature):
    base = decode_point(BASE_Y.to_bytes(32, "little"))
    public, commitment = decode_point(key), decode_point(signature[:32])
    scalar = int.from_bytes(signature[32:], "little")
    need(scalar < L, "S of the signature is not canonical")
    challenge = int.from_bytes(hashlib.sha512(signature[:32] + key + message).digest(), "little") % L
    need(
        same(multiply(scalar, base), add(commitment, multiply(challenge, public))),
        "the signature of the final hash does not hold")


# --- the format --------------------------------------------------------------------------------------------------


def members(value, names, place):
    need(isinstance(value, dict) and set(value) == set(names.split()), f"{place} has not exactly the members {names}")
    return value


def count(value, place):
    need(type(value) is int and value >= 0, f"{place} is not a number not below zero")
    return value


def match(pattern, value, place):
    need(isinstance(value, str) and re.fullmatch(pattern, value, re.ASCII), f"{place} has not the form {pattern}")
    return value


def time(value, place):
    match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", value, place)
    try:
        datetime.strptime(value, "%Y-%m-%dT%H:%M:%SZ")
    except ValueError as error:
        raise Refused(f"{place}: there is no such time") from error
    need(value[17:19] < "60", f"{place}: there is no such second")
    return value


def binary(text, length, place):
    match(r"base64:[A-Za-z0-9+/]*={0,2}", text, place)
    try:
        data = base64.b64decode(text[7:], validate=True)
    except ValueError as error:
        raise Refused(f"{place} is not base64") from error
    need(base64.b64encode(data).decode() == text[7:] and len(data) == length, f"{place} is not canonical base64")
    return data


def zero_root(blocks):
    node, root = hashlib.sha256(b"\0" + bytes(4096)).digest(), None
    while blocks:
        if blocks & 1:
            root = node if root is None else hashlib.sha256(b"\1" + node + root).digest()
        node, blocks = hashlib.sha256(b"\1" + node + node).digest(), blocks >> 1
    return (root or hashlib.sha256(b"").digest()).hex()


def check_documents(documents):
    """What the evidence says: exact members, a clean destruction, numbers that agree. Returns step 8."""
    isolation = members(documents[0], "layers_missing namespaces processes_after processes_before", "step 1")
    for name, inode in members(isolation["namespaces"], "cgroup ipc mnt net pid user uts", "namespaces").items():
        count(inode, name)
    count(isolation["processes_before"], "processes_before")
    need(isolation["processes_after"] == 0 and type(isolation["processes_after"]) is int, "processes were left")
    need(isolation["layers_missing"] == [], f"isolation layers were missing: {isolation['layers_missing']}")

    files = members(
        documents[1], "source mount_id size_bytes files bytes open_descriptors_after present_after", "step 2")
    for name in ("mount_id", "size_bytes", "files", "bytes", "open_descriptors_after"):
        count(files[name], name)
    need(files["source"] == "tmpfs" and files["open_descriptors_after"] == 0, "the workspace was still in use")
    need(files["present_after"] is False, "the workspace was still mounted")

    wipe = members(
        documents[2], "passes bytes bytes_overwritten bytes_compared mismatches init_on_free swap_active", "step 3")
    for name in ("bytes", "bytes_overwritten", "bytes_compared", "mismatches"):
        count(wipe[name], name)
    need(type(wipe["init_on_free"]) is bool and type(wipe["swap_active"]) is bool, "step 3 is malformed")
    need(wipe["passes"] == ["00", "ff", "random", "00"] and wipe["mismatches"] == 0, "the overwrite was not clean")
    need(files["bytes"] == wipe["bytes"] == wipe["bytes_compared"], "steps 2 and 3 disagree on the bytes")
    need(wipe["bytes_overwritten"] == 4 * wipe["bytes"], "bytes_overwritten is not the passes times the bytes")

    key = members(documents[3], "guarded_memory locked zeroed read_back_zero sealed", "step 4")
    for name in ("guarded_memory", "locked", "zeroed", "read_back_zero"):
        need(key[name] is True, f"{name} is not true")
    for name, number in members(key["sealed"], "exec_answers spooled_inputs terminal_tickets", "sealed").items():
        count(number, name)
    revoked = members(documents[4], "revoked", "step 5")["revoked"]
    for name, number in members(revoked, "environment_secrets terminal_tickets", "revoked").items():
        count(number, name)

    tree = members(documents[5], "block_bytes blocks merkle_root expected_root", "step 6")
    need(tree["block_bytes"] == 4096 and 4096 * count(tree["blocks"], "blocks") == wipe["bytes"], "blocks disagree")
    need(tree["merkle_root"] == tree["expected_root"] == zero_root(tree["blocks"]), "the blocks were not zero")

    log = members(documents[6], "log_origin log_size log_root", "step 7")
    need(isinstance(log["log_origin"], str), "log_origin is not a string")
    count(log["log_size"], "log_size")
    match("[0-9a-f]{64}", log["log_root"], "log_root")
    last = members(
        documents[7],
        "cdp_version session_id customer_id created_at destroyed_at key_id public_key_sha256 trigger exec_count "
        "regulatory_context_sha256 session_context_sha256", "step 8")
    count(last["exec_count"], "exec_count")
    need(isinstance(last["customer_id"], str), "customer_id is not a string")
    need(last["trigger"] in ("api", "ttl", "oom", "shutdown"), "trigger is unknown")
    return last


def verify(data):
    """Raises Refused unless `data` is a CDP 1.0 that holds."""
    proof = members(
        read_json(data),
        "cdp_version session_id created_at destroyed_at chain final_hash attestation evidence regulatory_context "
        "session_context", "the proof")
    attestation = members(proof["attestation"], "algorithm public_key signature key_id", "attestation")
    need(proof["cdp_version"] == "1.0" and attestation["algorithm"] == "Ed25519", "unknown version or algorithm")
    match("sess_[0-9a-f]{32}", proof["session_id"], "session_id")
    need(time(proof["created_at"], "created_at") <= time(proof["destroyed_at"], "destroyed_at"), "times run backwards")
    for name in ("chain", "evidence"):
        need(isinstance(proof[name], list) and len(proof[name]) == 8, f"{name} has not 8 elements")
    for name in ("regulatory_context", "session_context"):
        need(isinstance(proof[name], dict), f"{name} is not an object")

    previous, documents = sha256(b""), []
    for index, (link, item) in enumerate(zip(proof["chain"], proof["evidence"])):
        members(link, "step subsystem operation evidence_hash chain_hash", f"chain[{index}]")
        document = members(item, "step document", f"evidence[{index}]")["document"]
        for step in (link["step"], item["step"]):
            need(type(step) is int and step == index + 1, f"step {index + 1} is out of order")
        need((link["subsystem"], link["operation"]) == STEPS[index], f"step {index + 1} is another step")
        evidence = sha256(canonical(document))
        need(link["evidence_hash"] == "sha256:" + evidence, f"the evidence of step {index + 1} was changed")
        previous = sha256("\0".join([previous, *STEPS[index], evidence, proof["destroyed_at"]]).encode())
        need(link["chain_hash"] == "sha256:" + previous, f"the chain breaks at step {index + 1}")
        documents.append(document)
    need(proof["final_hash"] == "sha256:" + previous, "final_hash is not the last chain hash")

    spki = binary(attestation["public_key"], 44, "public_key")
    need(spki.startswith(SPKI_PREFIX), "public_key is not an Ed25519 SubjectPublicKeyInfo")
    check_signature(spki[12:], previous.encode(), binary(attestation["signature"], 64, "signature"))

    last = check_documents(documents)
    for name in ("cdp_version", "session_id", "created_at", "destroyed_at"):
        need(last[name] == proof[name], f"{name} is not that of step 8")
    compact = re.sub("[-:]", "", proof["destroyed_at"])
    need(
        attestation["key_id"] == last["key_id"] == f"nrx-verify-{compact}-{proof['session_id'][5:13]}",
        "key_id does not follow from session and time")
    need(last["public_key_sha256"] == sha256(spki), "step 8 was made for another public key")
    for name in ("regulatory_context", "session_context"):
        need(last[name + "_sha256"] == sha256(canonical(proof[name])), f"{name} was changed")


def check_vectors(folder):
    """The golden proof must hold and every document of the golden list of bad ones must not."""
    with open(folder + "/cdp-1.0.json", "rb") as file:
        verify(file.read())
    with open(folder + "/cdp-1.0-refused.json", encoding="utf-8") as file:
        refused = json.load(file)
    for item in refused:
        try:
            verify(item["text"].encode())
        except Refused as reason:
            print(f"refused: {item['why']} ({reason})")
        else:
            raise Refused(f"accepted although {item['why']}")
    print(f"the golden proof holds, {len(refused)} others are refused")


def main(arguments):
    if not arguments or arguments[0] in ("-h", "--help"):
        print(__doc__.strip())
        return 2
    try:
        if arguments[0] == "--vectors":
            check_vectors(arguments[1])
            return 0
        for path in arguments:
            with open(path, "rb") as file:
                verify(file.read())
            print(f"{path}: holds (integrity only: this does not say who made it)")
    except Refused as reason:
        print(f"{arguments[-1]}: refused: {reason}")
        return 1
    except (OSError, IndexError) as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
