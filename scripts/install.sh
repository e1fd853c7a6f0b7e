#!/usr/bin/env bash
# Installs what was built: programs, man pages, completions and the service.
#
# usage: scripts/install.sh BIN [PREFIX] [DESTDIR]     (defaults: .build/release /usr/local and none)
#
# The programs lie in PREFIX/lib/nrx-ledger, beside nrx-init, where the server looks for it; PREFIX/bin links to them. They
# need no Swift toolchain. Data is never touched: an older log is read as it is (docs/installing.md).
set -euo pipefail
cd "$(dirname "$0")/.."
bin=$(cd "${1:-.build/release}" && pwd)
prefix=${2:-/usr/local}
root=${3:-}
programs=(nrx-server nrx-replay nrx)
home=$prefix/lib/nrx-ledger

for program in "${programs[@]}" nrx-init; do
    [ -x "$bin/$program" ] || { echo "install: $bin/$program is not there. Run \`make build\` first." >&2; exit 1; }
done

install -d "$root$home" "$root$prefix/bin"
for program in "${programs[@]}"; do
    install -m 755 -s "$bin/$program" "$root$home/$program"
    ln -sfn "../lib/nrx-ledger/$program" "$root$prefix/bin/$program"
done
install -m 755 "$bin/nrx-init" "$root$home/nrx-init"

manual=$(mktemp -d)
trap 'rm -rf "$manual"' EXIT
for program in "${programs[@]}"; do
    "$bin/$program" --experimental-dump-help | python3 scripts/manual.py "$manual"
    install -d "$root$prefix/share/bash-completion/completions" "$root$prefix/share/zsh/site-functions" \
        "$root$prefix/share/fish/vendor_completions.d"
    "$bin/$program" --generate-completion-script bash >"$root$prefix/share/bash-completion/completions/$program"
    "$bin/$program" --generate-completion-script zsh >"$root$prefix/share/zsh/site-functions/_$program"
    "$bin/$program" --generate-completion-script fish >"$root$prefix/share/fish/vendor_completions.d/$program.fish"
done
install -d "$root$prefix/share/man/man1" "$root$prefix/lib/systemd/system" "$root/etc/nrx-ledger"
for page in "$manual"/*.1; do gzip -9nc "$page" >"$root$prefix/share/man/man1/$(basename "$page").gz"; done
sed "s|@BINDIR@|$prefix/bin|g" packaging/nrx-server.service >"$root$prefix/lib/systemd/system/nrx-server.service"
# What the operator wrote stays.
[ -e "$root/etc/nrx-ledger/environment" ] || install -m 600 packaging/environment "$root/etc/nrx-ledger/environment"
