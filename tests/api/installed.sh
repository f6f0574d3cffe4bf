#!/bin/sh
# What is installed works wherever it is put: the command finds libengram-video, and README's line compiles the example.
# installed.sh BUILD_FOLDER
set -eu
build=$1
cd "$(dirname "$0")/../.."
source=$PWD
line=$(grep -o '`cc [^`]*pkg-config[^`]*`' README.md | tr -d '`' | head -n 1)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

option() {
    meson introspect --buildoptions "$build" | tr '{' '\n' | sed -n "s/^\"name\": \"$1\", \"value\": \"\([^\"]*\)\".*/\1/p"
}
DESTDIR=$folder/first meson install -C "$build" --no-rebuild --quiet
mv "$folder/first$(option prefix)" "$folder/moved"
libraries=$folder/moved/$(option libdir)
cd "$folder"

# No video begins like that: libengram-video says so, where it is found.
echo "hello" >hello.mp4
if said=$(moved/bin/engram data hello.mp4 2>&1); then
    echo "taken for a video: $said"
    exit 1
fi
case $said in *"not installed"*)
    [ ! -e "$libraries/libengram-video.so.1" ] || { echo "libengram-video is there, and not found: $said"; exit 1; } ;;
esac

[ "$(option b_sanitize)" = none ] || exit 0 # the example would have to be compiled so, too
cp "$source/examples/score_one.c" .
sed -i "s|^prefix=.*|prefix=$folder/moved|" "$libraries/pkgconfig/engram.pc"
export PKG_CONFIG_PATH="$libraries/pkgconfig" LD_LIBRARY_PATH="$libraries"
eval "$line"
moved/bin/engram train memae 'synth:?n=60&size=16' -q --widths 4,8 --epochs 1 -o part.safetensors
./a.out part.safetensors "$source/docs/demo.png"
