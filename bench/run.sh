#!/bin/sh
# What `make bench` does: engram against PyTorch, and where engram's own time goes. Arguments go to compare.py.
set -eu
cd "$(dirname "$0")/.."
bench/compare.py "$@"
for preset in mnist cifar10 video; do
    for training in "" --training; do
        echo
        # shellcheck disable=SC2086 # nothing, or one word
        build/cli/engram bench memae --preset $preset $training --profile --repeat 5 2>&1 | head -16
    done
done
