#!/usr/bin/env bash
# Runs every test that was built, with the given build flags, and ends with what failed and why: among thousands of lines
# of output nobody finds it. FILTER=Name runs a part.
set -uo pipefail
output=$(mktemp)
trap 'rm -f "$output"' EXIT

swift test --skip-build "$@" --experimental-maximum-parallelization-width 4 ${FILTER:+--filter "$FILTER"} 2>&1 |
    tee "$output"
status=${PIPESTATUS[0]}
if [ "$status" -ne 0 ]; then
    echo
    echo "What failed:"
    grep -A 4 -E '^✘|error: |Fatal error|unexpected signal' "$output" | grep -v -E '^(✔|◇|--)' | head -n 100
fi
exit "$status"
