#!/bin/bash
# run.sh WORK PROGRAM [armel ARCHIVE]: from two clean Debian systems, in two network namespaces, to the first object that the
# helper compiled, by the README's commands. Counts and times them. Run as root; called by ../full/first.rs.
#
# The helper is Debian 13 for this machine. The client is the same, or, with "armel ARCHIVE", an emulated Raspberry Pi of
# the first generation: Debian 12 for armel under qemu-arm with its processor, with the archive that "make client
# BOARD=armv6" made. (Debian 13's armel is not whole on every mirror.) WORK keeps the clean systems for the next run.
# The commands have no network but that between the two: their packages are downloaded beforehand.
set -euo pipefail

if [ -z "${CCROUTE_FIRST-}" ]; then
    # All that is mounted, started or made here ends with these namespaces.
    export CCROUTE_FIRST=1
    exec unshare --mount --propagation private --pid --fork --kill-child bash "$0" "$@"
fi

work=$1 program=$2 arch=${3:-$(dpkg --print-architecture)} archive=${4:-}
mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' | grep -v security | head -1)
mkdir -p "$work"
work=$(cd "$work" && pwd)

case $arch in
armel) suite=bookworm cross=g++-arm-linux-gnueabi triple=arm-linux-gnueabi machine=ARM ;;
amd64) suite=trixie cross=g++ triple=x86_64-linux-gnu machine=X86-64 ;;
arm64) suite=trixie cross=g++ triple=aarch64-linux-gnu machine=AArch64 ;;
*) echo "run.sh: no such client: $arch" >&2; exit 2 ;;
esac

in_root() { # ROOT COMMAND...
    local root=$1
    shift
    chroot "$root" env -i HOME=/root LANG=C.UTF-8 DEBIAN_FRONTEND=noninteractive QEMU_CPU=arm1176 \
        PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "$@"
}

mounts() { # ROOT
    mount -t proc proc "$1/proc"
    mount --rbind /dev "$1/dev"
}

# A clean system, made once, and a copy of it with the archives of the packages that the commands install.
base() { # NAME SUITE ARCH PACKAGE...
    local root=$work/$1 clean=$work/$2-$3.clean suite=$2 arch=$3 foreign=
    shift 3
    [ ! -e "$root.ready" ] || return 0
    if [ ! -e "$clean.ready" ]; then
        rm -rf --one-file-system "$clean"
        [ "$arch" = "$(dpkg --print-architecture)" ] || foreign=--foreign
        debootstrap $foreign --variant=minbase --arch="$arch" "$suite" "$clean" "$mirror" >&2
        [ -z "$foreign" ] || in_root "$clean" /debootstrap/debootstrap --second-stage >&2
        touch "$clean.ready"
    fi
    rm -rf --one-file-system "$root"
    cp -a "$clean" "$root"
    cp /etc/resolv.conf "$root/etc/resolv.conf"
    mounts "$root"
    in_root "$root" apt-get -qq update >&2
    in_root "$root" apt-get -qq install -y --no-install-recommends --download-only "$@" >&2
    umount -R -l "$root/dev" "$root/proc"
    touch "$root.ready"
}

if [ "$arch" = armel ]; then
    # A binfmt_misc of its own, where the kernel has one for each user namespace, would be better; this name is ours.
    mountpoint -q /proc/sys/fs/binfmt_misc || mount -t binfmt_misc none /proc/sys/fs/binfmt_misc
    name=ccroute-first
    trap 'echo -1 >/proc/sys/fs/binfmt_misc/$name' EXIT
    printf '%s' ":$name:M::\\x7fELF\\x01\\x01\\x01\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x02\\x00\\x28\\x00:\\xff\\xff\\xff\\xff\\xff\\xff\\xff\\x00\\xff\\xff\\xff\\xff\\xff\\xff\\xff\\xff\\xfe\\xff\\xff\\xff:$(command -v qemu-arm-static):F" \
        >/proc/sys/fs/binfmt_misc/register
fi
base helper-$cross trixie "$(dpkg --print-architecture)" distcc $cross
base client-$arch $suite $arch distcc g++

# Copies of them, whose changes go to memory.
memory=$work/memory
mkdir -p "$memory"
mount -t tmpfs tmpfs "$memory"
for side in helper-$cross client-$arch; do
    to=$memory/${side%%-*}
    mkdir -p "$to.upper" "$to.work" "$to"
    mount -t overlay overlay -o "lowerdir=$work/$side,upperdir=$to.upper,workdir=$to.work" "$to"
    mounts "$to"
    # What the commands unpack.
    mkdir -p "$to/root/package/usr/local/bin"
    cp "$program" "$to/root/package/usr/local/bin/ccroute"
    ln -s ccroute "$to/root/package/usr/local/bin/ccroute-run"
    tar -C "$to/root/package" -czf "$to/root/ccroute.tar.gz" usr
    rm -r "$to/root/package"
done
[ -z "$archive" ] || cp "$archive" "$memory/client/root/ccroute.tar.gz"

mount -t tmpfs tmpfs /run
for side in helper client; do
    ip netns add $side
    ip -n $side link set lo up
done
ip link add name helper0 netns helper type veth peer name client0 netns client
ip -n helper addr add 10.77.0.1/24 dev helper0
ip -n client addr add 10.77.0.2/24 dev client0
ip -n helper link set helper0 up
ip -n client link set client0 up

declare -A count=([helper]=0 [client]=0) spent=([helper]=0 [client]=0)
now() { date +%s%N; }
types() { # SIDE COMMAND: as its user types it
    local side=$1 start
    echo "$side# $2"
    start=$(now)
    ip netns exec $side chroot "$memory/$side" env -i HOME=/root LANG=C.UTF-8 QEMU_CPU=arm1176 \
        DEBIAN_FRONTEND=noninteractive PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
        sh -c "cd && $2" </dev/null
    count[$side]=$((count[$side] + 1))
    spent[$side]=$((spent[$side] + ($(now) - start) / 1000000))
}

types helper "apt-get install -qq -y --no-install-recommends distcc $cross"
types helper 'tar -C / -xf ccroute.tar.gz'
types helper 'ccroute install --helper --allow 10.77.0.0/24 --restart'
types client 'apt-get install -qq -y --no-install-recommends distcc g++'
types client 'tar -C / -xf ccroute.tar.gz'
types client 'ccroute install --client --host 10.77.0.1'
types client 'ccroute test' >"$memory/said"
cat "$memory/said"

for side in helper client; do
    echo "$side: ${count[$side]} commands in ${spent[$side]} ms"
    [ "${count[$side]}" -le 5 ]
done
grep -q "^10\.77\.0\.1 compiled it as $triple-gcc in " "$memory/said"

# What a build's compiler makes now: for the client's machine, and with its float ABI.
echo 'float half(float x) { return x / 2; }' >"$memory/client/root/half.c"
count[client]=0
types client 'PATH=/usr/lib/distcc:$PATH DISTCC_FALLBACK=0 gcc -c half.c -o half.o'
readelf -h "$memory/client/root/half.o" | grep "Machine: .*$machine"
if [ "$arch" = armel ]; then
    ! readelf -A "$memory/client/root/half.o" | grep Tag_ABI_VFP_args
fi
types helper 'service distcc stop'
echo "the first object came from the helper"
