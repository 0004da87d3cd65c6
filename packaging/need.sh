#!/bin/sh
# need.sh SET...: installs what a set of commands needs and this machine lacks. Sets: build, demo,
# test, lint. On Debian and its relatives by apt-get, as root or through sudo; elsewhere it says
# what is missing. What is there already, from wherever, is left alone.
set -eu

# One line each: the set, a command (or a file, with a slash; '|' between alternatives), the package.
table='
build cargo                             cargo
build rustc                             rustc
build cc                                gcc
build /usr/include/stdlib.h             libc6-dev
demo  distcc                            distcc
demo  distccd                           distcc
demo  readelf                           binutils
demo  arm-linux-gnueabihf-gcc           gcc-arm-linux-gnueabihf
demo  arm-linux-gnueabihf-g++           g++-arm-linux-gnueabihf
test  g++                               g++
test  clang                             clang
test  arm-linux-gnueabi-g++             g++-arm-linux-gnueabi
test  aarch64-linux-gnu-g++             g++-aarch64-linux-gnu
test  riscv64-linux-gnu-g++             g++-riscv64-linux-gnu
test  i686-linux-gnu-g++                g++-i686-linux-gnu
test  qemu-arm|qemu-arm-static          qemu-user
test  /usr/src/linux-source-*.tar.xz    linux-source
test  xz                                xz-utils
test  flex                              flex
test  bison                             bison
test  bc                                bc
lint  cargo-fmt                         rustfmt
lint  cargo-clippy                      rust-clippy
'

have() {
    case $1 in
        # A pattern of files: the first that it names, or itself where it names none.
        /*) for file in $1; do [ -e "$file" ] && return 0; done; return 1 ;;
        *'|'*) have "${1%%|*}" || have "${1#*|}" ;;
        *) command -v "$1" >/dev/null 2>&1 ;;
    esac
}

# What each set builds on.
sets=
for set in "$@"; do
    case $set in
        build) sets="$sets build" ;;
        demo) sets="$sets build demo" ;;
        test) sets="$sets build demo test" ;;
        lint) sets="$sets build lint" ;;
        *) echo "need.sh: no such set: $set (build, demo, test, lint)" >&2; exit 2 ;;
    esac
done

missing=
packages=
set -f # the patterns in the table are for have() to expand
while read -r set what package; do
    [ -n "$set" ] || continue
    case " $sets " in *" $set "*) ;; *) continue ;; esac
    set +f
    if ! have "$what"; then
        missing="$missing $what"
        packages="$packages $package"
    fi
    set -f
done <<TABLE
$table
TABLE
set +f
# Debian 12's own Rust is too old; said here, because cargo's message for it is a riddle.
check_rust() {
    minor=$(rustc --version | sed 's/^rustc 1\.\([0-9]*\).*/\1/')
    if [ "$minor" -lt 85 ]; then
        echo "need.sh: $(rustc --version): ccroute needs 1.85 or newer: see https://rustup.rs" >&2
        exit 1
    fi
}
[ -n "$missing" ] || { check_rust; exit 0; }

if ! command -v apt-get >/dev/null 2>&1; then
    echo "need.sh: this machine lacks:$missing" >&2
    echo "need.sh: on Debian these packages have them:$packages" >&2
    exit 1
fi
install="apt-get install -y --no-install-recommends$packages"
if [ "$(id -u)" = 0 ]; then
    root=
elif command -v sudo >/dev/null 2>&1; then
    root="sudo"
else
    echo "need.sh: this machine lacks:$missing" >&2
    echo "need.sh: as root, run: apt-get update && $install" >&2
    exit 1
fi
echo "Installing what is missing:$packages"
export DEBIAN_FRONTEND=noninteractive
$root apt-get -qq update </dev/null
# shellcheck disable=SC2086 # a list of words
$root env DEBIAN_FRONTEND=noninteractive $install -qq </dev/null >/dev/null
check_rust
