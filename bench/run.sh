#!/bin/sh
# What `make bench` does: engram against its peers, and where engram's own time goes. Arguments go to compare.py.
set -eu
cd "$(dirname "$0")/.."
[ -d build/peers ] || bench/peers/install.sh build/peers
bench/compare.py "$@"
for preset in mnist cifar10 video; do
    for train in "" --train; do
        echo
        # shellcheck disable=SC2086 # nothing, or one word
        build/cli/engram bench memae --preset $preset $train --profile --repeat 5 2>&1 | head -16
    done
done

ninja -C build --quiet bench/video bench/loading bench/reading
video=$(mktemp -d)/video.mp4
build/bench/video --make "$video" 512
echo
for precision in f32 bf16; do
    printf 'video scoring from a file, 256x256, hop 16, %s: ' $precision
    build/bench/video "$video" $precision "$(nproc)" 1024
done
rm -r "$(dirname "$video")"
echo
bench/loading.py build/bench/loading
echo
bench/reading.py build/bench/reading
