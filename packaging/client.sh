#!/bin/sh
# client.sh BOARD: makes the client's program for a board, static, target/client/ccroute-BOARD, and an archive with it to
# unpack there, target/client/ccroute-VERSION-BOARD.tar.gz. Called by "make client BOARD=...".
#
# Rust's standard library for the board comes from one of two places:
# - rustup: its musl target, which rustc links with its own lld, so that no cross compiler is needed;
# - Debian 13: libstd-rust-dev of the board's architecture, for Debian's rustc, with a cross gcc.
set -eu
cd "$(dirname "$0")/.."

out=target/client
boards='armv6 armv7 arm64 riscv64 i686 x86_64'
board=${1:-}
case $board in
# Debian's armhf is ARMv7. Its armel (ARMv5TE, soft float) runs on every 32-bit ARM board.
armv6) musl=arm-unknown-linux-musleabihf arch=armel ;;
armv7) musl=armv7-unknown-linux-musleabihf arch=armel ;;
arm64) musl=aarch64-unknown-linux-musl arch=arm64 ;;
riscv64) musl=riscv64gc-unknown-linux-musl arch=riscv64 ;;
i686) musl=i686-unknown-linux-musl arch=i386 ;;
x86_64) musl=x86_64-unknown-linux-musl arch=amd64 ;;
*)
    echo "usage: make client BOARD=${board:+... ($board is not known)}"
    echo "boards: $boards"
    exit 2
    ;;
esac >&2
# Debian's architecture as rustc and gcc call it.
case $arch in
armel) gnu=armv5te-unknown-linux-gnueabi gcc=arm-linux-gnueabi-gcc ;;
arm64) gnu=aarch64-unknown-linux-gnu gcc=aarch64-linux-gnu-gcc ;;
riscv64) gnu=riscv64gc-unknown-linux-gnu gcc=riscv64-linux-gnu-gcc ;;
i386) gnu=i686-unknown-linux-gnu gcc=i686-linux-gnu-gcc ;;
amd64) gnu=x86_64-unknown-linux-gnu gcc=x86_64-linux-gnu-gcc ;;
esac

# Whether a rustc has the standard library of a target.
has() {
    sysroot=$("$1" --print sysroot 2>/dev/null) && [ -n "$(ls "$sysroot/lib/rustlib/$2/lib"/libstd-*.rlib 2>/dev/null)" ]
}

by_rustup() {
    command -v cargo >/dev/null && command -v rustc >/dev/null || return 1
    if ! has rustc "$musl"; then
        command -v rustup >/dev/null || return 1
        echo "client.sh: rustup target add $musl" >&2
        rustup target add "$musl" >/dev/null 2>&1 || return 1
        has rustc "$musl" || return 1
    fi
    target=$musl cargo=cargo linker=rust-lld
    flags='-C linker-flavor=ld.lld -C link-self-contained=yes -C target-feature=+crt-static'
}

by_debian() {
    packaging/setup.sh client "$arch" "$gcc" >&2 || return 1
    target=$gnu cargo=/usr/bin/cargo linker=$gcc
    export RUSTC=/usr/bin/rustc
    flags='-C target-feature=+crt-static'
    if ! has $RUSTC "$gnu"; then
        # The library of just this rustc.
        rust=$(dpkg-query -W -f '${Version}' rustc)
        std=$out/std/$arch-$rust
        debian_library >&2 || return 1
        flags="$flags --sysroot $PWD/$std/usr"
    fi
}

# Unpacks Debian's library of another architecture. Nothing is installed, so its dependencies are not needed.
debian_library() {
    [ ! -d "$std/usr/lib/rustlib/$gnu" ] || return 0
    echo "client.sh: libstd-rust-dev:$arch, from Debian's packages"
    mkdir -p "$std/lists/partial" "$std/cache/archives/partial"
    set -- -qq -o "APT::Architectures::=$(dpkg --print-architecture)" -o "APT::Architectures::=$arch" \
        -o "Dir::State::Lists=$PWD/$std/lists" -o "Dir::Cache=$PWD/$std/cache" -o Debug::NoLocking=1 -o APT::Sandbox::User=
    apt-get "$@" update && (cd "$std" && apt-get "$@" download "libstd-rust-dev:$arch=$rust") &&
        dpkg-deb -x "$std"/libstd-rust-dev_*_"$arch".deb "$std"
    done=$?
    rm -rf "$std/lists" "$std/cache" "$std"/*.deb
    return $done
}

if ! by_rustup && ! by_debian; then
    echo "client.sh: no Rust standard library for $board: rustup cannot add $musl here; run this on Debian 13, whose libstd-rust-dev:$arch serves" >&2
    exit 1
fi

version=$(sed -n 's/^version = "\(.*\)"/\1/p;T;q' Cargo.toml)
build=$out/build
name=ccroute-$version-$board
variable=$(echo "$target" | tr a-z- A-Z_)
echo "client.sh: $target, by $linker" >&2
env "CARGO_TARGET_${variable}_LINKER=$linker" "CARGO_TARGET_${variable}_RUSTFLAGS=$flags" \
    CARGO_PROFILE_RELEASE_STRIP=symbols \
    "$cargo" build --release --locked --bin ccroute --target "$target" --target-dir "$build"

# The pages are the same for every board. A program that runs here writes them: this one, if it does.
program=$out/ccroute-$board
cp "$build/$target/release/ccroute" "$program"
native=target/debug/ccroute
if "$program" --version >/dev/null 2>&1; then native=$program; else "$cargo" build --locked --bin ccroute; fi
root=$out/$name
rm -rf "$root"
make --no-print-directory install-client PROGRAM="$program" NATIVE="$native" DESTDIR="$root" \
    >"$out/$name.log" 2>&1 || { cat "$out/$name.log" >&2; exit 1; }
rm "$out/$name.log"
cat >"$root/usr/local/share/doc/ccroute/CLIENT" <<TEXT
ccroute $version for $board: a static program for a machine that builds (a client).
Type these as root on the board; ADDRESS is the helper's:

  tar -C / -xf $name.tar.gz
  ccroute install --client --host ADDRESS
  ccroute test

It needs distcc on the board. To remove it:

  ccroute uninstall --client
  tar -tf $name.tar.gz | grep -v '/\$' | (cd / && xargs rm -f)
TEXT
tar -C "$root" --sort=name --owner=0 --group=0 --numeric-owner --no-recursion -czf "$out/$name.tar.gz" \
    -T - <<FILES
$(cd "$root" && find usr ! -type d | LC_ALL=C sort)
FILES
rm -rf "$root"
echo "$out/$name.tar.gz ($(($(wc -c <"$out/$name.tar.gz") / 1024)) KiB). Copy it to the board. There, as root:"
echo "  tar -C / -xf $name.tar.gz"
echo "  ccroute install --client --host ADDRESS"
echo "  ccroute test"
