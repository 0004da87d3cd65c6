# Distributed under the terms of the MIT license

EAPI=8

RUST_MIN_VER="1.85.0"

inherit cargo linux-info shell-completion toolchain-funcs

DESCRIPTION="Routes compiler names to the right compiler for distcc"
HOMEPAGE="https://example.org/ccroute"
SRC_URI="${HOMEPAGE}/releases/${P}.tar.xz"
# The archive holds the crates.
ECARGO_VENDOR="${S}/vendor"

LICENSE="MIT"
# Of the crates
LICENSE+=" Apache-2.0 MIT Unicode-3.0"
SLOT="0"
KEYWORDS="~amd64 ~arm ~arm64"

RDEPEND="sys-devel/distcc"

CONFIG_CHECK="~SECURITY_LANDLOCK"
QA_FLAGS_IGNORED="usr/bin/ccroute"

src_compile() {
	local cross=()
	tc-is-cross-compiler && cross=( TARGET="$(rust_abi)" LINKER="$(tc-getCC)" )
	cargo_env emake build CARGO="${CARGO}" "${cross[@]}"
}

src_test() {
	# The other tests want a distccd, and Debian's cross compilers.
	cargo_src_test --lib
}

src_install() {
	local cross=()
	tc-is-cross-compiler && cross=( TARGET="$(rust_abi)" )
	emake install "${cross[@]}" \
		DESTDIR="${D}" \
		PREFIX="${EPREFIX}/usr" \
		DOC="${EPREFIX}/usr/share/doc/${PF}" \
		BASH="$(get_bashcompdir)" \
		ZSH="$(get_zshcompdir)" \
		FISH="$(get_fishcompdir)"
	# The repository has the license.
	rm "${ED}/usr/share/doc/${PF}/LICENSE" || die
	docompress -x "/usr/share/doc/${PF}/examples"
}

pkg_postinst() {
	# The links of version 0.1 led to a second program.
	[[ -n ${ROOT} ]] || "${EROOT}/usr/bin/ccroute" refresh
	elog "Portage has no trigger for the compilers that are installed and removed. For one,"
	elog "append ${EROOT}/usr/share/doc/${PF}/examples/portage-bashrc to /etc/portage/bashrc."
}

pkg_prerm() {
	# What "ccroute install" made goes with the program; an upgrade keeps it.
	[[ -n ${REPLACED_BY_VERSION} || -n ${ROOT} ]] && return
	local ccroute="${EROOT}/usr/bin/ccroute"
	"${ccroute}" uninstall --client &>/dev/null
	if ! "${ccroute}" uninstall --helper &>/dev/null; then
		ewarn "distccd still relies on /etc/ccroute/commands, and would run anything"
		ewarn "without it. Restart distccd, then remove that file."
	fi
	rm -f "${EROOT}"/run/ccroute/guard
}
