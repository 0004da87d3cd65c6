#!/bin/sh
# demo.sh PROGRAM: what ccroute is for, seen on this machine: a helper (a real distccd on loopback)
# that has only Debian's ARM compiler, and a client that asks it for other names. Everything lies in
# a temporary directory; what is started here is stopped here.
set -eu

program=$(realpath "${1:?usage: demo.sh PROGRAM}")
shipped=$(realpath "$(dirname "$0")/../rules.d")
dir=$(mktemp -d /tmp/demo-XXXXXX)
chmod 755 "$dir"
helper=
stop() {
    [ -z "$helper" ] || { kill "$helper" && wait "$helper"; } 2>/dev/null || true
    rm -rf "$dir"
}
trap stop EXIT
trap 'exit 1' HUP INT TERM

say() { printf '\n== %s\n' "$*"; }
fail() { echo "demo: $*" >&2; [ ! -e "$dir/log" ] || tail -n 20 "$dir/log" >&2; exit 1; }

# What an object says of itself, in one line: machine, ISA, floating point.
describe() {
    machine=$(LC_ALL=C readelf -h "$1" | sed -n 's/^ *Machine: *//p')
    tags=$(LC_ALL=C readelf -A "$1" | sed -n 's/^ *Tag_\(CPU_arch\|FP_arch\|ABI_VFP_args\): */ \1=/p' | tr '\n' ',')
    echo "   $(basename "$1"): $machine$tags" | sed 's/,$//'
}
expect() { # FILE WORD: the object's description has the word
    describe "$1" | grep -q "$2" || fail "$(describe "$1") is not $2"
}

say "the helper: only these compilers, and ccroute under the names that clients ask for"
mkdir "$dir/bin" "$dir/tools" "$dir/rules" "$dir/tmp"
chmod 1777 "$dir/tmp"
cp "$program" "$dir/ccroute"
cp "$shipped"/*.rules "$dir/rules/"
for tool in gcc g++; do
    ln -s "$(command -v arm-linux-gnueabihf-$tool)" "$dir/tools/arm-linux-gnueabihf-$tool"
    ln -s ../ccroute "$dir/bin/$tool"
    ln -s ../ccroute "$dir/bin/armv6j-hardfloat-linux-gnueabi-$tool"
done
ln -s "$(command -v gcc)" "$dir/tools/gcc"
ls "$dir/tools" | sed 's/^/   /'

user=$(id -un)
[ "$(id -u)" != 0 ] || user=nobody
start() { # starts distccd on a free port above 4000
    for port in $(seq 4810 4899); do
        env -i PATH=/usr/bin:/bin TMPDIR="$dir/tmp" DISTCCD_PATH="$dir/bin:$dir/tools" \
            CCROUTE_RULES_DIR="$dir/rules" \
            distccd --daemon --no-detach --enable-tcp-insecure --user "$user" --jobs 2 \
            --listen 127.0.0.1 --allow 127.0.0.1 --port "$port" --log-stderr --log-level info 2>"$dir/log" &
        helper=$!
        for _ in 1 2 3 4 5 6 7 8 9 10; do
            sleep 0.2
            kill -0 "$helper" 2>/dev/null || break
            ! grep -q 'preforking daemon started' "$dir/log" || return 0
        done
        kill "$helper" 2>/dev/null || true
        wait "$helper" 2>/dev/null || true
        helper=
    done
    fail "distccd does not start"
}
start
echo "   distccd runs on 127.0.0.1:$port"

# The client's own compiler: what a Raspberry Pi with Gentoo has, by the names it has there.
mkdir "$dir/client" "$dir/client/bin" "$dir/client/state"
flags='-march=armv6j -mtune=arm1136j-s -mfpu=vfp -mfloat-abi=hard -marm'
for tool in gcc g++; do
    for name in $tool armv6j-hardfloat-linux-gnueabi-$tool; do
        printf '#!/bin/sh\nexec %s %s "$@"\n' "$(command -v arm-linux-gnueabihf-$tool)" "$flags" \
            >"$dir/client/bin/$name"
        chmod 755 "$dir/client/bin/$name"
    done
done
cd "$dir/client"
client() {
    env PATH="$dir/client/bin:/usr/bin:/bin" DISTCC_DIR="$dir/client/state" \
        DISTCC_HOSTS="127.0.0.1:$port" DISTCC_NO_REWRITE_CROSS=1 \
        DISTCC_FALLBACK=0 DISTCC_SKIP_LOCAL_RETRY=1 distcc "$@"
}
cat >area.c <<'C'
#include <math.h>
double area(double r) { return M_PI * r * r; }
C
cat >names.cc <<'C'
#include <string>
#include <vector>
std::string join(const std::vector<std::string> &v) { std::string s; for (auto &x : v) s += x; return s; }
C

say "a client asks for a compiler that the helper does not have"
echo '$ distcc armv6j-hardfloat-linux-gnueabi-gcc -O2 -c area.c'
client armv6j-hardfloat-linux-gnueabi-gcc -O2 -c area.c -o area.o || fail "the C file did not come back"
describe area.o
expect area.o 'CPU_arch=v6'
expect area.o 'ABI_VFP_args=VFP'
echo '$ distcc armv6j-hardfloat-linux-gnueabi-g++ -O2 -c names.cc'
client armv6j-hardfloat-linux-gnueabi-g++ -O2 -c names.cc -o names.o || fail "the C++ file did not come back"
describe names.o
expect names.o 'CPU_arch=v6'
echo "   what the stand-in makes by itself:"
arm-linux-gnueabihf-gcc -O2 -c area.c -o alone.o
describe alone.o

say "a kernel Makefile calls plain gcc: the source shows what for, and the job is routed"
mkdir -p include/linux arch/arm/include/asm kernel
: >include/linux/kconfig.h
: >include/linux/compiler_types.h
echo 'typedef unsigned long word;' >arch/arm/include/asm/page.h
printf '#include <asm/page.h>\nword next(word *p) { return *p + sizeof(word); }\n' >kernel/next.c
kernel() {
    client gcc -nostdinc -D__KERNEL__ -include ./include/linux/kconfig.h \
        -include ./include/linux/compiler_types.h -I./arch/arm/include \
        -march=armv7-a -msoft-float -O2 -c kernel/next.c -o next.o
}
echo '$ distcc gcc -D__KERNEL__ -I./arch/arm/include … -c kernel/next.c'
kernel || fail "the kernel file was not routed"
describe next.o
expect next.o 'ARM'

say "the same with the ARM compiler taken away: refused, not compiled for the wrong machine"
rm "$dir"/tools/arm-linux-gnueabihf-*
rm -f next.o
echo '$ distcc gcc -D__KERNEL__ -I./arch/arm/include … -c kernel/next.c'
code=0
kernel >refusal 2>/dev/null || code=$?
sed 's/^/   /' refusal
[ "$code" = 110 ] || fail "exit code $code instead of 110"
grep -q '^ccroute on the helper: gcc: ' refusal || fail "no line says why"
[ ! -e next.o ] || fail "an object came back nevertheless"
echo "   exit code 110, no object"

say "all as it should be"
