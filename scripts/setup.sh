#!/usr/bin/env bash
# Installs the Debian packages that building and testing need, and checks for a Swift toolchain.
# Where it may not install, it says what to install. Does nothing when all is there.
set -euo pipefail

# What is linked against, what builds sandboxes, and what the demo and the tests call.
packages=(
    libsqlite3-dev libsodium-dev liblz4-dev libseccomp-dev
    bubblewrap gcc libc6-dev pkg-config
    curl jq lz4 sqlite3 python3 python3-venv golang-go golang-golang-x-mod-dev
    chromium prometheus
)
# Any Node.js will do, wherever it came from.
command -v node >/dev/null || packages+=(nodejs)

missing=()
for package in "${packages[@]}"; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'install ok installed' || missing+=("$package")
done

if [ ${#missing[@]} -gt 0 ]; then
    if [ "$(id -u)" -eq 0 ]; then
        install=(env RUNLEVEL=1 apt-get)
    elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
        install=(sudo env RUNLEVEL=1 apt-get)
    else
        echo "These Debian packages are missing. Install them as root, then try again:" >&2
        echo "    apt-get install ${missing[*]}" >&2
        exit 1
    fi
    echo "Installing: ${missing[*]}"
    "${install[@]}" update -qq
    # Only promtool of prometheus is wanted: invoke-rc.d starts no service in runlevel 1.
    DEBIAN_FRONTEND=noninteractive "${install[@]}" install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
fi

if ! command -v swift >/dev/null; then
    echo "No Swift toolchain is on the PATH. Install Swift 6.2 or newer from https://www.swift.org/install/linux/" >&2
    exit 1
fi
version=$(swift --version 2>/dev/null | sed -nE 's/.*Swift version ([0-9]+)\.([0-9]+).*/\1 \2/p' | head -n 1)
read -r major minor <<<"${version:-0 0}"
if [ "$major" -lt 6 ] || { [ "$major" -eq 6 ] && [ "$minor" -lt 2 ]; }; then
    echo "Swift 6.2 or newer is needed; found: $(swift --version 2>&1 | head -n 1)" >&2
    exit 1
fi

# The programs are linked with what they need of Swift's libraries in them.
if [ ! -d "$(dirname "$(dirname "$(readlink -f "$(command -v swift)")")")/lib/swift_static" ]; then
    echo "This Swift toolchain has no static libraries (lib/swift_static)." >&2
    echo "Install one that has, from https://www.swift.org/install/linux/ (not a slim image)." >&2
    exit 1
fi

# The Python packages that tests use as clients, in an environment of their own. Building needs none of them, so that it
# also works without a network; the tests that need one say that it is missing.
environment=.build/python
cd "$(dirname "$0")/.."
if ! cmp -s Tests/requirements.txt "$environment/installed.txt"; then
    echo "Installing the tests' Python packages into $environment"
    if python3 -m venv --clear "$environment" &&
        "$environment/bin/python" -m pip install --quiet --disable-pip-version-check -r Tests/requirements.txt; then
        cp Tests/requirements.txt "$environment/installed.txt"
    else
        echo "The tests' Python packages could not be installed: tests that need them will fail." >&2
    fi
fi
