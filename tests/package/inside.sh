#!/bin/sh
# inside.sh SCRATCH PROJECT PORT PACKAGE: installs the package, has it serve jobs, upgrades it, removes it. To be run in a
# machine that is thrown away.
set -eu
scratch=$1
port=$3
package=$4
export LC_ALL=C DEBIAN_FRONTEND=noninteractive

say() { echo "== $*"; }
fail() { echo "package: $*" >&2; exit 1; }
tree() {
    find /etc /usr /var/lib /var/log /run -xdev \( -path /var/lib/dpkg -o -path '/var/log/*.log' -o -path /var/log/apt -o -path "$scratch" \) -prune -o -printf '%y %m %u %p %l\n' | sort
}
same() { # same BEFORE AFTER WHEN
    cmp -s "$1" "$2" || { diff "$1" "$2" >&2; fail "not as before: $3"; }
}
# Tries a condition for a minute: machines are slow, conditions cheap.
wait_for() {
    for _ in $(seq 600); do
        "$@" && return
        sleep 0.1
    done
    fail "never: $*"
}

# started HOW COMMAND…: distccd, started by COMMAND (which ends in exec "$@"), is told what install tells,
# and serves a job.
started() {
    how=$1
    shift
    say "distccd by $how"
    log=$scratch/distccd.$how
    "$@" distccd --no-detach --daemon --listen 127.0.0.1 --port "$port" --allow 127.0.0.1 \
        --user distccd --jobs 2 --log-stderr --log-level info 2>"$log" &
    distccd=$!
    wait_for grep -q 'listening on' "$log"
    tr '\0' '\n' <"/proc/$distccd/environ" | grep -E '^(DISTCCD_PATH|DISTCC_CMDLIST)=' | sort >"$scratch/told"
    same "$scratch/expected" "$scratch/told" "the variables by $how"
    temporary=$(tr '\0' '\n' <"/proc/$distccd/environ" | sed -n 's/^TMPDIR=//p')
    [ "/proc/$distccd/cwd" -ef "/proc/$distccd/root$temporary" ] || fail "$how: distccd works elsewhere than in TMPDIR"
    env -i PATH=/usr/bin:/bin HOME="$scratch" DISTCC_HOSTS="127.0.0.1:$port" DISTCC_FALLBACK=0 \
        DISTCC_SKIP_LOCAL_RETRY=1 distcc arm-linux-gnueabihf-gcc -c "$scratch/t.c" -o "$scratch/t.o" ||
        { cat "$log" >&2; fail "$how: no job is served"; }
    readelf -h "$scratch/t.o" | grep -q 'Machine: *ARM' || fail "$how: not for ARM"
    rm "$scratch/t.o"
}
ended() {
    kill "$distccd"
    wait "$distccd" || true
    wait_for none_left
}
none_left() { ! cat /proc/[0-9]*/comm 2>/dev/null | grep -qx distccd; }

echo 'int f(void) { return 1; }' >"$scratch/t.c"
# A unit as other distributions have: install then writes its drop-in.
mkdir -p /usr/lib/systemd/system /etc/conf.d
[ -e /usr/lib/systemd/system/distccd.service ] ||
    printf '[Service]\nExecStart=/usr/bin/distccd --no-detach --daemon\n' >/usr/lib/systemd/system/distccd.service
tree >"$scratch/before"

say "install"
dpkg -i "$package"
[ "$(ccroute --version)" = "ccroute $(dpkg-query -W -f '${Version}' ccroute)" ] || fail "another version"
[ "$(readlink -f /usr/bin/ccroute-run)" = /usr/bin/ccroute ] || fail "no ccroute-run"
for page in '1 ccroute' '1 ccroute-run' '5 ccroute.rules'; do
    # shellcheck disable=SC2086
    man -w $page >/dev/null || fail "no page $page"
done
for file in bash-completion/completions/ccroute zsh/vendor-completions/_ccroute fish/vendor_completions.d/ccroute.fish; do
    grep -q explain "/usr/share/$file" || fail "no /usr/share/$file"
done
ccroute list | grep -q '^armv6j-hardfloat-linux-gnueabi$' || fail "the shipped rules are not read"
ccroute install --helper
ccroute install --client
ccroute explain --place helper armv6j-hardfloat-linux-gnueabi-gcc -c a.c | grep -q arm-linux-gnueabihf-gcc || fail "not served"

examples=/usr/share/doc/ccroute/examples
same "$examples/distccd.sh" /etc/ccroute/distccd.sh "distccd.sh"
same "$examples/distccd-systemd.conf" /etc/systemd/system/distccd.service.d/ccroute.conf "the drop-in"
env -i sh -c '. /etc/ccroute/distccd.sh; env' | grep -E '^(DISTCCD_PATH|DISTCC_CMDLIST)=' | sort >"$scratch/expected"
grep -q '^DISTCCD_PATH=/usr/lib/ccroute/bin:' "$scratch/expected" || fail "the links do not come first"
[ "$(wc -l <"$scratch/expected")" = 2 ] || fail "a variable is missing"

# Debian's init script sources its settings, and what they export goes on.
cp /etc/default/distcc "$scratch/default"
cat "$examples/default-distcc" >>/etc/default/distcc
started debian env -i PATH=/usr/bin:/bin sh -c '. /etc/default/distcc; exec "$@"' sh
ended
# OpenRC sources conf.d, then the service script, of which this is the line that counts (Gentoo's).
cat "$examples/conf.d-distccd" >/etc/conf.d/distccd
started openrc env -i PATH=/usr/bin:/bin sh -c '. /etc/conf.d/distccd; export TMPDIR="${TMPDIR:-/tmp}"; exec "$@"' sh
ended
rm /etc/conf.d/distccd
# systemd, played: the variables of the drop-in, and PrivateTmp.
drop_in=/etc/systemd/system/distccd.service.d/ccroute.conf
[ -e "$(sed -n 's/^AssertPathExists=//p' $drop_in)" ] || fail "the unit would not start"
grep -qx PrivateTmp=yes $drop_in || fail "no /tmp of its own"
variables=$(sed -n 's/^Environment=//p' $drop_in | tr '\n' ' ')
# shellcheck disable=SC2086
started systemd env -i PATH=/usr/bin:/bin $variables \
    unshare --mount sh -c 'mount -t tmpfs -o mode=1777 tmpfs /tmp; exec "$@"' sh
ended

say "upgrade"
tree | grep -E ' /(etc|var/lib|usr/lib)/(ccroute|distcc)' >"$scratch/installed"
dpkg-deb -R "$package" "$scratch/newer"
sed -i 's/^Version: .*/&.1/' "$scratch/newer/DEBIAN/control"
dpkg-deb -b "$scratch/newer" "$scratch/newer.deb"
dpkg -i "$scratch/newer.deb"
tree | grep -E ' /(etc|var/lib|usr/lib)/(ccroute|distcc)' >"$scratch/upgraded"
same "$scratch/installed" "$scratch/upgraded" "after the upgrade"
for link in /usr/lib/ccroute/bin/*; do
    [ "$(readlink -e "$link")" = /usr/bin/ccroute ] || fail "$link leads nowhere"
done

say "removal, while a distccd relies on the list that nobody can restart"
started removed env -i PATH=/usr/bin:/bin sh -c '. /etc/default/distcc; exec "$@"' sh
dpkg -r ccroute
[ -e /etc/ccroute/commands ] || fail "distccd would run anything now"
dpkg -P ccroute
[ -e /etc/ccroute/commands ] || fail "distccd would run anything now"
ended
rm /etc/ccroute/commands
rmdir /etc/ccroute
# What the administrator wrote into the settings is not in the way.
sh -eu -c '. /etc/default/distcc' || fail "the init script would not work any more"
cp "$scratch/default" /etc/default/distcc
tree >"$scratch/after"
same "$scratch/before" "$scratch/after" "after removal with a distccd"

say "removal where another root's distccd has such a list"
DISTCC_CMDLIST=/etc/ccroute/commands sleep 60 &
other=$!
dpkg -i "$package"
dpkg -P ccroute || fail "removal fails"
kill $other
wait $other || true
tree >"$scratch/after"
same "$scratch/before" "$scratch/after" "after removal beside another"

say "removal"
dpkg -i "$package"
ccroute install --helper
ccroute install --client
dpkg -P ccroute
tree >"$scratch/after"
same "$scratch/before" "$scratch/after" "after removal"
say "as before"
