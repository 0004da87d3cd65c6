#!/bin/bash
# run.sh CCROUTE [PART...]: what ccroute gains on a slow ARM machine, and costs. The machine is emulated:
# Debian's armhf userland under qemu and proot, on core 0; the helper is this machine's distccd, on core 1.
# The client compiles 26 files of an ARM kernel (part "kernel"), re2 (C++, "re2") and Lua (C, "lua") in each
# of the ways that people use, and every object is compared with the one that its own compiler made.
# CCROUTE is the program for this machine; the client's is built here. FILES=N compiles only the first N files
# of re2 and of Lua. What is made once (1.5 GB) stays in $CCROUTE_PI, by default target/pi.
set -euo pipefail

ccroute=$(readlink -f "${1:?usage: run.sh CCROUTE [PART...]}")
shift
parts=${*:-kernel re2 lua}
# shellcheck source=benches/pi/lab.sh
. "$(dirname "$0")/lab.sh"
linux=$root/root/linux

make_kernel() {
    [ ! -e "$linux/jobs/jobs.mk" ] || return 0
    say "making the kernel's compile commands (once)"
    rm -rf "$linux" && mkdir -p "$linux"
    set -- /usr/src/linux-source-*.tar.xz
    tar -xf "$1" -C "$linux" --strip-components=1
    # With the cross compiler, of the client's version: what its flags are, the client's would be.
    for goal in tinyconfig prepare kernel/time/ kernel/irq/; do
        make -s -C "$linux" O=jobs ARCH=arm CROSS_COMPILE=$tool- -j"$(nproc)" "$goal"
    done >"$lab/kernel.log" 2>&1
    perl "$here/jobs.pl" "$linux/jobs" >"$lab/jobs.mk"
    mv "$lab/jobs.mk" "$linux/jobs/jobs.mk"
    # A tree of the client's own, as far as it can get without compiling: its host tools are ARM.
    on_client make -s -C linux O=own ARCH=arm tinyconfig prepare >"$lab/own.log" 2>&1
}

# make_source NAME COMPILER FLAGS FILES: a tree from Debian's source package NAME; FILES is a pattern in it.
make_source() {
    local name=$1 compiler=$2 flags=$3 files=$4 at=$root/root/$1 file
    local apt=(-o "Dir::Etc::SourceList=$lab/sources.list" -o Dir::Etc::SourceParts=- -o "Dir::State::Lists=$lab/lists")
    if [ ! -e "$at/.complete" ]; then
        say "fetching the source of $name (once)"
        # shellcheck disable=SC2016 # Words of apt's own.
        mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' | grep -v security | head -1)
        echo "deb-src $mirror $release main" >"$lab/sources.list"
        mkdir -p "$lab/lists/partial" "$lab/source"
        (cd "$lab/source" && apt-get "${apt[@]}" update && apt-get "${apt[@]}" source "$name") >"$lab/source.log" 2>&1
        rm -rf "$at" && mkdir -p "$at"
        cp -a "$lab/source/$name"-*/. "$at"
        touch "$at/.complete"
    fi
    {
        printf 'all:\n\n'
        # shellcheck disable=SC2086 # A pattern.
        (cd "$at" && ls $files) | head -n "${FILES:-99}" | while read -r file; do
            printf 'all: out/%s.o\nout/%s.o:\n\t@mkdir -p $(@D)\n\t@%s %s -c %s -o $@\n\n' \
                "$file" "$file" "$compiler" "$flags" "$file"
        done
    } >"$at/jobs.mk"
}

# The masquerade directories, one for each way.
make_ways() {
    ways=$root/root/ways
    rm -rf "$ways" && mkdir -p "$ways"/{distcc,bash,c,expanded}
    for name in gcc g++ cc c++; do
        ln -s /usr/bin/distcc "$ways/distcc/$name"
        install -m 755 "$here/wrapper.sh" "$ways/bash/$name"
        ln -s sender "$ways/c/$name"
        ln -s sender "$ways/expanded/$name"
    done
    $tool-gcc -O2 -s "$here/sender.c" -o "$ways/c/sender"
    $tool-gcc -O2 -s -DEXPANDED "$here/sender.c" -o "$ways/expanded/sender"
    rm -rf "$root/etc/ccroute"
    cp -a "$root/usr/lib/distcc" "$lab/masquerade.$$"
    on_client ccroute install --client >"$lab/install.log" 2>&1
    cp -a "$root/usr/lib/distcc" "$ways/ccroute"
    rm -rf "$root/usr/lib/distcc" && mv "$lab/masquerade.$$" "$root/usr/lib/distcc"
}

# helper PORT DIRECTORY: a distccd whose compilers are found in DIRECTORY first, and allowed by a list.
helpers=()
helper() {
    local port=$1 dir=$2
    ls -d "$dir"/* >"$served/commands.$port"
    (cd /tmp && exec taskset -c 1 env -i PATH=/usr/bin:/bin DISTCCD_PATH="$dir:/usr/bin:/bin" \
        DISTCC_CMDLIST="$served/commands.$port" CCROUTE_RULES_DIR= \
        distccd --daemon --no-detach --port "$port" --listen 127.0.0.1 --allow 127.0.0.1 --jobs 4 \
        --user nobody --log-stderr --log-level info 2>"$lab/helper.$port.log") &
    helpers+=($!)
    for _ in $(seq 100); do
        grep -q 'listening on' "$lab/helper.$port.log" 2>/dev/null && return
        sleep 0.1
    done
    say "distccd on port $port does not start"; cat "$lab/helper.$port.log" >&2; exit 1
}
stop_helpers() {
    for pid in "${helpers[@]}"; do kill "$pid" 2>/dev/null || true; done
    wait
}

# Seconds since the epoch, in milliseconds.
now() { date +%s%3N; }

# Each way's fastest run so far in this tree, in milliseconds.
declare -A fastest

# compile LABEL WAY JOBS PORT: builds the objects of $tree, a directory of the client's; prints the row.
compile() {
    local label=$1 way=$2 jobs=$3 port=$4 path=/usr/local/bin:/usr/bin:/bin at=$root/root/$tree
    local start took used objects same=0
    [ "$way" = - ] || path=/root/ways/$way:$path
    rm -rf "$root/root/.distcc" "$at/out"
    mkdir -p "$root/root/.distcc"
    start=$(now)
    TIMEFORMAT='%U %S'
    used=$({ time on_client env PATH="$path" DISTCC_HOSTS="127.0.0.1:$port/4,lzo" DISTCC_LOG="/root/distcc.log" \
        make -C "$tree" -f jobs.mk -j"$jobs" all >"$lab/compile.log" 2>&1; } 2>&1) ||
        { tail -5 "$lab/compile.log" >&2; say "$label failed"; return 1; }
    took=$(($(now) - start))
    [ "${fastest[$way]:-$took}" -lt "$took" ] || fastest[$way]=$took
    [ "$way" != - ] || { local_time=$took; rm -rf "$lab/local"; cp -a "$at/out" "$lab/local"; }
    objects=$(find "$at/out" -name '*.o' | wc -l)
    while read -r object; do
        $tool-objcopy -R .comment "$at/out/$object" "$lab/one.o"
        $tool-objcopy -R .comment "$lab/local/$object" "$lab/other.o"
        ! cmp -s "$lab/one.o" "$lab/other.o" || same=$((same + 1))
    done < <(cd "$at/out" && find . -name '*.o')
    # Processor time of all that ran on the client, in seconds.
    awk -v l="$label" -v t="$took" -v of="$local_time" -v u="$used" -v n="$objects" -v s="$same" \
        'BEGIN { split(u, p, " "); printf "%-44s %8.1f s  %6.2f  %8.1f s  %3d objects, %3d as local\n",
            l, t / 1000, of / t, p[1] + p[2], n, s }'
    rm -f "$root/root/distcc.log"
}

# ways TREE TURNS: every way that C and C++ projects have, the C wrappers and ccroute by turns.
ways() {
    tree=$1
    fastest=()
    compile "$tree: local" - 1 $plain
    compile "$tree: bash wrapper" bash 4 $plain
    for turn in $(seq "$2"); do
        compile "$tree: C wrapper ($turn)" expanded 4 $plain
        compile "$tree: C wrapper, -fdirectives-only ($turn)" c 4 $plain
        compile "$tree: ccroute on both ($turn)" ccroute 4 $routed
    done
    awk -v e="${fastest[expanded]}" -v c="${fastest[c]}" -v r="${fastest[ccroute]}" -v t="$tree" \
        'BEGIN { printf "%s: ccroute, in the better C wrapper: the fastest of each  %.2f\n\n", t, (e < c ? e : c) / r }'
}

# prepare LABEL WAY PORT: what only probes the compiler, twice; the faster counts.
prepare() {
    local label=$1 way=$2 port=$3 path=/usr/local/bin:/usr/bin:/bin start took best=
    [ "$way" = - ] || path=/root/ways/$way:$path
    for _ in 1 2; do
        start=$(now)
        on_client env PATH="$path" DISTCC_HOSTS="127.0.0.1:$port/4,lzo" \
            make -s -C linux O=own ARCH=arm prepare >"$lab/prepare.log" 2>&1 ||
            { tail -5 "$lab/prepare.log" >&2; say "prepare: $label failed"; return 1; }
        took=$(($(now) - start))
        [ -n "$best" ] && [ "$best" -lt "$took" ] || best=$took
    done
    [ "$way" != - ] || prepare_time=$best
    awk -v l="make prepare, $label" -v t="$best" -v of="$prepare_time" \
        'BEGIN { printf "%-44s %8.1f s  %6.2f\n", l, t / 1000, t / of }'
}

has() { case " $parts " in *" $1 "*) ;; *) return 1 ;; esac; }
! has kernel || make_kernel
! has re2 || make_source re2 g++ "-O2 -std=c++17 -pthread -I." "re2/*.cc"
! has lua || make_source lua5.4 gcc "-O2 -Wall -std=gnu99 -DLUA_COMPAT_5_3 -DLUA_USE_LINUX -Isrc" "src/l*.c"
make_ways
# What distccd's user must be able to read.
served=$(mktemp -d /tmp/bench-pi.XXXXXX)
chmod 755 "$served"
mkdir "$served/plain" "$served/routed"
install -m 755 "$ccroute" "$served"
ln -s /usr/bin/$tool-gcc /usr/bin/$tool-g++ /usr/bin/gcc /usr/bin/g++ "$served/plain/"
for name in $tool-gcc $tool-g++ gcc g++; do ln -s ../ccroute "$served/routed/$name"; done
trap 'stop_helpers; rm -rf "$served"' EXIT
plain=4871 routed=4872
helper $plain "$served/plain"
helper $routed "$served/routed"

{
    echo "Compiled on an emulated ARM machine ($(date +%F), $("$ccroute" --version))."
    echo "Time; local time to this time; processor time of the client. For make prepare the ratio is this time"
    echo "to that without a masquerade."
    echo
    ! has re2 || ways re2 2
    ! has lua || ways lua5.4 2
    if has kernel; then
        tree=linux/jobs
        fastest=()
        compile "kernel: local" - 1 $plain
        compile "kernel: distcc, plain gcc, no ccroute" distcc 4 $plain || true
        compile "kernel: distcc, plain gcc, ccroute on the helper" distcc 4 $routed
        compile "kernel: bash wrapper" bash 4 $plain
        # One run's time is no measure of a difference of a twentieth.
        for turn in 1 2 3 4; do
            compile "kernel: C wrapper, -fdirectives-only ($turn)" c 4 $plain
            compile "kernel: ccroute on both ($turn)" ccroute 4 $routed
        done
        awk -v c="${fastest[c]}" -v r="${fastest[ccroute]}" \
            'BEGIN { printf "kernel: ccroute, in C wrappers: the fastest of each  %.2f\n\n", c / r }'
        prepare "no masquerade" - $plain
        prepare "bash wrapper" bash $plain
        prepare "ccroute" ccroute $routed
    fi
} | tee "$lab/table.txt"
