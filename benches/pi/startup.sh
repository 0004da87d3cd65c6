#!/bin/bash
# startup.sh: what a start of ccroute costs on the emulated ARM client, against other shims, by turns. The
# times are those of an emulator, which translates each program anew: what counts is the ratio.
set -euo pipefail

turns=${TURNS:-60}
# shellcheck source=benches/pi/lab.sh
. "$(dirname "$0")/lab.sh"
farm=$root/root/startup
rm -rf "$farm" && mkdir -p "$farm"/{bin,shims,static,rules,peers,masquerade,state,home}

c() { $tool-gcc -O2 -s -x c "$@" -; }
c -o "$farm/bin/empty" <<<'int main(void) { return 0; }'
for name in gcc $tool-gcc distcc; do cp "$farm/bin/empty" "$farm/bin/$name"; done
wrapper='#include <unistd.h>
int main(int argc, char **argv) { (void)argc; argv[0] = "/root/startup/bin/gcc"; execv(argv[0], argv); return 127; }'
c -o "$farm/peers/c" <<<"$wrapper"
c -static -o "$farm/peers/c-static" <<<"$wrapper"
$tool-gcc -O2 -static "$here/../startup/run.c" -o "$farm/run"
printf 'use std::os::unix::process::CommandExt;\nfn main() { let _ = std::process::Command::new("/root/startup/bin/gcc").args(std::env::args_os().skip(1)).exec(); }\n' |
    rustc --target $rust -Clinker=$tool-gcc -O -Cpanic=abort -Clto=fat -Cstrip=symbols --crate-name peer -o "$farm/peers/rust" -
for shell in dash bash; do
    # shellcheck disable=SC2016
    printf '#!/bin/%s\nexec /root/startup/bin/gcc "$@"\n' $shell >"$farm/peers/$shell"
done
# shellcheck disable=SC2016
printf '#!/bin/bash\nexec /root/startup/bin/$(/usr/bin/gcc -dumpmachine)-gcc "$@"\n' >"$farm/peers/recipe"
chmod 755 "$farm"/peers/*
ln -s /usr/bin/distcc "$farm/masquerade/gcc"
ln -s /usr/bin/ccroute "$farm/shims/$tool-gcc"
(cd "$here/../.." && RUSTFLAGS="-C target-feature=+crt-static" \
    cargo build --quiet --release --locked --target $rust --target-dir "$lab/build-static")
install -m 755 "$lab/build-static/$rust/release/ccroute" "$farm/static/$tool-gcc"
printf '[%s direct]\nuse = %s\ndefaults = -march=armv7-a+fp -mtune=generic-armv7-a -mfloat-abi=hard -mthumb -fPIE\nsend = distcc\n' \
    $tool $tool >"$farm/rules/60-client.rules"

job="-O2 -c x.c -o x.o"
own="HOME=/root/startup/home CCROUTE_RULES_DIR=/root/startup/rules: PATH=/root/startup"
# Label, variables, program, arguments; the empty program first, the C wrapper second.
cat >"$farm/cases" <<END
empty program|A=1|/root/startup/bin/empty|
C, dynamic|A=1|/root/startup/peers/c|$job
C, static|A=1|/root/startup/peers/c-static|$job
Rust std, dynamic|A=1|/root/startup/peers/rust|$job
dash script|PATH=/usr/bin:/bin|/root/startup/peers/dash|$job
bash script|PATH=/usr/bin:/bin|/root/startup/peers/bash|$job
recipe: gcc -dumpmachine|PATH=/usr/bin:/bin|/root/startup/peers/recipe|$job
distcc, local job|DISTCC_HOSTS=localhost DISTCC_DIR=/root/startup/state PATH=/root/startup/masquerade:/root/startup/bin|/root/startup/masquerade/gcc|$job
ccroute: client, local|$own/shims:/root/startup/bin|/root/startup/shims/$tool-gcc|-E x.c
ccroute: client, sends|$own/shims:/root/startup/bin|/root/startup/shims/$tool-gcc|$job
ccroute: under distcc|_DISTCC_SAFEGUARD=1 $own/shims:/root/startup/bin|/root/startup/shims/$tool-gcc|-E x.c
static: client, local|$own/static:/root/startup/bin|/root/startup/static/$tool-gcc|-E x.c
static: client, sends|$own/static:/root/startup/bin|/root/startup/static/$tool-gcc|$job
END
# The words of both are meant to be split.
awk -F'|' '{
    printf "a%s", $3
    for (i = 1; i <= split($4, word, " "); i++) printf "\ta%s", word[i]
    for (i = 1; i <= split($2, word, " "); i++) printf "\te%s", word[i]
    print ""
}' "$farm/cases" >"$farm/list"
cat >"$farm/turns" <<'END'
cd /root/startup
: >x.c
exec ./run t "$1" list </dev/null
END
on_client sh startup/turns "$turns" >"$lab/startup.runs"
awk '$5 != 0 { print "failed: case " $1 + 1 > "/dev/stderr"; exit 1 } { print $1 + 1, $2 }' "$lab/startup.runs" >"$lab/startup.times"

{
    echo "Added to running an empty dynamic C program on an emulated ARM machine ($(date +%F)); $turns runs each, in"
    echo "turns. The ratio is of the medians, to the dynamic C wrapper's."
    echo
    printf '%-28s%12s%12s%8s\n' "" "median us" "p10 us" "ratio"
    sort -k1,1n -k2,2n "$lab/startup.times" | awk -F'|' '
        FNR == NR { label[FNR] = $1; next }
        { split($0, f, " "); n[f[1]]++; t[f[1], n[f[1]]] = f[2] / 1000 }
        function at(c, share) { return t[c, int(n[c] * share) + 1] }
        END {
            for (c = 1; c in label; c++)
                printf "%-28s%12.0f%12.0f%8.2f\n", label[c], at(c, 0.5) - at(1, 0.5), at(c, 0.1) - at(1, 0.1),
                    (at(c, 0.5) - at(1, 0.5)) / (at(2, 0.5) - at(1, 0.5))
        }' "$farm/cases" -
} | tee "$lab/startup.txt"
