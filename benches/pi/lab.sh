# lab.sh: the emulated ARM client of run.sh and startup.sh, which read this file. What is made once stays in
# $CCROUTE_PI, by default target/pi.
# shellcheck shell=bash

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
lab=${CCROUTE_PI:-$here/../../target/pi}
mkdir -p "$lab" && lab=$(cd "$lab" && pwd)
root=$lab/client
tool=arm-linux-gnueabihf
rust=armv7-unknown-linux-gnueabihf
qemu=$(command -v qemu-arm-static || command -v qemu-arm)
# shellcheck disable=SC1091
release=$(. /etc/os-release && echo "$VERSION_CODENAME")

say() { echo "bench-pi: $*" >&2; }

# on_client COMMAND...: in /root of the emulated machine.
on_client() {
    taskset -c 0 "$lab/older_kernel" proot -q "$qemu" -0 -r "$root" -b /dev -b /proc -b /sys -w /root \
        /usr/bin/env -i HOME=/root LANG=C PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "$@"
}

make_client() {
    [ ! -e "$root/.complete" ] || return 0
    say "making the client (once; some minutes)"
    rm -rf "$root"
    # shellcheck disable=SC2016 # Words of apt's own.
    mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' | grep -v security | head -1)
    debootstrap --foreign --arch=armhf --variant=minbase \
        --include=gcc,g++,libc6-dev,make,distcc,bc,mawk,flex,bison,perl "$release" "$root" "$mirror" >"$lab/client.log"
    # Unpacked by hand: configuring the packages under emulation would take an hour, and nothing here needs it.
    [ ! -L "$root/proc" ] || rm "$root/proc"
    mkdir -p "$root/proc" "$root/root"
    for package in "$root"/var/cache/apt/archives/*.deb; do
        dpkg-deb --fsys-tarfile "$package" | tar -x --keep-directory-symlink -C "$root"
    done
    ln -sf mawk "$root/usr/bin/awk"
    [ -e "$root/bin/sh" ] || ln -s dash "$root/bin/sh"
    touch "$root/.complete"
}

# The program for the client. Its standard library comes with rustup, or from Debian.
build_for_client() {
    if [ ! -d "$(rustc --print sysroot)/lib/rustlib/$rust" ]; then
        if command -v rustup >/dev/null; then
            rustup target add $rust
        else
            dpkg --add-architecture armhf
            apt-get -qq update
            apt-get -qq install -y --no-install-recommends libstd-rust-dev:armhf
        fi
    fi >"$lab/rust.log" 2>&1
    export CARGO_TARGET_ARMV7_UNKNOWN_LINUX_GNUEABIHF_LINKER=$tool-gcc
    (cd "$here/../.." && cargo build --quiet --release --locked --target $rust --target-dir "$lab/build")
    install -m 755 "$lab/build/$rust/release/ccroute" "$root/usr/bin"
    ln -sf ccroute "$root/usr/bin/ccroute-run"
    rm -rf "$root/usr/lib/ccroute/rules.d"
}

mkdir -p "$lab"
cc -O2 "$here/older_kernel.c" -o "$lab/older_kernel"
make_client
build_for_client
