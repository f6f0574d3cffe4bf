#!/bin/sh
# `make` sets up a build whose library goes where linker and pkg-config look, also without dpkg-architecture.
set -eu
cd "$(dirname "$0")/.."
multiarch=$(${CC:-cc} -print-multiarch 2>/dev/null) || multiarch=
[ -n "$multiarch" ] || { echo "this system has one folder for libraries"; exit 77; }
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
printf '#!/bin/sh\nexit 127\n' >"$folder/dpkg-architecture"
chmod +x "$folder/dpkg-architecture"
PATH=$folder:$PATH make --silent BUILD="$folder/build" "$folder/build/build.ninja"
libdir=$(meson introspect --buildoptions "$folder/build" | tr '{' '\n' | sed -n 's/^"name": "libdir", "value": "\([^"]*\)".*/\1/p')
[ "$libdir" = "lib/$multiarch" ] || { echo "libdir is '$libdir', not lib/$multiarch"; exit 1; }
