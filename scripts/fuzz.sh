#!/usr/bin/env bash
# Searches with libFuzzer for bytes that make a reader trap or break a promise (Tests/FuzzTargets).
# usage: scripts/fuzz.sh SECONDS [TARGET…]     SECONDS are for each target
# What is found goes to fixtures/fuzz/<target>/, and so does, with MERGE=1, the smallest corpus that reaches as much as all
# inputs so far; make test runs all of them again. Inputs are kept in .build-fuzz between runs.
set -euo pipefail
cd "$(dirname "$0")/.."
seconds=${1:?usage: scripts/fuzz.sh SECONDS [TARGET…]}
shift
targets=("$@")
all=(batch segment json event cdp checkpoint proof key backup)
[ ${#targets[@]} -gt 0 ] || targets=("${all[@]}")

toolchain=$(dirname "$(dirname "$(readlink -f "$(command -v swift)")")")
runtime=$(find "$toolchain/lib/clang" /usr/lib/llvm-*/lib/clang -name 'libclang_rt.fuzzer_no_main-x86_64.a' 2>/dev/null | head -n 1)
[ -n "$runtime" ] || { echo "libFuzzer's runtime is missing: install libclang-rt-14-dev." >&2; exit 1; }

scratch=.build-fuzz
swift build --scratch-path "$scratch" -c release --product nrx-fuzz --sanitize address \
    -Xswiftc -enable-testing -Xswiftc -DNRX_FUZZ \
    -Xswiftc -sanitize-coverage=edge,inline-8bit-counters,pc-table,trace-cmp \
    -Xlinker "$runtime" -Xlinker -lstdc++
mkdir -p "$scratch/found"

failures=0
executions=0
for target in "${targets[@]}"; do
    corpus=fixtures/fuzz/$target
    work=$scratch/corpus/$target
    mkdir -p "$corpus" "$work"
    log=$scratch/$target.log
    if ! NRX_FUZZ_TARGET=$target "$scratch/release/nrx-fuzz" -max_total_time="$seconds" -max_len=4096 -timeout=10 \
        -rss_limit_mb=4096 -print_final_stats=1 -artifact_prefix="$scratch/found/$target-" "$work" "$corpus" >"$log" 2>&1; then
        failures=$((failures + 1))
        echo "$target: FOUND something; see $log and $scratch/found" >&2
        find "$scratch/found" -name "$target-*" -exec cp {} "$corpus/" \;
    fi
    if [ "${MERGE:-0}" = 1 ]; then
        NRX_FUZZ_TARGET=$target "$scratch/release/nrx-fuzz" -merge=1 -max_len=4096 -rss_limit_mb=4096 \
            "$corpus" "$work" >>"$log" 2>&1
    fi
    count=$(sed -nE 's/^stat::number_of_executed_units: ([0-9]+)/\1/p' "$log" | tail -n 1)
    executions=$((executions + ${count:-0}))
    echo "$target: ${count:-0} executions in ${seconds} s"
done
echo "all: $executions executions, $failures targets with findings"
if [ -x scripts/fuzz-init.sh ] && [ $# -eq 0 ]; then scripts/fuzz-init.sh "$seconds" || failures=$((failures + 1)); fi
exit $((failures > 0))
