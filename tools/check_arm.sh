#!/bin/sh
# engram on 64-bit ARM: cross-built with Debian's compiler, its tests run under qemu-user.
#
#   tools/check_arm.sh [FOLDER [TEST...]]
#
# Debian's libraries for arm64 are fetched with this machine's apt sources and unpacked into FOLDER (a new one; kept where
# it is named); nothing of them is installed. All tests are run, or those named (`meson test --list`, or NAME:PATTERN for
# some of a program's), JOBS at once; what has passed in FOLDER at the same commit is not run again, so after
# SECONDS_AT_MOST, or a Ctrl-C, the same line goes on. Wants gcc-aarch64-linux-gnu, qemu-user-static, meson and the
# network, and takes its time: it is no part of `make test`. The last line is "passed: ..." or "failed: WHAT".
set -u
cd "$(dirname "$0")/.." || exit 1
fail() { echo "failed: $*"; exit 1; }
for tool in aarch64-linux-gnu-gcc qemu-aarch64-static meson apt-get dpkg-deb; do
    command -v $tool >/dev/null || fail "$tool is not there: apt-get install gcc-aarch64-linux-gnu qemu-user-static meson"
done

if [ $# -gt 0 ]; then
    mkdir -p "$1" && folder=$(cd "$1" && pwd) || exit 1
    shift
else
    folder=$(mktemp -d) && trap 'rm -rf "$folder"' EXIT
fi
root=$folder/root build=$folder/build

# ---- the other machine's libraries, unpacked without running anything of theirs ----
libraries() { awk '$1 ~ /^lib.*-dev$|^zlib1g-dev$/ && ($2 == "" || $2 == "video" || $2 == "test") { print $1 }' packages.txt; }
fetch() {
    # shellcheck disable=SC2046 # words, none with a space
    apt-get -qq $(printf ' -o %s' APT::Architecture=arm64 APT::Architectures=arm64 APT::Sandbox::User=root \
        Dir::State="$folder/apt" Dir::State::status="$folder/apt/status" Dir::Cache="$folder/apt") "$@"
}
make_root() {
    mkdir -p "$folder/apt/lists/partial" "$folder/apt/archives/partial" "$root/usr/lib" "$root/usr/bin" "$root/usr/sbin"
    for name in lib bin sbin; do ln -sfn usr/$name "$root/$name"; done
    : >"$folder/apt/status"
    # shellcheck disable=SC2046
    fetch update && fetch install -y --no-install-recommends --download-only $(libraries) || return 1
    for package in "$folder"/apt/archives/*.deb; do
        dpkg-deb --fsys-tarfile "$package" | tar --extract --keep-directory-symlink --directory "$root" || return 1
    done
    # Links to the root of a file system mean this one; a shared library that is not found is linked statically.
    find "$root" -type l -lname '/*' -printf '%p %l\n' | while read -r link target; do
        ln -sfn "$root$target" "$link"
    done
    touch "$root/complete"
}
[ -e "$root/complete" ] || make_root || fail "the libraries for arm64"

# ---- the build: an A76, as in a Raspberry Pi 5, has no instructions of its own for long vectors ----
emulator="qemu-aarch64-static -cpu cortex-a76 -L $root"
cat >"$folder/cross.ini" <<END
[binaries]
c = 'aarch64-linux-gnu-gcc'
ar = 'aarch64-linux-gnu-ar'
strip = 'aarch64-linux-gnu-strip'
pkgconfig = 'pkg-config'
exe_wrapper = ['qemu-aarch64-static', '-cpu', 'cortex-a76', '-L', '$root']

[built-in options]
c_args = ['--sysroot=$root']
c_link_args = ['--sysroot=$root']

[properties]
sys_root = '$root'
pkg_config_libdir = '$root/usr/lib/aarch64-linux-gnu/pkgconfig:$root/usr/share/pkgconfig'

[host_machine]
system = 'linux'
cpu_family = 'aarch64'
cpu = 'aarch64'
endian = 'little'
END
[ ! -f "$build/build.ninja" ] || again=--reconfigure
# shellcheck disable=SC2086 # nothing, or one word
meson setup ${again:-} --cross-file "$folder/cross.ini" -Dwerror=true "$build" >"$folder/setup.log" ||
    fail "meson setup: see $folder/setup.log"
ninja -C "$build" >"$folder/build.log" || { tail -n 20 "$folder/build.log"; fail "it does not build"; }

# Programs that tests start need the emulator, too.
mkdir -p "$folder/emulated"
for program in "$build/cli/engram" "$build"/examples/*; do
    [ -f "$program" ] && [ -x "$program" ] || continue
    printf '#!/bin/sh\nexec %s "%s" "$@"\n' "$emulator" "$program" >"$folder/emulated/${program##*/}"
    chmod +x "$folder/emulated/${program##*/}"
done

# ---- the tests: every program; the checks of sources and libraries are no matter of the processor ----
# shellcheck disable=SC2046 # names, none with a space
[ $# -gt 0 ] || set -- $(meson test -C "$build" --no-rebuild --list 2>/dev/null | sed 's/.* \/ //' |
    grep -Ev '^(floors|libdir|installed|exports|cpp_header|.*_avx2)$')
export TESTS="$build/tests" EMULATOR="$emulator"
export ENGRAM_BIN="$folder/emulated/engram" ENGRAM_EXAMPLE="$folder/emulated/score_one"
STAMP=$(git describe --always --dirty) && export STAMP
tests/side_by_side.sh "${JOBS:-$(nproc)}" "$folder/tests" "${SECONDS_AT_MOST:-86400}" "$@"
