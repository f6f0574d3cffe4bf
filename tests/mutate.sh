#!/bin/sh
# Whether the tests notice: breaks the lines of tests/mutations.txt one by one in a copy of the tree, builds, and runs
# the tests that are named beside each. Slow, and no part of `make test`: tests/mutate.sh FOLDER [WORD]
# A WORD takes the rows that hold it. The last line is "N noticed, N not"; a row that does not apply or does not compile
# counts as not noticed.
set -u
cd "$(dirname "$0")/.." || exit 1
mkdir -p "$1" && folder=$(cd "$1" && pwd) || exit 1
word=${2:-}
tree=$folder/tree build=$folder/build
rm -rf "$tree"
mkdir "$tree" && git ls-files -z | tar --create --null --files-from - | tar --extract --directory "$tree"
again=
[ ! -f "$build/build.ninja" ] || again=--reconfigure
meson setup $again -Doptimization=1 -Ddebug=false "$build" "$tree" >"$folder/log" && ninja -C "$build" >>"$folder/log" || { tail "$folder/log"; exit 1; }
export OMP_WAIT_POLICY="${OMP_WAIT_POLICY:-passive}"

# One row: file, tests, old text, new text. Says what became of it; true where a test noticed.
break_one() {
    cp "$tree/$1" "$folder/original"
    OLD=$3 NEW=$4 awk '{
        while ((at = index($0, ENVIRON["OLD"]))) {
            printf "%s%s", substr($0, 1, at - 1), ENVIRON["NEW"]
            $0 = substr($0, at + length(ENVIRON["OLD"]))
            found++
        }
        print
    } END { exit found != 1 }' "$folder/original" >"$tree/$1" || { echo "stands there not once"; return 1; }
    targets=cli/engram
    for test in $2; do
        [ "$test" = floors ] || targets="$targets tests/test_${test%_avx2}"
    done
    # shellcheck disable=SC2086 # several words
    ninja -C "$build" $targets examples/score_one >"$folder/log" 2>&1 || { echo "does not compile"; return 1; }
    # shellcheck disable=SC2086
    meson test -C "$build" --no-rebuild $2 >"$folder/log" 2>&1 </dev/null && { echo "NOT NOTICED"; return 1; }
    echo noticed
}

noticed=0 missed=0
while IFS= read -r row; do
    case $row in '' | '#'*) continue ;; *"$word"*) ;; *) continue ;; esac
    file=${row%% @@ *} rest=${row#* @@ }
    tests=${rest%% @@ *} change=${rest#* @@ }
    result=$(break_one "$file" "$tests" "${change%% => *}" "${change#* => }") &&
        noticed=$((noticed + 1)) || missed=$((missed + 1))
    cp "$folder/original" "$tree/$file"
    printf '%-24s %-30s %s\n' "$file" "$tests" "$result"
done <tests/mutations.txt
echo "$noticed noticed, $missed not"
[ "$missed" = 0 ]
