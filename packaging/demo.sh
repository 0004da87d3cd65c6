#!/bin/bash
# demo.sh CCROUTE: a helper and a client on this machine's loopback, from nothing to objects.
# Everything lives in a temporary directory and ends with this script.
set -euo pipefail

ccroute=$(realpath "${1:?usage: demo.sh CCROUTE}")
rules=$(cd "$(dirname "$0")/.." && pwd)/rules.d
dir=$(mktemp -d /tmp/ccroute-demo.XXXXXX)
helper=

finish() {
    code=$?
    [ -z "$helper" ] || { kill "$helper" 2>/dev/null && wait "$helper" || true; } 2>/dev/null
    rm -rf "$dir"
    [ $code = 0 ] || echo "demo: FAILED (exit $code)" >&2
    exit $code
}
trap finish EXIT

say() { printf '\n== %s\n' "$*"; }
show() { printf '$ %s\n' "$*"; "$@"; }
wrong() { echo "demo: $*" >&2; exit 1; }
# What an object says of itself, in one line.
facts() {
    readelf -hA "$1" | sed -n 's/^ *\(Class\|Machine\): */\1: /p; s/^ *\(Tag_CPU_arch\|Tag_FP_arch\|Tag_ABI_VFP_args\): /\1: /p' |
        paste -sd'|' | sed 's/|/  |  /g'
}
# expect OBJECT WORD...: every word is among the object's facts.
expect() {
    local object=$1 told word
    told=$(facts "$object"); shift
    echo "  ${object##*/}: $told"
    for word in "$@"; do
        grep -qF -- "$word" <<<"$told" || wrong "${object##*/} is not $word"
    done
}

# start PATH: a helper's distccd that finds compilers along PATH, on a free port above 4000.
start() {
    local path=$1 tries
    for tries in 1 2 3 4 5 6 7 8; do
        port=$((20000 + RANDOM % 20000))
        env -i PATH=/usr/bin:/bin TMPDIR="$dir/tmp" DISTCCD_PATH="$path" CCROUTE_RULES_DIR="$dir/rules" \
            distccd --daemon --no-detach --listen 127.0.0.1 --port $port --allow 127.0.0.1 \
            --user nobody --jobs 4 --enable-tcp-insecure --log-stderr </dev/null 2>"$dir/distccd.log" &
        helper=$!
        for _ in $(seq 100); do
            kill -0 $helper 2>/dev/null || break
            if (exec 3<>/dev/tcp/127.0.0.1/$port) 2>/dev/null; then
                # It may be another program's port; then distccd has ended by now.
                sleep 0.1
                kill -0 $helper 2>/dev/null && return
            fi
            sleep 0.05
        done
        stop
    done
    cat "$dir/distccd.log" >&2
    wrong "distccd does not start"
}
stop() {
    [ -n "$helper" ] || return 0
    kill "$helper" 2>/dev/null || true
    wait "$helper" 2>/dev/null || true
    helper=
}
# The client's distcc: it must not compile by itself, so that what we see is the helper's work.
distcc() {
    env -i PATH="$dir/client:/usr/bin:/bin" HOME="$dir" DISTCC_DIR="$dir/state" DISTCC_HOSTS=127.0.0.1:$port \
        DISTCC_NO_REWRITE_CROSS=1 DISTCC_FALLBACK=0 DISTCC_SKIP_LOCAL_RETRY=1 /usr/bin/distcc "$@"
}

pi=armv6j-hardfloat-linux-gnueabi
chmod 755 "$dir"
mkdir -p "$dir"/{helper,only,client,rules,state,src/kernel/time,src/include/linux,src/arch/arm/include/asm}
mkdir -m 1777 "$dir/tmp"
cd "$dir/src"

say "The helper: ccroute under each name that clients ask for, and the shipped rules"
cp "$ccroute" "$dir"
cp "$rules"/*.rules "$dir/rules/"
chmod -R go-w,a+rX "$dir/rules" "$dir"/ccroute*
for name in $pi-gcc $pi-g++ gcc; do
    ln -s "$dir/ccroute" "$dir/helper/$name"
done
start "$dir/helper:/usr/bin:/bin"
echo "distccd on 127.0.0.1:$port; this machine has no $pi-gcc:"
CCROUTE_RULES_DIR=$dir/rules show "$dir/ccroute" explain --place helper $pi-gcc -O2 -c hello.c

say "The client: a Raspberry Pi with Gentoo (its compiler is played by Debian's, told to be like it)"
for tool in gcc g++; do
    printf '#!/bin/sh\nexec /usr/bin/arm-linux-gnueabihf-%s -march=armv6j -mfpu=vfp -mfloat-abi=hard -marm "$@"\n' $tool >"$dir/client/$pi-$tool"
    chmod +x "$dir/client/$pi-$tool"
    ln -s $pi-$tool "$dir/client/$tool"
done
cat >hello.c <<'SOURCE'
#include <stdio.h>
double half(double x) { return x / 2; }
int main(void) { printf("%g\n", half(84)); return 0; }
SOURCE
cat >hello.cc <<'SOURCE'
#include <string>
#include <vector>
double sum(const std::vector<double> &v) { double s = 0; for (double x : v) s += x; return s; }
std::string name() { return std::string("ccroute"); }
SOURCE
show distcc $pi-gcc -O2 -c hello.c -o hello-c.o
show distcc $pi-g++ -O2 -c hello.cc -o hello-cc.o
for object in hello-c.o hello-cc.o; do
    expect $object ELF32 "Machine: ARM" "Tag_CPU_arch: v6" VFPv2 "VFP registers"
done

say "A kernel's file, sent as plain gcc: the source says for which machine, and the job is routed"
# What of a kernel's tree can be seen: forced includes, and headers of one architecture.
echo '#define __KCONFIG 1' >include/linux/kconfig.h
echo '#define __noreturn __attribute__((noreturn))' >include/linux/compiler_types.h
echo 'static inline int cpu(void) { int r; __asm__("mrc p15, 0, %0, c0, c0, 5" : "=r"(r)); return r; }' >arch/arm/include/asm/cpu.h
printf '#include <asm/cpu.h>\nint this_cpu(void) { return cpu(); }\n' >kernel/time/cpu.c
kernel=(-nostdinc -Iarch/arm/include -Iinclude -include include/linux/kconfig.h -include include/linux/compiler_types.h
    -D__KERNEL__ -march=armv7-a -marm -msoft-float -O2 -c kernel/time/cpu.c)
show distcc gcc "${kernel[@]}" -o kernel.o
expect kernel.o "Machine: ARM"

say "The same where the helper has no compiler for ARM: refused, in one line"
stop
ln -s /usr/bin/gcc "$dir/only/gcc"
start "$dir/helper:$dir/only"
code=0
show distcc gcc "${kernel[@]}" -o refused.o >refused.txt 2>&1 || code=$?
grep -v '^distcc\[' refused.txt
[ $code = 110 ] || wrong "exit code $code, and not 110"
grep -q '^ccroute on the helper: gcc: .*arm' refused.txt || wrong "the refusal does not say why"
[ ! -s refused.o ] || wrong "an object came back"
echo "  distcc's exit code: $code; no object"

say "Without ccroute the same helper returns an object for the wrong machine, and exit code 0"
stop
start /usr/bin:/bin
echo 'int answer(void) { return 42; }' >plain.c
show distcc gcc -O2 -c plain.c -o plain.o
expect plain.o
stop

say "All as it should be."
