#!/bin/sh
# Floors look down only: base <- nn <- models <- file <- run <- report <- engram.c <- cli, base <- stats <- file and
# base <- data <- file. Says which include
# of which file breaks that, and fails.
set -u
cd "$(dirname "$0")/.."
bad=0

# Files, then what their quoted includes may begin with, as an extended regular expression.
check() {
    found=$(grep -HnE '^#include "' $1 | grep -vE "#include \"($2)")
    [ -z "$found" ] || { echo "$found"; bad=1; }
}
check 'src/base/*.[ch]' 'base/'
check 'src/nn/*.[ch] src/nn/ops/*.[ch]' 'base/|nn/'
check 'src/data/*.[ch]' 'base/|data/|nn/shape\.h'
check 'src/models/*.[ch]' 'base/|nn/|models/'
check 'src/stats/*.[ch]' 'base/|stats/'
check 'src/file/*.[ch]' 'base/|stats/|nn/|models/|data/|file/'
check 'src/run/*.[ch]' 'base/|stats/|nn/|models/|data/|file/|run/'
check 'src/report/*.[ch]' 'base/|stats/|data/|file/|run/|report/'
check 'src/engram*.[ch]' 'base/|stats/|nn/shape\.h|models/|data/|file/|run/|report/|engram'
check 'include/*.h' 'engram'
# The command's own headers lie beside it and have no folder.
check 'cli/*.[ch]' 'engram\.h|[a-z_]+\.h"'
found=$(grep -HnE '#include ["<]\.\./' -r src cli include)
[ -z "$found" ] || { echo "$found"; bad=1; }

# Other people's libraries have one door each: header, then the only files that may know it.
door() {
    found=$(grep -rlE "#include <$1" src cli include examples | grep -vE "^($2)$")
    [ -z "$found" ] || { echo "only $2 may include <$1...>, not: $found"; bad=1; }
}
door dnnl 'src/nn/dnn\.c'
door libav 'src/data/media[a-z_]*\.[ch]'
door libsw 'src/data/media[a-z_]*\.[ch]'
door jansson 'src/base/json\.[ch]'
door zlib 'src/data/[a-z]+\.c'

[ $bad = 0 ] && echo "floors: fine"
exit $bad
