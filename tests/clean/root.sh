#!/bin/sh
# root.sh BASE ROOT COMMAND...: runs COMMAND in ROOT, a clean Debian 13, with processes and mounts of its own. BASE is
# what it is copied from; debootstrap makes that once. The caller removes ROOT.
set -eu
base=$1 root=$2
shift 2
if [ ! -e "$base/.ready" ]; then
    mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' | grep -v security | head -n 1)
    rm -rf --one-file-system "$base"
    mkdir -p "$base"
    debootstrap --variant=minbase --include=ca-certificates,make,git trixie "$base" "$mirror" >"$base.log" 2>&1 ||
        { cat "$base.log" >&2; exit 1; }
    # What this machine trusts, and how it reaches the mirror.
    cp -L /etc/ssl/certs/ca-certificates.crt "$base/etc/ssl/certs/"
    cp /etc/apt/apt.conf.d/*proxy* "$base/etc/apt/apt.conf.d/" 2>/dev/null || true
    touch "$base/.ready"
fi
mkdir -p "$root"
cp -a "$base/." "$root"
cp -L /etc/resolv.conf "$root/etc/"
# Processes that the command left end with the namespace, and with them its mounts.
status=0
unshare --mount --pid --fork --kill-child sh -euc '
    root=$1
    shift
    mount --make-rprivate / 2>/dev/null || true
    mount -t proc proc "$root/proc"
    exec chroot "$root" env -i HOME=/root LANG=C.UTF-8 DEBIAN_FRONTEND=noninteractive \
        PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "$@"' sh "$root" "$@" </dev/null || status=$?
exit $status
