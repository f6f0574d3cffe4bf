#!/bin/sh
# What `make bench` does: engram against PyTorch, and where engram's own time goes. Arguments go to compare.py.
set -eu
cd "$(dirname "$0")/.."
bench/compare.py "$@"
for preset in mnist cifar10 video; do
    for train in "" --train; do
        echo
        # shellcheck disable=SC2086 # nothing, or one word
        build/cli/engram bench memae --preset $preset $train --profile --repeat 5 2>&1 | head -16
    done
done

ninja -C build --quiet bench/clips bench/loading bench/reading
frames=${ENGRAM_DATA:-../shared/data}/ped2/testing/frames
echo
if [ -d "$frames" ]; then
    for precision in f32 bf16; do
        printf 'video scoring in clips of 16, frames decoded from JPEG, %s: ' $precision
        build/bench/clips "$frames" $precision "$(nproc)" 30
    done
else
    echo "video scoring of frames left out: there is no $frames; set ENGRAM_DATA to the folder with ped2/ in it"
fi
echo
bench/loading.py build/bench/loading
echo
bench/reading.py build/bench/reading
