# Distributed under the terms of the MIT license

EAPI=8

RUST_MIN_VER="1.85.0"

# Those of Cargo.lock.
CRATES="
	anstream@1.0.0
	anstyle-parse@1.0.0
	anstyle-query@1.1.5
	anstyle-wincon@3.0.11
	anstyle@1.0.14
	autocfg@1.5.1
	bitflags@2.13.2
	block-buffer@0.10.4
	cfg-if@1.0.5
	cfg_aliases@0.2.2
	clap@4.6.9
	clap_builder@4.6.7
	clap_complete@4.6.11
	clap_derive@4.6.9
	clap_lex@1.1.2
	colorchoice@1.0.5
	cpufeatures@0.2.17
	crypto-common@0.1.7
	digest@0.10.7
	generic-array@0.14.7
	glob@0.3.4
	heck@0.5.0
	ipnet@2.12.2
	is_terminal_polyfill@1.70.2
	itoa@1.0.19
	libc@0.2.191
	memchr@2.8.3
	memoffset@0.9.1
	nix@0.30.1
	object@0.40.0
	once_cell@1.21.4
	once_cell_polyfill@1.70.2
	proc-macro2@1.0.107
	quote@1.0.47
	serde@1.0.229
	serde_core@1.0.229
	serde_derive@1.0.229
	serde_json@1.0.154
	sha2@0.10.9
	syn@3.0.10
	thiserror-impl@2.0.21
	thiserror@2.0.21
	typenum@1.20.1
	unicode-ident@1.0.27
	utf8parse@0.2.2
	version_check@0.9.5
	windows-link@0.2.1
	windows-sys@0.61.2
	zmij@1.0.23
"

inherit cargo linux-info shell-completion toolchain-funcs

DESCRIPTION="Routes compiler names to the right compiler for distcc"
HOMEPAGE="https://example.org/ccroute"
SRC_URI="
	${HOMEPAGE}/releases/${P}.tar.gz
	${CARGO_CRATE_URIS}
"

LICENSE="MIT"
# Of the crates
LICENSE+=" Apache-2.0 MIT Unicode-3.0"
SLOT="0"
KEYWORDS="~amd64 ~arm ~arm64"

RDEPEND="sys-devel/distcc"

CONFIG_CHECK="~SECURITY_LANDLOCK"
QA_FLAGS_IGNORED="usr/bin/ccroute"
# Stripped by the profile that it is built with.
QA_PRESTRIPPED="usr/bin/ccroute"

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
