#!/bin/sh
# sandbox.sh SCRATCH PROJECT PORT: runs SCRATCH/helper, client and helper-end, shell scripts, in a
# copy of this machine: see ../common/overlay.sh. Called by readme.rs.
set -eu
# A network of its own: the README restarts distccd, which listens on its usual port.
if [ -z "${CCROUTE_README_NET-}" ]; then
    exec unshare --net env CCROUTE_README_NET=1 sh "$0" "$@"
fi
ip link set lo up
scratch=$1
project=$2
port=$3

. "$project/tests/common/overlay.sh"
mkdir -p "$root/usr/local/bin"
printf '#!/bin/sh\nexec "$@"\n' >"$root/usr/local/bin/sudo"
chmod 755 "$root/usr/local/bin/sudo"

inside sh -c 'cd "$1" && sh "$2/helper"' sh "$project" "$scratch" </dev/null
# distccd as the helper's administrator would start it: with what install wrote. Not through inside():
# $! is to be distccd itself. Its log is of interest only if something fails.
# The helper and the client are two machines with rules of their own; here they share one, so the
# helper keeps what it has now.
chroot "$root" sh -c '. /etc/ccroute/distccd.sh
    mkdir -m 1777 /tmp/distccd.readme
    cp -r /etc/ccroute/rules.d /etc/ccroute/helper.d
    export CCROUTE_RULES_DIR=/etc/ccroute/helper.d:
    TMPDIR=/tmp/distccd.readme exec distccd --no-detach --daemon --listen 127.0.0.1 --port "$1" \
        --allow 127.0.0.1 --user nobody --jobs 2 --log-stderr --log-level info' sh "$port" \
    2>"$memory/distccd.log" </dev/null &
distccd=$!
while ! grep -q 'listening on' "$memory/distccd.log"; do
    kill -0 $distccd 2>/dev/null || { cat "$memory/distccd.log" >&2; exit 1; }
    sleep 0.1
done
# Never compiled locally, so that what is looked at came from the helper.
inside env PATH="$scratch/arm:$PATH" HOME=/tmp/distccd.readme DISTCC_FALLBACK=0 \
    DISTCC_SKIP_LOCAL_RETRY=1 DISTCC_NO_REWRITE_CROSS=1 \
    sh -c 'cd && sh "$1/client"' sh "$scratch" </dev/null || {
    status=$?
    cat "$memory/distccd.log" >&2
    exit $status
}
kill $distccd
wait $distccd || true
inside service distcc stop >/dev/null
# Its workers end with it, but not at once.
while cat "$root"/proc/[0-9]*/comm 2>/dev/null | grep -qx distccd; do sleep 0.1; done
rm -r "$root/etc/ccroute/helper.d"
inside sh -c 'cd "$1" && sh "$2/helper-end"' sh "$project" "$scratch" </dev/null
