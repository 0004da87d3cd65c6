//! The triples that distributions and toolchains really have, for which a helper makes links where
//! something serves them. distccd runs no name that has no link.

/// One line for each source. A triple that a section of the rules names, or a compiler is installed
/// under, need not stand here.
pub(super) const REAL: &[&str] = &[
    // Debian, Ubuntu (dpkg's tables of architectures).
    "aarch64-linux-gnu alpha-linux-gnu arc-linux-gnu arm-linux-gnueabi arm-linux-gnueabihf hppa-linux-gnu i686-linux-gnu ia64-linux-gnu",
    "loongarch64-linux-gnu m68k-linux-gnu mips-linux-gnu mipsel-linux-gnu mips64-linux-gnuabi64 mips64el-linux-gnuabi64 mips64-linux-gnuabin32",
    "mips64el-linux-gnuabin32 mipsisa32r6-linux-gnu mipsisa32r6el-linux-gnu mipsisa64r6-linux-gnuabi64 mipsisa64r6el-linux-gnuabi64",
    "powerpc-linux-gnu powerpc64-linux-gnu powerpc64le-linux-gnu riscv64-linux-gnu s390x-linux-gnu sh4-linux-gnu sparc64-linux-gnu",
    "x86_64-linux-gnu x86_64-linux-gnux32",
    // Gentoo's CHOSTs (profiles/arch, crossdev).
    "aarch64-unknown-linux-gnu aarch64-unknown-linux-musl aarch64_be-unknown-linux-gnu alpha-unknown-linux-gnu armv4tl-softfloat-linux-gnueabi",
    "armv5tel-softfloat-linux-gnueabi armv6j-unknown-linux-gnueabihf armv7a-unknown-linux-gnueabihf armv7a-unknown-linux-musleabihf",
    "hppa-unknown-linux-gnu hppa1.1-unknown-linux-gnu hppa2.0-unknown-linux-gnu i486-pc-linux-gnu i586-pc-linux-gnu i686-pc-linux-gnu i686-pc-linux-musl",
    "ia64-unknown-linux-gnu loongarch64-unknown-linux-gnu m68k-unknown-linux-gnu mips-unknown-linux-gnu mips-unknown-linux-musl",
    "mipsel-unknown-linux-gnu mipsel-unknown-linux-musl mips64-unknown-linux-gnu mips64el-unknown-linux-gnu powerpc-unknown-linux-gnu",
    "powerpc-unknown-linux-musl powerpc64-unknown-linux-gnu powerpc64-unknown-linux-musl powerpc64le-unknown-linux-gnu powerpc64le-unknown-linux-musl",
    "riscv64-unknown-linux-gnu riscv64-unknown-linux-musl s390-ibm-linux-gnu s390x-ibm-linux-gnu sh4-unknown-linux-gnu sparc-unknown-linux-gnu",
    "sparc64-unknown-linux-gnu x86_64-pc-linux-gnu x86_64-pc-linux-gnux32 x86_64-pc-linux-musl x86_64-gentoo-linux-musl i686-gentoo-linux-musl",
    // Arch Linux, its ARM port and Arch Linux 32; x-tools.
    "x86_64-pc-linux-gnu armv6l-unknown-linux-gnueabihf armv7l-unknown-linux-gnueabihf arm-unknown-linux-gnueabi arm-unknown-linux-gnueabihf i486-pc-linux-gnu",
    // Alpine, Adelie, Void, Chimera, postmarketOS.
    "armv6-alpine-linux-musleabihf armv7-alpine-linux-musleabihf aarch64-alpine-linux-musl i586-alpine-linux-musl loongarch64-alpine-linux-musl",
    "mips64-alpine-linux-musl powerpc64le-alpine-linux-musl riscv64-alpine-linux-musl s390x-alpine-linux-musl x86_64-alpine-linux-musl",
    "powerpc-foxkit-linux-musl powerpc64-foxkit-linux-musl aarch64-foxkit-linux-musl x86_64-foxkit-linux-musl",
    "armv7l-linux-gnueabihf armv7l-linux-musleabihf arm-linux-musleabi arm-linux-musleabihf aarch64-linux-musl i686-linux-musl",
    "x86_64-linux-musl x86_64-unknown-linux-gnu mipsel-linux-musl mipsel-linux-muslhf mips-linux-musl mips-linux-muslhf powerpc-linux-musl",
    "powerpc64-linux-musl powerpc64le-linux-musl riscv64-linux-musl x86_64-chimera-linux-musl aarch64-chimera-linux-musl",
    // Fedora, RHEL, Amazon, openEuler, OpenMandriva, Mageia, ALT, Slackware.
    "aarch64-redhat-linux armv7hl-redhat-linux-gnueabi i686-redhat-linux ppc64-redhat-linux ppc64le-redhat-linux riscv64-redhat-linux",
    "s390x-redhat-linux x86_64-redhat-linux x86_64-amazon-linux aarch64-amazon-linux x86_64-openEuler-linux aarch64-openEuler-linux",
    "x86_64-openmandriva-linux-gnu aarch64-openmandriva-linux-gnu armv7hnl-openmandriva-linux-gnueabihf i686-openmandriva-linux-gnu",
    "x86_64-mageia-linux x86_64-mageia-linux-gnu i586-mageia-linux i586-mageia-linux-gnu i686-mageia-linux-gnu aarch64-mageia-linux",
    "aarch64-mageia-linux-gnu armv7hl-mageia-linux-gnueabi x86_64-alt-linux i586-alt-linux aarch64-alt-linux x86_64-slackware-linux",
    "i486-slackware-linux i586-slackware-linux i686-slackware-linux aarch64-slackware-linux aarch64-slackware-linux-gnu arm-slackware-linux-gnueabihf",
    // openSUSE.
    "aarch64-suse-linux armv6hl-suse-linux-gnueabi armv7hl-suse-linux-gnueabi i586-suse-linux powerpc64-suse-linux powerpc64le-suse-linux",
    "riscv64-suse-linux s390x-suse-linux x86_64-suse-linux",
    // OpenWrt, Buildroot, Yocto, Chromium OS, conda, Arm's, Linaro's.
    "aarch64-openwrt-linux-musl aarch64_be-openwrt-linux-musl mips-openwrt-linux-musl mipsel-openwrt-linux-musl mips64-openwrt-linux-musl",
    "powerpc-openwrt-linux-musl x86_64-openwrt-linux-musl i486-openwrt-linux-musl riscv64-openwrt-linux-musl loongarch64-openwrt-linux-musl",
    "aarch64-buildroot-linux-gnu aarch64-buildroot-linux-musl x86_64-buildroot-linux-gnu x86_64-buildroot-linux-musl i686-buildroot-linux-gnu",
    "mipsel-buildroot-linux-gnu mips-buildroot-linux-gnu powerpc64le-buildroot-linux-gnu riscv64-buildroot-linux-gnu riscv64-buildroot-linux-musl",
    "aarch64-poky-linux aarch64-oe-linux x86_64-poky-linux x86_64-oe-linux i686-poky-linux riscv64-poky-linux powerpc-poky-linux mips-poky-linux",
    "x86_64-cros-linux-gnu aarch64-cros-linux-gnu x86_64-conda-linux-gnu aarch64-conda-linux-gnu powerpc64le-conda-linux-gnu",
    "x86_64-conda_cos6-linux-gnu aarch64-none-linux-gnu aarch64_be-none-linux-gnu x86_64-none-linux-gnu",
    // The NDK's clang.
    "aarch64-linux-android21 armv7a-linux-androideabi21 i686-linux-android21 x86_64-linux-android21 aarch64-linux-android armv7a-linux-androideabi",
    // Windows, BSDs.
    "x86_64-w64-mingw32 i686-w64-mingw32 aarch64-w64-mingw32 x86_64-unknown-freebsd aarch64-unknown-freebsd x86_64--netbsd aarch64--netbsd",
];

/// The triples one by one.
pub(super) fn real() -> impl Iterator<Item = &'static str> {
    REAL.iter().flat_map(|line| line.split(' '))
}
