#!/bin/sh
# The shared library offers what engram.h declares, all of it and nothing else.
set -eu
header=$(dirname "$0")/../../include/engram.h
declared=$(grep '^ENGRAM_API' "$header" | grep -o 'engram_[a-z_]*(' | tr -d '(' | sort -u)
exported=$(nm -D --defined-only "$1" | awk '$2 != "A" { sub(/@.*/, "", $3); print $3 }' | sort -u)
[ "$declared" = "$exported" ] && exit 0
echo "declared in engram.h, but not exported, or the other way round:"
printf '%s\n%s\n' "$declared" "$exported" | sort | uniq -u
exit 1
