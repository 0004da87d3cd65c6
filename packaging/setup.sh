#!/bin/sh
# setup.sh build|demo|test|all|ci|deb|dist|pi: installs, from Debian's packages, what that needs and this machine lacks.
# setup.sh client ARCH GCC: the same for a client's program of that Debian architecture, by Debian's own Rust.
# Fails without a word where Debian's Rust is too old.
set -eu

min_rust=85 # rust-version in Cargo.toml: 1.85

# What each package brings: a command, or a path with a glob. "a|b": either will do.
demo_needs='
cc gcc
/usr/include/stdio.h libc6-dev
distcc distcc
distccd distcc
arm-linux-gnueabihf-gcc gcc-arm-linux-gnueabihf
arm-linux-gnueabihf-g++ g++-arm-linux-gnueabihf
readelf binutils
'
build_needs='
cc gcc
/usr/include/stdio.h libc6-dev
'
dist_needs='
git git
xz xz-utils
'
all_needs="$dist_needs"'
debootstrap debootstrap
/usr/bin/qemu-arm-static qemu-user-static
/usr/sbin/ip iproute2
/usr/lib/python3*/ensurepip python3-venv
ld.lld lld
mold mold
'
deb_needs="$build_needs"'
dh debhelper
dpkg-buildpackage dpkg-dev
'
test_needs="$demo_needs"'
g++ g++
/usr/lib/gcc/*/*/cc1obj gobjc
/usr/lib/gcc/*/*/cc1objplus gobjc++
aarch64-linux-gnu-gcc gcc-aarch64-linux-gnu
aarch64-linux-gnu-g++ g++-aarch64-linux-gnu
arm-linux-gnueabi-gcc gcc-arm-linux-gnueabi
arm-linux-gnueabi-g++ g++-arm-linux-gnueabi
riscv64-linux-gnu-gcc gcc-riscv64-linux-gnu
riscv64-linux-gnu-g++ g++-riscv64-linux-gnu
i686-linux-gnu-gcc gcc-i686-linux-gnu
i686-linux-gnu-g++ g++-i686-linux-gnu
mips64el-linux-gnuabi64-gcc gcc-mips64el-linux-gnuabi64
mipsel-linux-gnu-gcc gcc-mipsel-linux-gnu
powerpc64-linux-gnu-gcc gcc-powerpc64-linux-gnu
powerpc64le-linux-gnu-gcc gcc-powerpc64le-linux-gnu
s390x-linux-gnu-gcc gcc-s390x-linux-gnu
clang clang
ccache ccache
cmake cmake
qemu-arm|qemu-arm-static qemu-user
perl perl
/usr/src/linux-source-*.tar.xz linux-source
flex flex
bison bison
bc bc
xz xz-utils
ps procps
strace strace
fakechroot fakechroot
proot proot
bwrap bubblewrap
valgrind valgrind
man man-db
groff groff
zsh zsh
fish fish
shellcheck shellcheck
makepkg makepkg
bsdtar libarchive-tools
fakeroot fakeroot
setpriv util-linux
script bsdutils
xmllint libxml2-utils
'"$deb_needs"

pi_needs="$demo_needs"'
debootstrap debootstrap
proot proot
qemu-arm|qemu-arm-static qemu-user
/usr/src/linux-source-*.tar.xz linux-source
flex flex
bison bison
bc bc
xz xz-utils
perl perl
make make
'

have() {
    case $1 in
    /*) for path in $1; do [ -e "$path" ] && return 0; done; return 1 ;;
    *'|'*) have "${1%%|*}" || have "${1#*|}" ;;
    *) command -v "$1" >/dev/null 2>&1 ;;
    esac
}

# Prints the packages whose command is missing, from lines on stdin.
missing() {
    while read -r what package; do
        [ -n "$what" ] || continue
        have "$what" || printf ' %s' "$package"
    done
}

rust_is_new_enough() {
    minor=$("$1" --version 2>/dev/null | sed -n 's/^[a-z]* 1\.\([0-9]*\)\..*/\1/p')
    [ "${minor:-0}" -ge "$min_rust" ]
}

# Whether the rustc that apt-get would install is, as far as apt knows before its first update.
debian_rust_is_new_enough() {
    have apt-cache || return 1
    minor=$(apt-cache policy rustc | sed -n 's/^ *Candidate: 1\.\([0-9]*\)\..*/\1/p')
    [ "${minor:-$min_rust}" -ge "$min_rust" ]
}

case ${1:-} in
build) needs=$build_needs ;;
demo) needs=$demo_needs ;;
all) needs=$all_needs ;;
dist) needs=$dist_needs ;;
client)
    debian_rust_is_new_enough || exit 1
    needs="$build_needs
/usr/bin/cargo cargo
/usr/bin/rustc rustc"
    [ "$2" = "$(dpkg --print-architecture)" ] || needs="$needs
$3 gcc-${3%-gcc}
/usr/${3%-gcc}/include/stdio.h libc6-dev-$2-cross"
    ;;
test | ci) needs=$test_needs ;;
deb) needs=$deb_needs ;;
pi) needs=$pi_needs ;;
*) echo "usage: setup.sh build|demo|test|all|ci|deb|dist|pi, or client ARCH GCC" >&2; exit 2 ;;
esac

packages=$(printf '%s\n' "$needs" | missing)
# setup.sh client has asked for Debian's.
if [ "$1" != client ] && { ! have "${CARGO:-cargo}" || ! have "${RUSTC:-rustc}"; }; then
    if have apt-cache && ! debian_rust_is_new_enough; then
        echo "setup.sh: this needs Rust 1.$min_rust or newer, and this system's packages have an older one; install it from https://rustup.rs" >&2
        exit 1
    fi
    packages="$packages cargo rustc"
fi
if [ "$1" = ci ]; then
    cargo fmt --version >/dev/null 2>&1 || packages="$packages rustfmt"
    cargo clippy --version >/dev/null 2>&1 || packages="$packages rust-clippy"
fi
packages=$(printf '%s\n' $packages | sort -u | tr '\n' ' ')

if [ -n "${packages% }" ]; then
    update='apt-get update'
    install="apt-get install -y --no-install-recommends ${packages% }"
    if ! have apt-get; then
        echo "setup.sh: missing, and no apt-get here to install it: ${packages% }" >&2
        exit 1
    elif [ "$(id -u)" = 0 ]; then
        sudo=
    elif have sudo && sudo -n true 2>/dev/null; then
        sudo=sudo
    elif have sudo && [ -t 0 ]; then
        sudo=sudo # asks for the password
    else
        echo "setup.sh: some packages are missing; as root, run:" >&2
        echo "  $update && $install" >&2
        exit 1
    fi
    echo "installing: ${packages% }"
    DEBIAN_FRONTEND=noninteractive
    export DEBIAN_FRONTEND
    log=$(mktemp)
    # shellcheck disable=SC2086
    if ! { $sudo $update && $sudo env DEBIAN_FRONTEND=noninteractive $install; } </dev/null >"$log" 2>&1; then
        cat "$log" >&2
        rm -f "$log"
        exit 1
    fi
    rm -f "$log"
fi

if [ "$1" != client ] && ! rust_is_new_enough "${RUSTC:-rustc}"; then
    echo "setup.sh: this needs Rust 1.$min_rust or newer, and $(rustc --version 2>/dev/null || echo 'no rustc') is what is here; see https://rustup.rs" >&2
    exit 1
fi
