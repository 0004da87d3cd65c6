#!/bin/sh
# shim-order.sh [--add]: writes shim.ld, the list of the functions that a shim runs, by running one in
# each of its roles under valgrind. To be run again when the shim's path has changed much, and
# with --add by another compiler version, whose names for the same functions differ: a pattern
# that matches nothing does no harm, and a function that is not in the list costs a page fault.
# A function stands where the first role that runs it does, the most frequent role first.
set -eu
cd "$(dirname "$0")/.."
list=packaging/shim.ld
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

CARGO_PROFILE_RELEASE_STRIP=none cargo build --release --locked --bin ccroute-shim --target-dir target/order
program=$PWD/target/order/release/ccroute-shim

# Files that no kernel executes: the shim comes back from execve, and valgrind can write its report.
# Not so small that the shim reads one to see whether it is its own.
mkdir "$dir/bin" "$dir/shims" "$dir/home" "$dir/rules" "$dir/few"
for name in gcc x86_64-linux-gnu-gcc arm-linux-gnueabihf-gcc distcc; do
    head -c 20000 /dev/zero >"$dir/bin/$name"
    chmod 755 "$dir/bin/$name"
done
printf '[x86_64-linux-gnu direct]\nuse = x86_64-linux-gnu\ndefaults = -march=x86-64 -mtune=generic -fPIE\nsend = distcc\n' \
    >"$dir/rules/60-client.rules"
printf '[x86_64-linux-gnu direct]\nsend = distcc\n' >"$dir/few/60-client.rules"
printf '# 0 "x.c"\n# 1 "/usr/lib/gcc/armv6j-hardfloat-linux-gnueabi/12/include/stddef.h" 1 3 4\nint x;\n' \
    >"$dir/distccd_1.i"

turn=0
role() { # role RULES VARIABLE=VALUE NAME ARGUMENT...
    rules=$1
    variable=$2
    name=$3
    shift 3
    turn=$((turn + 1))
    cp "$program" "$dir/shims/$name"
    env -i PATH="$dir/shims:$dir/bin" HOME="$dir/home" CCROUTE_RULES_DIR="$dir/$rules:" "$variable" \
        "$(command -v valgrind)" --tool=callgrind --demangle=no --callgrind-out-file="$dir/out.$turn" \
        "$dir/shims/$name" "$@" >/dev/null 2>&1 || true
}
(
    cd "$dir"
    : >x.c
    # A client sends, is asked by its own distcc, compiles by itself, links; a helper compiles under
    # a full name and under a native one.
    role rules A=1 x86_64-linux-gnu-gcc -O2 -c x.c -o x.o
    role rules _DISTCC_SAFEGUARD=1 x86_64-linux-gnu-gcc -E x.c
    role rules A=1 x86_64-linux-gnu-gcc -E x.c
    role rules A=1 x86_64-linux-gnu-gcc x.c -o x
    role few A=1 x86_64-linux-gnu-gcc -O2 -c x.c -o x.o
    role rules _DISTCC_SAFEGUARD=1 armv6j-hardfloat-linux-gnueabi-gcc -O2 -c distccd_1.i -o distccd_1.o
    role rules _DISTCC_SAFEGUARD=1 gcc -O2 -c distccd_1.i -o distccd_1.o
)

# By their addresses: in a program that is laid out as this one valgrind finds no names.
nm --defined-only "$program" | awk '$2 ~ /[tT]/ { print $1, $3 }' >"$dir/functions"
sed -n 's/^c\{0,1\}fn=([0-9]*) 0x//p' "$dir"/out.? |
    awk 'NR == FNR { if (!($1 in own)) own[$1] = $2; next } $0 in own && !seen[$0]++ { print own[$0] }' \
        "$dir/functions" - >"$dir/run"
[ "$(wc -l <"$dir/run")" -gt 100 ] || { echo "shim-order.sh: valgrind saw next to nothing" >&2; exit 1; }

# Without what differs from build to build: hashes, the crate's number, the linker's own suffix.
sed 's/17h[0-9a-f]\{16\}E.*$/17h*/; s/\.llvm\..*/*/; s/Cs[0-9A-Za-z]*_/Cs*_/g; s/\$/?/g; s/.*/    *(.text*.&)/' \
    "$dir/run" >"$dir/patterns"
if [ "${1:-}" = --add ]; then
    grep '^    \*(' "$list" >>"$dir/patterns"
fi
{
    cat <<'HEAD'
/* The functions that a shim runs, together and before all others: by default they are spread over 2 MB of
 * commands and library, and each stretch of 64 kB that is touched costs a page fault. The names are
 * patterns of mangled Rust names. GNU ld and lld read this in addition to their own script, because
 * of INSERT. Written by shim-order.sh. */
SECTIONS
{
  .text.shim :
  {
    *crt1.o(.text) *crtbegin*.o(.text) *(.text.ccroute_start)
HEAD
    awk '!seen[$0]++ && !/crt1\.o|ccroute_start/' "$dir/patterns"
    printf '  }\n}\nINSERT BEFORE .text;\n'
} >"$dir/shim.ld"
mv "$dir/shim.ld" "$list"
wc -l "$list"
