#!/bin/sh
# names.sh PACKAGE: in a clean Debian, the names that ccroute serves follow the compilers that apt installs and removes,
# and those of version 0.1 are repaired. Run through root.sh.
set -eu
package=$1
arm='arm-linux-gnueabihf'

say() { echo "== $*"; }
fail() { echo "names.sh: $*" >&2; cat /root/log >&2; exit 1; }
# apt COMMAND...: keeps what it says in /root/log.
apt() { apt-get -y --no-install-recommends "$@" >/root/log 2>&1 || fail "apt-get $* fails"; }
# told TEXT|nothing: what the last apt said of ccroute.
told() {
    if [ "$1" = nothing ]; then
        ! grep '^ccroute:' /root/log || fail "not silent"
    else
        grep -q "^ccroute: $1" /root/log || fail "does not say: $1"
    fi
}
served() { grep -qx "/usr/lib/ccroute/bin/$1" /etc/ccroute/commands && [ -L "/usr/lib/ccroute/bin/$1" ]; }
leads() { [ "$(readlink "/usr/lib/distcc/$1")" = /usr/bin/ccroute ] || fail "$1 leads to $(readlink "/usr/lib/distcc/$1")"; }
dangling() { find /usr/lib/ccroute /usr/lib/distcc -xtype l; }

apt-get -qq update
apt install distcc gcc libc6-dev
apt install "$package"
told nothing
ccroute install --helper >/dev/null
ccroute install --client >/dev/null
! served $arm-gcc || fail "$arm-gcc is served already"

say "a cross compiler comes"
apt install gcc-$arm
told 'helper: .* added'
served $arm-gcc || fail "not served: $arm-gcc"
served armv6j-hardfloat-linux-gnueabi-gcc || fail "not served: a name that it stands in for"

say "a package that is no compiler"
apt install hello
told nothing
apt install --reinstall hello
told nothing

say "distcc is updated"
find /usr/lib/ccroute /usr/lib/distcc -printf '%p %l\n' | sort >/root/before
apt install --reinstall distcc
find /usr/lib/ccroute /usr/lib/distcc -printf '%p %l\n' | sort >/root/after
cmp /root/before /root/after || fail "the links differ: $(diff /root/before /root/after)"

say "distcc's trigger removes links whose names are not in /usr/bin"
triple=$(gcc -dumpmachine)
mv "/usr/bin/$triple-gcc" /root/
rm "/usr/lib/distcc/$triple-gcc"
ccroute refresh >/dev/null
leads "$triple-gcc"
apt install --reinstall "gcc-$(gcc -dumpversion)-$(echo "$triple" | tr _ -)"
leads "$triple-gcc"
mv "/root/$triple-gcc" /usr/bin/

say "the cross compiler goes"
apt purge gcc-$arm
! served $arm-gcc || fail "still served: $arm-gcc"
apt autoremove --purge
! grep -q $arm /etc/ccroute/commands || fail "still served: $(grep $arm /etc/ccroute/commands)"
leads gcc
[ -z "$(dangling)" ] || fail "links to nothing: $(dangling)"

say "links of version 0.1 are repaired by an upgrade"
for link in /usr/lib/ccroute/bin/* $(find /usr/lib/distcc -lname /usr/bin/ccroute); do
    ln -sf /usr/bin/ccroute-shim "$link"
done
[ -n "$(dangling)" ] || fail "nothing to repair"
dpkg-deb -R "$package" /root/newer
sed -i 's/^Version: .*/&.1/' /root/newer/DEBIAN/control
dpkg-deb -b /root/newer /root/newer.deb >/dev/null
apt install /root/newer.deb
told 'helper: .* repaired'
told 'client: .* repaired'
[ -z "$(dangling)" ] || fail "links to nothing: $(dangling)"
leads gcc

say "a fault of ccroute is none of apt's"
mv /usr/bin/ccroute /root/
printf '#!/bin/sh\nexit 3\n' >/usr/bin/ccroute
chmod 755 /usr/bin/ccroute
apt install --reinstall hello
mv /root/ccroute /usr/bin/

say "removal"
apt purge ccroute
[ ! -e /usr/lib/ccroute ] && [ ! -e /etc/ccroute ] || fail "something is left"
say "as it should be"
