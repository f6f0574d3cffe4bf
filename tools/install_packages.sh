#!/bin/sh
# Installs those packages of packages.txt that are missing: install_packages.sh [test] [demo] [bench]
# Says what it does; asks for nothing; does nothing where all is there, and where the system has no Debian packages.
set -eu
cd "$(dirname "$0")/.."
command -v dpkg-query >/dev/null || { echo "This is no Debian system: packages.txt says what engram needs." >&2; exit 0; }

missing=
while read -r package target; do
    case "$package" in '' | '#'*) continue ;; esac
    case " build $* " in *" ${target:-build} "*) ;; *) continue ;; esac
    dpkg-query -W -f '${db:Status-Status}\n' "$package" 2>/dev/null | grep -qx installed || missing="$missing $package"
done <packages.txt
[ -n "$missing" ] || exit 0

sudo=
[ "$(id -u)" = 0 ] || sudo=sudo
echo "Installing Debian packages that are missing:$missing"
export DEBIAN_FRONTEND=noninteractive
# shellcheck disable=SC2086 # several words each
$sudo apt-get install -y --no-install-recommends $missing </dev/null >/dev/null 2>&1 || {
    $sudo apt-get update </dev/null >/dev/null
    $sudo apt-get install -y --no-install-recommends $missing </dev/null >/dev/null
}
