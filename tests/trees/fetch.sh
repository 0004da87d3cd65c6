#!/bin/sh
# fetch.sh PACKAGE DIR: the upstream source of a Debian package, unpacked in DIR. Uses the package
# archive that this machine uses, without touching its lists.
set -eu
package=$1
dir=$2
[ ! -e "$dir/.complete" ] || exit 0
rm -rf "$dir"
mkdir -p "$dir/.apt/lists/partial"
keys=/usr/share/keyrings/debian-archive-keyring.gpg
apt-get indextargets --format '$(REPO_URI) $(CODENAME) $(COMPONENT)' 'Created-By: Packages' |
    awk -v keys="$keys" '$2 !~ /-(security|updates)$/ && $3 == "main" { print "deb-src [signed-by=" keys "] " $1, $2, $3 }' |
    sort -u >"$dir/.apt/sources.list"
options="-o Dir::Etc::sourcelist=$dir/.apt/sources.list -o Dir::Etc::sourceparts=/dev/null -o Dir::State::lists=$dir/.apt/lists"
cd "$dir/.apt"
# shellcheck disable=SC2086
apt-get -qq $options update
# shellcheck disable=SC2086
apt-get -qq $options -o APT::Sandbox::User=root source --download-only --tar-only "$package"
tar -xf "$package"_*.orig.tar.* --strip-components=1 -C "$dir"
rm -rf "$dir/.apt"
touch "$dir/.complete"
