#!/bin/sh
# dist.sh: makes target/dist/ccroute-VERSION.tar.xz, the committed source with all crates, which builds without a
# network; its checksums; and the recipes of Gentoo, Arch and Alpine with the archive's checksum. Called by "make dist".
set -eu
cd "$(dirname "$0")/.."
packaging/setup.sh dist

version=$(sed -n 's/^version = "\(.*\)"/\1/p;T;q' Cargo.toml)
name=ccroute-$version
archive=$name.tar.xz
out=$PWD/target/dist
rm -rf "$out"
mkdir -p "$out"

git archive --format=tar --prefix="$name/" HEAD | tar -x -C "$out"
mkdir -p "$out/$name/.cargo"
(cd "$out/$name" && cargo vendor --locked --quiet vendor >.cargo/config.toml)
# The same commit makes the same archive.
time=$(git log -1 --format=%ct)
tar -C "$out" --sort=name --owner=0 --group=0 --numeric-owner --mtime="@$time" --mode=go=rX,u+rw -c "$name" |
    xz -9 -T1 >"$out/$archive"
rm -rf "${out:?}/$name"

cd "$out"
sha256sum "$archive" >"$archive.sha256"
sha512sum "$archive" >"$archive.sha512"
sha256=$(cut -d' ' -f1 "$archive.sha256")
sha512=$(cut -d' ' -f1 "$archive.sha512")
blake2=$(b2sum "$archive" | cut -d' ' -f1)
cp -r ../../packaging/arch ../../packaging/alpine ../../packaging/gentoo .
sed -i "s/^sha256sums=(SKIP)/sha256sums=($sha256)/" arch/PKGBUILD
sed -i "s/^SKIP  /$sha512  /" alpine/APKBUILD
echo "DIST $archive $(wc -c <"$archive") BLAKE2B $blake2 SHA512 $sha512" >gentoo/Manifest
cat "$archive.sha256"
