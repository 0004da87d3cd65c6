#!/bin/sh
# demo.sh CCROUTE: a helper on this machine's loopback, with the program CCROUTE under compiler names,
# and a client that sends it jobs. Shows what comes back. Everything is in a temporary directory and
# on a port of its own; what is started is stopped. Exits nonzero if anything is not as it should be.
# `make demo` builds the program and installs distcc and the ARM cross compiler first.
set -eu
LC_ALL=C
export LC_ALL
ccroute=$1
name=armv6j-hardfloat-linux-gnueabi
system=/usr/local/bin:/usr/bin:/bin

dir=$(mktemp -d /tmp/ccroute-demo.XXXXXX)
distccd=
stop() {
    [ -z "$distccd" ] || { kill "$distccd" && wait "$distccd" || true; } 2>/dev/null
    distccd=
}
trap 'stop; rm -rf "$dir"' EXIT
trap 'exit 130' INT TERM
# distccd's jobs run as another user where this runs as root, and must reach all this.
umask 022
chmod 755 "$dir"

failures=0
fail() {
    echo "    WRONG: $*"
    failures=$((failures + 1))
}
heading() {
    printf '\n== %s\n' "$*"
}
# The client compiles nothing itself: what comes back, comes from the helper.
remote_only='DISTCC_FALLBACK=0 DISTCC_SKIP_LOCAL_RETRY=1'
# client [-local] DIRECTORY COMMAND...: prints a command and runs it as the client.
client() {
    settings=$remote_only
    [ "$1" != -local ] || { settings=; shift; }
    where=$dir/client/$1
    shift
    echo "    client\$ $*"
    # A helper that failed is not asked again for a minute; here each job is the first.
    rm -rf "$dir/client/.distcc/lock"
    (cd "$where" && env -i PATH="$dir/client/bin:$system" HOME="$dir/client" \
        DISTCC_DIR="$dir/client/.distcc" DISTCC_HOSTS="127.0.0.1:$port/4" \
        DISTCC_NO_REWRITE_CROSS=1 $settings "$@") 2>&1 | sed 's/^/    /'
}

# machine, ISA and float ABI of an object
facts() {
    readelf -h -A "$1" | sed -n '
        s/^ *Machine: */machine /p
        s/^ *Tag_CPU_arch: */ISA /p
        s/^ *Tag_FP_arch: */floating point /p
        s/^ *Tag_ABI_VFP_args: */float arguments in /p' | paste -s -d ';' - | sed 's/;/, /g'
}
# Shows an object's facts and compares them with what they should be.
expect() {
    object=$dir/client/$1
    if [ ! -e "$object" ]; then
        fail "no $1 came back"
        return
    fi
    seen=$(facts "$object")
    echo "    $1: $seen"
    [ "$seen" = "$2" ] || fail "should be: $2"
    rm -f "$object"
}
armv6='machine ARM, ISA v6, floating point VFPv2, float arguments in VFP registers'

# The helper: links under every name, the rules that come with ccroute, distccd.
mkdir "$dir/helper" "$dir/helper/bin" "$dir/helper/rules.d" "$dir/client" "$dir/client/bin" "$dir/client/.distcc"
cp "$ccroute" "$dir/helper/ccroute"
cp "$(dirname "$0")"/../rules.d/*.rules "$dir/helper/rules.d/"
for link in $name-gcc $name-g++ gcc g++; do
    ln -s ../ccroute "$dir/helper/bin/$link"
done

# start_helper PATH: distccd, whose jobs find compilers on PATH. Retries with another port if
# somebody has it.
start_helper() {
    : >"$dir/helper/log"
    mkdir -p "$dir/helper/tmp"
    user=
    if [ "$(id -u)" = 0 ]; then
        user='--user nobody'
        chown nobody "$dir/helper/log" "$dir/helper/tmp"
    fi
    for attempt in 1 2 3 4 5; do
        port=$((20000 + ($$ + attempt * 1009) % 12000))
        env -i PATH="$system" DISTCCD_PATH="$1" TMPDIR="$dir/helper/tmp" \
            CCROUTE_RULES_DIR="$dir/helper/rules.d" \
            distccd --no-detach --daemon --listen 127.0.0.1 --port "$port" --allow 127.0.0.1 \
            --jobs 2 --enable-tcp-insecure --log-file "$dir/helper/log" --log-level info $user \
            </dev/null >/dev/null 2>"$dir/helper/stderr" &
        distccd=$!
        while kill -0 "$distccd" 2>/dev/null; do
            if grep -q 'listening on' "$dir/helper/log"; then
                return
            fi
            sleep 0.1
        done
        wait "$distccd" || true
    done
    echo "distccd does not start:" >&2
    cat "$dir/helper/stderr" "$dir/helper/log" >&2
    distccd=
    exit 1
}

# The client stands for a Gentoo on a first Raspberry Pi: its own compilers, by both names, are for
# ARMv6. Here they are Debian's cross compilers, and only preprocess.
for tool in gcc g++; do
    cat >"$dir/client/bin/$name-$tool" <<CLIENT
#!/bin/sh
exec arm-linux-gnueabihf-$tool -march=armv6j -mfpu=vfp -mfloat-abi=hard -marm "\$@"
CLIENT
    chmod 755 "$dir/client/bin/$name-$tool"
    ln -s $name-$tool "$dir/client/bin/$tool"
done
cat >"$dir/client/area.c" <<'C'
double area(double r) { return 3.14159 * r * r; }
C
cat >"$dir/client/area.cc" <<'C'
#include <vector>
double sum(const std::vector<double> &v) { double s = 0; for (double x : v) s += x; return s; }
C
# What a kernel's source file looks like once it is preprocessed: the forced header, and headers of
# the architecture.
mkdir -p "$dir/client/linux/include/linux" "$dir/client/linux/arch/arm/include/asm" "$dir/client/linux/kernel"
: >"$dir/client/linux/include/linux/kconfig.h"
echo 'typedef unsigned int u32;' >"$dir/client/linux/arch/arm/include/asm/types.h"
printf '#include <asm/types.h>\nu32 jiffies(void) { return 1; }\n' >"$dir/client/linux/kernel/time.c"
kernel='-nostdinc -Iarch/arm/include -Iinclude -include include/linux/kconfig.h -D__KERNEL__ -march=armv6 -marm -msoft-float'

heading "Alone, distcc gives this client an object for the wrong machine"
start_helper "$system"
client . distcc gcc -c area.c -o area.o
expect area.o "machine $(gcc -dumpmachine | sed 's/^x86_64-.*/Advanced Micro Devices X86-64/; s/^aarch64-.*/AArch64/')"
stop

heading "With ccroute on the helper: the client's own compiler name, which the helper does not have"
start_helper "$dir/helper/bin:$system"
client . distcc $name-gcc -O2 -c area.c -o area.o
expect area.o "$armv6"
client . distcc $name-g++ -O2 -c area.cc -o area.o
expect area.o "$armv6"

heading "Just \"gcc\": nothing shows whose it is, so nothing comes back that could be wrong"
client . distcc gcc -O2 -ffreestanding -c area.c -o area.o
[ ! -e "$dir/client/area.o" ] || fail "an object came back"

heading "The same with a rule for this client"
tee "$dir/helper/rules.d/50-pi.rules" <<RULES | sed 's/^/    /'
[native from 127.0.0.1]
as = $name
RULES
client . distcc gcc -O2 -c area.c -o area.o
expect area.o "$armv6"
rm "$dir/helper/rules.d/50-pi.rules"

heading "A kernel, compiled with plain \"gcc\": its source shows what it is for, so it is routed"
client linux distcc gcc $kernel -c kernel/time.c -o ../time.o
expect time.o "machine ARM, ISA v6"

heading "The same on a helper that has no compiler for ARM: refused"
stop
mkdir "$dir/helper/native"
ln -s "$(command -v gcc)" "$dir/helper/native/gcc"
start_helper "$dir/helper/bin:$dir/helper/native"
client linux distcc gcc $kernel -c kernel/time.c -o ../time.o
[ ! -e "$dir/client/time.o" ] || fail "an object came back"

heading "and the client, where it may, compiles it itself"
client -local linux distcc gcc $kernel -c kernel/time.c -o ../time.o
expect time.o "machine ARM, ISA v6"

echo
if [ $failures -gt 0 ]; then
    echo "$failures of the results above are wrong. The helper's log:"
    cat "$dir/helper/log"
    exit 1
fi
echo "All as it should be."
