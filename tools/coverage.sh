#!/bin/sh
# Runs all tests in a build that counts, and prints which share of the lines of src/ and cli/ they run: coverage.sh FOLDER
# FOLDER/uncovered.txt lists the others. Fails below 97 %; tests that fail are said and left to `make test`.
set -u
cd "$(dirname "$0")/.." || exit 1
folder=$1
find "$folder" -name '*.gcda' -delete 2>/dev/null
tests/run.sh "$folder" -Dwerror=false -Db_coverage=true -Doptimization=1

# A line of a function that was compiled for several processors stands there several times: run once is run.
cd "$folder" || exit 1
find libengram* cli -name '*.gcda' -exec gcov --stdout {} + 2>/dev/null | awk -F: '
    $3 == "Source" { file = $4; sub(/^(\.\.\/)+/, "", file); ours = file ~ /^(src|cli)\/.*\.c$/; next }
    !ours || NF < 3 { next }
    { count = $1; gsub(/[ *]/, "", count); line = $2 + 0 }
    count == "-" || line == 0 { next }
    { place = file ":" line; text[place] = substr($0, index($0, $3)); if (count !~ /^[#=]/) run[place] = 1 }
    END {
        for (place in text) {
            all++
            if (place in run) done++
            else print place ":" text[place] >"uncovered.txt"
        }
        printf "%.1f %% of %d lines; the others: uncovered.txt\n", 100 * done / all, all
        exit !(all && done / all >= 0.97)
    }'
status=$?
sort -t: -k1,1 -k2,2n -o uncovered.txt uncovered.txt
exit $status
