#!/bin/sh
# Measures beside the peers and prints one table of ratios (docs/benchmarks.md).
#
# usage: Benchmarks/run.sh [directory with nrx-bench, nrx-replay and nrx-init] [options of nrx-bench, such as --quick]
set -eu
cd "$(dirname "$0")/.."
bin=${1:-.build/release}
[ $# -gt 0 ] && shift
exec "$bin/nrx-bench" "$@"
