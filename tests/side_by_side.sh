#!/bin/bash
# Runs test programs side by side without meson, where they were built elsewhere and take long: in an emulator.
#
#   tests/side_by_side.sh JOBS FOLDER SECONDS NAME...
#
# Each is $TESTS/test_NAME, started with the words of $EMULATOR before it, in the working folder; NAME:PATTERN runs those
# of its tests alone whose names match. NAME.log in FOLDER is what it said. What has passed there for the same $STAMP (a commit) is not run again, so a run that was cut short goes
# on. After SECONDS all is ended. The last line is "passed: ..." or "failed: WHAT". Wants bash and coreutils.
set -u
[ $# -gt 3 ] || { echo "side_by_side.sh JOBS FOLDER SECONDS NAME..."; exit 2; }
jobs=$1 folder=$2 end=$((SECONDS + $3))
shift 3
mkdir -p "$folder/tmp" || exit 1
folder=$(cd "$folder" && pwd)

# What takes longest is begun first.
longest="models_learning models_plans models_gradients models_files oom_oom run_add cli_eval cli_usage cli_bench cli_stop
    run_fit cli_train ops_ops nn_conv nn_plan"
ordered=()
for name in $longest; do
    for given; do
        [ "${given%%:*}" != "$name" ] || ordered+=("$given")
    done
done
for given; do
    [[ " $longest " == *" ${given%%:*} "* ]] || ordered+=("$given")
done

# Waiting threads soon sleep, as in the command; more than two of each program only stand in the others' way.
export OMP_WAIT_POLICY="${OMP_WAIT_POLICY:-passive}" GOMP_SPINCOUNT="${GOMP_SPINCOUNT:-500}"
export OMP_NUM_THREADS="${OMP_NUM_THREADS:-2}" ENGRAM_TEST_SECONDS="${ENGRAM_TEST_SECONDS:-3600}"
export TMPDIR=$folder/tmp

has_passed() { [ -e "$folder/$1.passed" ] && [ "$(<"$folder/$1.passed")" = "${STAMP:-}" ]; }
run_one() {
    local name=$1 began=$SECONDS left=$((end > SECONDS ? end - SECONDS : 1)) result
    [ "$name" = "${name%%:*}" ] || export ENGRAM_TEST_ONLY=${name#*:}
    rm -f "$folder/$name.passed"
    # shellcheck disable=SC2086 # words, none with a space
    timeout --kill-after 5 "$left" ${EMULATOR:-} "$TESTS/test_${name%%:*}" </dev/null >"$folder/$name.log" 2>&1
    result=$?
    echo "exit status $result after $((SECONDS - began)) s" >>"$folder/$name.log"
    [ $result != 0 ] || echo "${STAMP:-}" >"$folder/$name.passed"
    case $result in 0) result=passed ;; 124 | 137) result="not ended" ;; *) result=failed ;; esac
    echo "$name: $result, $((SECONDS - began)) s"
}

running=0
for name in "${ordered[@]}"; do
    ! has_passed "$name" || continue
    if [ $running -ge "$jobs" ]; then
        wait -n
        running=$((running - 1))
    fi
    [ $SECONDS -lt $end ] || break
    run_one "$name" &
    running=$((running + 1))
done
wait

# ---- what came of it: cmocka's own counts ----
passed=0 failed=0 skipped=0 missing=
for name in "${ordered[@]}"; do
    has_passed "$name" || missing="$missing $name"
    [ -e "$folder/$name.log" ] || continue
    while read -r line; do
        [[ $line =~ ^\[\ \ (PASSED|FAILED|SKIPPED)\ *\]\ ([0-9]+)\ test ]] || continue
        case ${BASH_REMATCH[1]} in
            PASSED) passed=$((passed + BASH_REMATCH[2])) ;;
            FAILED) failed=$((failed + BASH_REMATCH[2])) ;;
            SKIPPED) skipped=$((skipped + BASH_REMATCH[2])) ;;
        esac
    done <"$folder/$name.log"
done
rm -rf "$TMPDIR"
count="$passed tests passed, $failed failed, $skipped skipped"
[ -z "$missing" ] || { echo "failed: $count; failed or not ended:$missing"; exit 1; }
echo "passed: $# programs, $count"
