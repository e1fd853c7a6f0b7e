#!/usr/bin/env bash
# Makes a Debian package of what was built, with Debian's own tools.
#
# usage: scripts/build-deb.sh BIN OUTPUT-DIRECTORY [VERSION]
set -euo pipefail
cd "$(dirname "$0")/.."
bin=${1:-.build/release}
output=${2:-.build}
version=${3:-0.1.0}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
chmod 755 "$work"
root=$work/root
mkdir -p "$root/DEBIAN" "$work/debian" "$output"

scripts/install.sh "$bin" /usr "$root"
install -d "$root/usr/share/doc/nrx-ledger"
install -m 644 README.md docs/*.md "$root/usr/share/doc/nrx-ledger/"
install -m 644 packaging/debian/copyright "$root/usr/share/doc/nrx-ledger/copyright"
# Debian's services live in /lib/systemd of the merged /usr; its configuration files are kept over upgrades.
echo /etc/nrx-ledger/environment >"$root/DEBIAN/conffiles"
install -m 755 packaging/debian/postinst packaging/debian/prerm packaging/debian/postrm "$root/DEBIAN/"

# Which packages hold the shared libraries: as the programs themselves say.
printf 'Source: nrx-ledger\n\nPackage: nrx-ledger\nArchitecture: any\n' >"$work/debian/control"
depends=$(cd "$work" && dpkg-shlibdeps -O --ignore-missing-info \
    "$root"/usr/lib/nrx-ledger/nrx* 2>"$work/shlibdeps.log" | sed -n 's/^shlibs:Depends=//p' || true)
[ -n "$depends" ] || { cat "$work/shlibdeps.log" >&2; exit 1; }

cat >"$root/DEBIAN/control" <<CONTROL
Package: nrx-ledger
Version: $version
Architecture: $(dpkg --print-architecture)
Maintainer: nrx-ledger <nrx-ledger@localhost>
Section: admin
Priority: optional
Installed-Size: $(du -k -s "$root" | cut -f 1)
Depends: $depends, bubblewrap (>= 0.8), util-linux
Recommends: jq, lz4, curl
Description: sandboxed sessions with proof that their data was destroyed
 Runs short-lived sandboxed sessions on sensitive data, and proves, to people who
 trust nobody, that the data was destroyed. nrx-server serves the HTTP API,
 nrx-replay audits logs and proofs offline, nrx is the command-line client.
CONTROL
(cd "$root" && find etc usr -type f -print0 | sort -z | xargs -0 md5sum >DEBIAN/md5sums)
package=$output/nrx-ledger_${version}_$(dpkg --print-architecture).deb
# Compression level 1 of zstd would be quicker; Debian 12's tools all read xz.
dpkg-deb --root-owner-group -Zxz -z"${XZ_LEVEL:-6}" --build "$root" "$package" >/dev/null
echo "$package"
