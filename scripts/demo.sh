#!/usr/bin/env bash
# The whole promise on real parts: sign up, run a command on real data in a real sandbox, destroy it, check the proof
# offline, replay the log, and see tampering being caught. Exits 0 only if every step did what it should.
#
# usage: scripts/demo.sh [directory with nrx-server and nrx-replay]
set -euo pipefail

bin=$(cd "${1:-.build/release}" && pwd)
work=$(mktemp -d "${TMPDIR:-/tmp}/nrx-demo.XXXXXX")
server_pid=

stop_everything() {
    [ -n "$server_pid" ] && kill "$server_pid" 2>/dev/null && wait "$server_pid" 2>/dev/null
    rm -rf "$work"
}
trap stop_everything EXIT

bold=$'\033[1m' dim=$'\033[2m' plain=$'\033[0m'
[ -t 1 ] || bold='' dim='' plain=''

step() { printf '\n%s%s%s\n' "$bold" "$*" "$plain"; }
fail() {
    printf 'demo: %s\n' "$*" >&2
    [ -f "$work/server.log" ] && tail -n 20 "$work/server.log" >&2
    exit 1
}

# request METHOD PATH EXPECTED_STATUS [BODY]: the answer goes to $work/answer.json
request() {
    local method=$1 path=$2 expected=$3 body=${4:-} status
    local arguments=(-sS -X "$method" -o "$work/answer.json" -w '%{http_code}' "$base$path")
    [ -n "${api_key:-}" ] && arguments+=(-H "Authorization: Bearer $api_key")
    [ -n "$body" ] && arguments+=(-H 'Content-Type: application/json' --data-binary "$body")
    printf '%s$ curl -X %s %s%s%s\n' "$dim" "$method" "$path" "${body:+ -d '$(head -c 100 <<<"$body")'}" "$plain"
    status=$(curl "${arguments[@]}")
    printf '%s %s\n' "$status" "$(jq -c . "$work/answer.json" | cut -c 1-150)"
    [ "$status" = "$expected" ] || fail "$method $path answered $status, expected $expected"
}

# expect JQ_CONDITION: holds for the last answer
expect() { jq -e "$1" "$work/answer.json" >/dev/null || fail "the answer does not satisfy: $1"; }

# run EXPECTED_EXIT PROGRAM ARGUMENTS…
run() {
    local expected=$1 status=0
    shift
    printf '%s$ %s%s\n' "$dim" "$(sed "s|$bin/||g; s|$work/||g" <<<"$*")" "$plain"
    "$@" >"$work/output.txt" 2>&1 || status=$?
    sed "s|$work/||g; s/^/  /" "$work/output.txt" | cut -c 1-150 | head -n "${LINES_SHOWN:-14}"
    [ "$status" -eq "$expected" ] || fail "exit code $status, expected $expected"
}

step '1. Start a server on an empty directory'
"$bin/nrx-server" --port 0 --data-dir "$work/data" >"$work/ready.txt" 2>"$work/server.log" &
server_pid=$!
for _ in $(seq 300); do
    grep -q '^listening on ' "$work/ready.txt" 2>/dev/null && break
    kill -0 "$server_pid" 2>/dev/null || fail 'the server did not start'
    sleep 0.1
done
base=$(sed -n 's/^listening on //p' "$work/ready.txt")
[ -n "$base" ] || fail 'the server did not get ready'
echo "listening on $base"
request GET /v1/health 200

step '2. Sign up: the API key is shown once'
request POST /v1/signup 201 '{"email":"demo@hospital.example","jurisdiction":"EU"}'
api_key=$(jq -r .api_key "$work/answer.json")

step '3. Start a session: namespaces, cgroup, tmpfs, syscall filter'
request POST /v1/sessions 201 '{"data_classification":"PHI"}'
session=$(jq -r .session_id "$work/answer.json")

step '4. Run a command on sensitive data, which is in neither argv nor environment'
request POST "/v1/sessions/$session/exec" 200 \
    '{"command":"wc -c < input/data; sha256sum input/data | tee digest; id -u; hostname","input_data":"name,diagnosis\nJane Roe,J45.901\n"}'
expect '.exit_code == 0 and (.stdout | startswith("32\n"))'
receipt_salt=$(jq -r .receipt.salt "$work/answer.json")
[ -n "$receipt_salt" ] || fail 'no receipt'
request POST "/v1/sessions/$session/exec" 200 '{"command":"cat digest; cat /etc/shadow; ls /sys/class/net"}'
expect '.stdout | contains("input/data")'

step '5. Destroy it: everything is overwritten, read back, unmounted, and measured'
request DELETE "/v1/sessions/$session" 200
expect '.status == "destroyed" and (.cdp.chain | length) == 8'
jq .cdp "$work/answer.json" >"$work/cdp.json"
jq -r '.cdp.evidence[] | "  step \(.step): \(.document | del(.namespaces) | tojson)"' "$work/answer.json" | cut -c 1-150
jq -S .cdp "$work/answer.json" >"$work/first.json"
request GET "/v1/proofs/$session" 200
jq -S . "$work/answer.json" | cmp -s - "$work/first.json" || fail 'the stored proof differs from the first answer'

step '6. Check the proof: by the server, then offline'
request POST /v1/verify 200 "$(cat "$work/cdp.json")"
expect '.valid and .key_published and .checks.step_count == 8'
request GET "/v1/keys/$(jq -r .attestation.key_id "$work/cdp.json")" 200
run 0 "$bin/nrx-replay" verify "$work/cdp.json"

step '7. Replay the log, which needs no server, only its files'
printf '%s$ cat data/log/*.jsonl.lz4 | lz4 -dc | jq -c .type%s\n' "$dim" "$plain"
cat "$work"/data/log/*.jsonl.lz4 | lz4 -dc | jq -c '.type' | sed 's/^/  /'
run 0 "$bin/nrx-replay" audit "$work/data/log"
run 3 "$bin/nrx-replay" verify "$work/cdp.json" --log "$work/data/log"
LINES_SHOWN=30 run 0 "$bin/nrx-replay" show "$session" --log "$work/data/log"
sleep 1.2 # a checkpoint is signed at most a second after the last event
cp "$work/data/log/checkpoint" "$work/kept-checkpoint"
run 0 "$bin/nrx-replay" verify "$work/cdp.json" --log "$work/data/log" --from "$work/kept-checkpoint"

step '8. Tamper: one byte of a copy of the log, one byte of the proof'
cp -r "$work/data/log" "$work/tampered-log"
segment=$(ls "$work"/tampered-log/*.jsonl.lz4 | head -n 1)
python3 - "$segment" <<'PYTHON'
import sys
with open(sys.argv[1], "r+b") as file:
    file.seek(700); byte = file.read(1)[0]
    file.seek(700); file.write(bytes([byte ^ 1]))
PYTHON
run 1 "$bin/nrx-replay" audit "$work/tampered-log"
sed 's/"files": [0-9]*/"files": 7/' "$work/cdp.json" >"$work/tampered-cdp.json"
cmp -s "$work/cdp.json" "$work/tampered-cdp.json" && fail 'the proof was not changed'
run 1 "$bin/nrx-replay" verify "$work/tampered-cdp.json"

step '9. Stop the server cleanly'
kill -TERM "$server_pid"
status=0
wait "$server_pid" || status=$?
server_pid=
[ "$status" -eq 0 ] || fail "the server exited with $status"
run 0 "$bin/nrx-replay" audit "$work/data/log"

printf '\n%sEvery step did what it should.%s\n' "$bold" "$plain"
