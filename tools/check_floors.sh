#!/bin/sh
# Floors look down only, in includes and in calls: base <- nn <- models <- file <- run <- report <- engram.c <- cli,
# base <- stats <- file, base <- picture <- video <- data <- file and base <- table <- data. And no two files call each
# other, by whatever way round.
# Says what breaks that, and fails: check_floors.sh BUILD_FOLDER
set -u
cd "$(dirname "$0")/.." || exit 1
build=${1:?the folder that was built in}
bad=0

say() {
    [ -z "$2" ] || { echo "$1"; echo "$2"; bad=1; }
}

# ---- calls ----

# "calling_file called_file symbol" for every symbol that one file of ours has from another: functions and tables. What
# a file has from itself is bound in its object; nothing is inlined across files (no link-time optimisation). An object
# is named after its source: libengram.a.p/src_nn_graph.c.o, cli/engram.p/main.c.o.
list_calls() {
    {
        find src cli -name '*.c'
        find "$build"/libengram*.p "$build/cli/engram.p" -name '*.c.o' | xargs nm -A -P -g
    } | awk '
        NF == 1 { object = $1; gsub("/", "_", object); source[object] = $1; next }
        { object = $1; sub(/^.*cli\/engram[.]p\//, "cli_", object); sub(/^.*\//, "", object); sub(/[.]o:$/, "", object) }
        !(object in source) { next }
        $3 == "U" { uses[source[object] " " $2]; next }
        { home[$2] = source[object] }
        END { for (use in uses) { split(use, w, " "); if (w[2] in home) print w[1], home[w[2]], w[2] } }' | sort
}
calls=$(list_calls)
[ -n "$calls" ] || { echo "$build holds no objects of this tree"; exit 1; }
circle=$(echo "$calls" | awk '{ print $1, $2 }' | sort -u | tsort 2>&1 >/dev/null | sed -n 's/^tsort: \(.*\.c\)$/\1/p' | sort -u)
say "files that call each other in a circle:" \
    "$(echo "$calls" | awk -v circle="$circle" 'index(circle, $1) && index(circle, $2) { print $1 " calls " $2 ": " $3 }')"

# ---- floors ----

# A floor's files, then the files that they may include and call, both as extended regular expressions of paths below
# src/ (the command's headers lie beside it and have no folder).
floor() {
    say "includes that do not look down:" \
        "$(find src include cli -name '*.[ch]' | grep -E "^($1)" | xargs grep -HnE '^#include "' | grep -vE "#include \"($2)")"
    say "calls that do not look down:" \
        "$(echo "$calls" | awk -v from="^($1)" -v to="^(src/)?($2)" '$1 ~ from && $2 !~ to')"
}
floor 'src/base/' 'base/'
floor 'src/nn/' 'base/|nn/'
floor 'src/picture/' 'base/|picture/'
floor 'src/video/' 'base/|picture/|video/'
floor 'src/table/' 'base/|table/'
floor 'src/data/' 'base/|picture/|video/|table/|data/|nn/shape[.]'
floor 'src/models/' 'base/|nn/|models/'
floor 'src/stats/' 'base/|stats/'
floor 'src/file/' 'base/|stats/|nn/|models/|picture/|table/|data/|file/'
floor 'src/run/' 'base/|stats/|nn/|models/|picture/|video/|table/|data/|file/|run/'
floor 'src/report/' 'base/|stats/|picture/|video/|table/|data/|file/|run/|report/'
floor 'src/engram' 'base/|stats/|nn/shape[.]|models/|picture/|video/|table/|data/|file/|run/|report/|engram'
floor 'include/' 'engram'
floor 'cli/' 'engram|cli/|[a-z_]+[.]h"'
say "includes by way of another folder:" "$(grep -HnE '#include ["<]\.\./' -r src cli include)"

# ---- doors ----

# Other people's libraries have one door each: header, then the only files that may know it.
door() {
    say "only $2 may include <$1...>:" "$(grep -rlE --include='*.[ch]' "#include <$1" src cli include examples | grep -vE "^($2)$")"
}
door dnnl 'src/nn/dnn_[a-z0-9_]+\.[ch]'
door libav 'src/video/media[a-z_]*\.[ch]'
door libsw 'src/video/media[a-z_]*\.[ch]'
door jpeglib 'src/picture/still_jpeg\.c'
door png 'src/picture/still_png[a-z_]*\.[ch]'
door tiff 'src/picture/still_tiff\.c'
door webp 'src/picture/still_webp\.c'
door jansson 'src/base/json\.[ch]'
door zlib 'src/(table|data)/[a-z_]+\.c'

[ $bad = 0 ] && echo "floors: fine"
exit $bad
