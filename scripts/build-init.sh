#!/bin/sh
# Builds nrx-init, the process 1 of every sandbox, as a static program.
# Usage: scripts/build-init.sh [OUTPUT]   (default: .build/release/nrx-init)
set -eu
cd "$(dirname "$0")/.."
output=${1:-.build/release/nrx-init}
mkdir -p "$(dirname "$output")"
# Written beside and renamed, so that a running server's copy is never changed under it.
${CC:-cc} -std=gnu11 -D_GNU_SOURCE -static -O2 -Wall -Wextra -Werror -o "$output.$$" Sources/nrx-init/*.c
mv "$output.$$" "$output"
