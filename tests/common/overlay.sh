# Sourced with $scratch and $project set: makes $root, a copy of this machine. It is an overlay, whose
# changes go to memory and end with the mount namespace that this is started in. Started by
# common/sandbox.rs in mount and process namespaces of its own.
memory=$scratch/memory
mkdir "$memory"
mount -t tmpfs tmpfs "$memory"
trap 'umount -R -l "$memory"' EXIT
mkdir "$memory/upper" "$memory/work" "$memory/root"
root=$memory/root
options=lowerdir=/,upperdir=$memory/upper,workdir=$memory/work
# The second form is for user namespaces.
mount -t overlay overlay -o "$options" "$root" 2>/dev/null ||
    mount -t overlay overlay -o "$options,userxattr" "$root"
# As if ccroute had never been used here: its rules, what it recorded.
(cd "$root" && rm -rf --one-file-system etc/ccroute var/lib/ccroute var/log/ccroute run/ccroute)
mount --rbind /dev "$root/dev"
mount -t proc proc "$root/proc"
# An overlay shows one file system: what is mounted elsewhere is mounted again.
for dir in "$project" "$scratch"; do
    [ -e "$root$dir/." ] && [ -n "$(ls -A "$root$dir")" ] || {
        mkdir -p "$root$dir"
        mount --bind "$dir" "$root$dir"
    }
done

inside() {
    chroot "$root" env CARGO_TERM_COLOR=never "$@"
}
