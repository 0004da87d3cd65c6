#!/bin/sh
# shim-order.sh [--add]: writes shim.ld, the list of the functions that a shim runs, by running one in
# each of its roles under valgrind. To be run again when the shim's path has changed much, and
# with --add by another compiler version, whose names for the same functions differ: a pattern
# that matches nothing does no harm, and a function that is not in the list costs a page fault.
set -eu
cd "$(dirname "$0")/.."
list=packaging/shim.ld
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

CARGO_PROFILE_RELEASE_STRIP=none cargo build --release --locked --bin ccroute --target-dir target/order
program=$PWD/target/order/release/ccroute

# Files that no kernel executes: the shim comes back from execve, and valgrind can write its report.
mkdir "$dir/bin" "$dir/shims" "$dir/home" "$dir/rules"
for name in gcc x86_64-linux-gnu-gcc arm-linux-gnueabihf-gcc distcc; do
    echo none >"$dir/bin/$name"
    chmod 755 "$dir/bin/$name"
done
printf '[x86_64-linux-gnu direct]\nuse = x86_64-linux-gnu\ndefaults = -march=x86-64 -mtune=generic -fPIE\nsend = distcc\n' \
    >"$dir/rules/60-client.rules"
printf '# 0 "x.c"\n# 1 "/usr/lib/gcc/armv6j-hardfloat-linux-gnueabi/12/include/stddef.h" 1 3 4\nint x;\n' \
    >"$dir/distccd_1.i"

role() { # role VARIABLE=VALUE NAME ARGUMENT...
    variable=$1
    name=$2
    shift 2
    cp "$program" "$dir/shims/$name"
    env -i PATH="$dir/shims:$dir/bin" HOME="$dir/home" CCROUTE_RULES_DIR="$dir/rules:" "$variable" \
        "$(command -v valgrind)" --tool=callgrind --demangle=no --callgrind-out-file="$dir/out.%p" \
        "$dir/shims/$name" "$@" >/dev/null 2>&1 || true
}
(
    cd "$dir"
    : >x.c
    # A client sends, compiles by itself, links, and is asked by its own distcc; a helper compiles
    # under a full name and under a native one.
    role A=1 x86_64-linux-gnu-gcc -O2 -c x.c -o x.o
    role A=1 x86_64-linux-gnu-gcc -E x.c
    role A=1 x86_64-linux-gnu-gcc x.c -o x
    role _DISTCC_SAFEGUARD=1 x86_64-linux-gnu-gcc -E x.c
    role _DISTCC_SAFEGUARD=1 armv6j-hardfloat-linux-gnueabi-gcc -O2 -c distccd_1.i -o distccd_1.o
    role _DISTCC_SAFEGUARD=1 gcc -O2 -c distccd_1.i -o distccd_1.o
)

nm --defined-only "$program" | awk '$2 ~ /[tT]/ { print $3 }' | sort -u >"$dir/functions"
sed -n 's/^c\{0,1\}fn=([0-9]*) //p' "$dir"/out.* | sort -u | comm -12 - "$dir/functions" >"$dir/run"
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
    *crt1.o(.text)
HEAD
    sort -u "$dir/patterns" | grep -v 'crt1\.o'
    printf '  }\n}\nINSERT BEFORE .text;\n'
} >"$dir/shim.ld"
mv "$dir/shim.ld" "$list"
wc -l "$list"
