#!/bin/sh
# On a Debian with nothing on it: `make install`, README's example with README's own `cc` line, `make test`.
#
#   tools/check_bare.sh [FOLDER [MIRROR]]
#
# Makes the system in FOLDER (a new one; kept where it is named), from MIRROR: the one that apt uses here. Wants root,
# debootstrap and the network, so it is no part of `make test`. The last line is "passed" or "failed: WHAT".
set -u
cd "$(dirname "$0")/.." || exit 1
release=$(. /etc/os-release && echo "$VERSION_CODENAME")
mirror=${2:-$(apt-get indextargets --format '$(REPO_URI)' "Created-By: Packages" "Codename: $release" | head -n 1)}
fail() { echo "failed: $*"; exit 1; }
[ "$(id -u)" = 0 ] || fail "only root may make a system of its own"
command -v debootstrap >/dev/null || fail "debootstrap is not installed"
[ -n "$mirror" ] || fail "apt names no mirror of $release; name one"

if [ $# -gt 0 ]; then
    mkdir -p "$1" && root=$(cd "$1" && pwd) || exit 1
else
    root=$(mktemp -d) && trap 'rm -rf "$root"' EXIT
fi
inside() { chroot "$root" env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root sh -c "$1"; }

[ -x "$root/usr/bin/apt-get" ] || debootstrap --variant=minbase "$release" "$root" "$mirror" >/dev/null ||
    fail "debootstrap"
rm -rf "$root/engram"
cp /etc/resolv.conf "$root/etc/"
for file in /etc/apt/apt.conf.d/*proxy*; do
    [ ! -e "$file" ] || cp "$file" "$root/etc/apt/apt.conf.d/"
done
mkdir "$root/engram" && git ls-files -z | tar --create --null --files-from - | tar --extract --directory "$root/engram"

inside 'apt-get update && apt-get install -y --no-install-recommends make' >/dev/null 2>&1 || fail "make cannot be installed"
inside 'cd /engram && make install PREFIX=/usr/local' || fail "make install"

# README's line, as a reader would type it beside the example.
line=$(grep -o '`cc [^`]*pkg-config[^`]*`' README.md | tr -d '`' | head -n 1)
[ -n "$line" ] || fail "README has no line that compiles the example"
echo "$line"
inside "mkdir -p /try && cd /try && cp /engram/examples/score_one.c . && $line" || fail "README's line: $line"
inside 'cd /try && engram train memae "synth:?n=60&size=16" -q --force --widths 4,8 --epochs 1 -o part.safetensors &&
    cp /engram/docs/demo.png new.png && ./a.out part.safetensors new.png' || fail "the example"

inside 'cd /engram && make test' >"$root/test.log" 2>&1
result=$?
tail -n 2 "$root/test.log"
[ $result = 0 ] || fail "make test: see $root/test.log"
echo passed
