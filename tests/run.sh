#!/bin/sh
# Builds with tests and warnings as errors, runs everything: run.sh FOLDER [MESON OPTIONS]
# The last line is "N passed, N failed": every cmocka test counts, and every other program as one.
set -u
cd "$(dirname "$0")/.."
folder=$1
shift
# Also where it is set up already: new test files are found then.
[ ! -f "$folder/build.ninja" ] || again=--reconfigure
meson setup ${again:-} "$folder" -Dwerror=true "$@" || { echo "0 passed, 1 failed"; exit 1; }
ninja -C "$folder" || { echo "0 passed, 1 failed"; exit 1; }

export ASAN_OPTIONS="${ASAN_OPTIONS:-detect_stack_use_after_return=1:strict_string_checks=1}"
export UBSAN_OPTIONS="${UBSAN_OPTIONS:-halt_on_error=1:print_stacktrace=1}"
# Waiting threads soon sleep, as in the command: tests run beside each other.
export OMP_WAIT_POLICY="${OMP_WAIT_POLICY:-passive}" GOMP_SPINCOUNT="${GOMP_SPINCOUNT:-500}"
meson test -C "$folder" --no-rebuild --print-errorlogs </dev/null
exec awk -f tests/count.awk "$folder/meson-logs/testlog.txt"
