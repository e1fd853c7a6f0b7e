#!/bin/sh
# Fuzzes nrx-init's request and program parsers with libFuzzer, AddressSanitizer and UndefinedBehaviorSanitizer.
# Usage: scripts/fuzz-init.sh [SECONDS]   (default: 60)
# New inputs are kept in .build/fuzz-init; a finding is written to fixtures/fuzz/init-protocol, which the tests replay.
set -eu
cd "$(dirname "$0")/.."
seconds=${1:-60}
case $seconds in *[!0-9]* | '')
    echo "usage: scripts/fuzz-init.sh [SECONDS]" >&2
    exit 64
    ;;
esac
corpus=fixtures/fuzz/init-protocol
work=.build/fuzz-init
mkdir -p "$work/corpus"
for compiler in ${CLANG:-} clang clang-19 clang-16 clang-14; do
    command -v "$compiler" >/dev/null 2>&1 || continue
    if "$compiler" -std=gnu11 -D_GNU_SOURCE -g -O1 -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all \
        -o "$work/fuzz" Tests/Fuzz/InitProtocol/fuzz.c 2>"$work/compiler.log"; then
        exec "$work/fuzz" -max_total_time="$seconds" -max_len=4096 -timeout=10 -print_final_stats=1 -verbosity=0 \
            -artifact_prefix="$corpus/found-" "$work/corpus" "$corpus"
    fi
done
[ ! -s "$work/compiler.log" ] || cat "$work/compiler.log" >&2
echo "no clang with libFuzzer: apt-get install clang libclang-rt-14-dev, or set CLANG" >&2
exit 1
