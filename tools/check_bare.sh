#!/bin/sh
# README's two commands on Debians with nothing on them, then `make install` and README's example with README's own `cc`
# line: check_bare.sh [SUITE [FOLDER [MIRROR]]]
#
# Without SUITE: bookworm (Debian 12, oneDNN 2.6) and trixie (Debian 13, oneDNN 3.7), one behind the other. Makes the
# system in FOLDER (a new one that goes; one that is named stays, with what the commands said in it), from MIRROR: the
# one that apt uses here. Wants root, debootstrap and the network, so it is no part of `make test`. Prints the last line
# of each command; the last of all is "SUITE: passed" or "SUITE: failed: WHAT".
set -u
cd "$(dirname "$0")/.." || exit 1
if [ $# = 0 ]; then
    "$0" bookworm && exec "$0" trixie
    exit 1
fi
suite=$1
here=$(. /etc/os-release && echo "$VERSION_CODENAME")
mirror=${3:-$(apt-get indextargets --format '$(REPO_URI)' "Created-By: Packages" "Codename: $here" | head -n 1)}
fail() { echo "$suite: failed: $*"; exit 1; }
[ "$(id -u)" = 0 ] || fail "only root may make a system of its own"
command -v debootstrap >/dev/null || fail "debootstrap is not installed"
[ -n "$mirror" ] || fail "apt names no mirror of $here; name one"

if [ $# -gt 1 ]; then
    mkdir -p "$2" && root=$(cd "$2" && pwd) || exit 1
else
    root=$(mktemp -d) && trap 'rm -rf "$root"' EXIT
fi
# In name spaces of its own, so that nothing that is mounted or left running there outlives the call.
inside() {
    unshare --mount --pid --fork --kill-child --mount-proc="$root/proc" chroot "$root" \
        env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root sh -c "$1" </dev/null
}
# What is said goes to a file, its end to the reader where it fails, its last line anyway.
step() {
    log=$root/$(echo "$1" | tr ' ' -).log
    inside "$2" >"$log" 2>&1 || { tail -n 30 "$log"; fail "$1"; }
    echo "$suite: $1: $(tail -n 1 "$log")"
}

[ -x "$root/usr/bin/apt-get" ] || debootstrap --variant=minbase "$suite" "$root" "$mirror" >/dev/null ||
    fail "debootstrap"
rm -rf "$root/engram"
cp /etc/resolv.conf "$root/etc/"
for file in /etc/apt/apt.conf.d/*proxy*; do
    [ ! -e "$file" ] || cp "$file" "$root/etc/apt/apt.conf.d/"
done
mkdir "$root/engram" && git ls-files -z | tar --create --null --files-from - | tar --extract --directory "$root/engram"
inside 'apt-get update && apt-get install -y --no-install-recommends make' >/dev/null 2>&1 || fail "make cannot be installed"

step "make demo" 'cd /engram && make demo'
step "make test" 'cd /engram && make test'
step "make install" 'cd /engram && make install PREFIX=/usr/local'

# README's line, as a reader would type it beside the example.
line=$(grep -o '`cc [^`]*pkg-config[^`]*`' README.md | tr -d '`' | head -n 1)
[ -n "$line" ] || fail "README has no line that compiles the example"
step "example" "mkdir -p /try && cd /try && cp /engram/examples/score_one.c . && $line &&
    engram train memae 'synth:?n=60&size=16' -q --force --widths 4,8 --epochs 1 -o part.safetensors &&
    cp /engram/docs/demo.png new.png && ./a.out part.safetensors new.png"
inside 'dpkg-query -W -f "\${Package} \${Version}\n" gcc libdnnl-dev libavcodec-dev' | sed "s/^/$suite: /"
echo "$suite: passed"
