#!/bin/sh
# Meson's argument for the folder of libraries, where the compiler knows that the system has one for each architecture.
# Meson would ask dpkg-architecture, which is not on a Debian without dpkg-dev, and guess lib64: neither the linker nor
# pkg-config look there.
multiarch=$(${CC:-cc} -print-multiarch 2>/dev/null)
[ -z "$multiarch" ] || echo "--libdir=lib/$multiarch"
