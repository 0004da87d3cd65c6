# make           build
# make install   program, rules, manual pages, completions, documents, below DESTDIR/PREFIX
# make client    BOARD=armv6, armv7, arm64, riscv64, i686 or x86_64: an archive for a client, with a static program
# make demo      see it work: a helper and a client on this machine's loopback
# make test      the tests, against a real distcc, distccd and Debian's cross compilers
# make test-all  those and the long ones: packages in clean Debian systems, programs for all boards; as root
# make static    without libraries, in target/static: Portage's sandbox cannot trace it
# make bench     start-up against other shims, and many rules; writes target/bench/startup.txt
# make bench-pi  an emulated ARM client, in every way that people use; as root
# make deb       a Debian package in target/deb; ARCH=arm64 or armhf: for other machines
# make dist      the source archive with all crates, in target/dist, which builds without a network
#
# All but install first install what they need from Debian's packages, if it is missing, or name it.

PREFIX  = /usr/local
DESTDIR =
CARGO   = cargo
# A cross build: rustc's name of the machine, and the program that links for it.
TARGET  =
LINKER  =
# What "make client" makes a program for.
BOARD   =

SHARE   = $(PREFIX)/share
BIN     = $(PREFIX)/bin
OWN     = $(SHARE)/ccroute
DOC     = $(SHARE)/doc/ccroute
MAN     = $(SHARE)/man
# Where distributions have completions differs most for zsh.
BASH    = $(SHARE)/bash-completion/completions
ZSH     = $(SHARE)/zsh/site-functions
FISH    = $(SHARE)/fish/vendor_completions.d

RULES   = $(wildcard rules.d/*.rules)
DOCS    = README.md CHANGELOG.md LICENSE $(wildcard docs/*.md docs/*.svg)
EXAMPLES = $(wildcard packaging/snippets/*)
# Written by the program itself, from the table that it reads its command line by.
PAGES   = ccroute.1 ccroute.rules.5 ccroute.bash _ccroute ccroute.fish
WRITTEN = target/share

# What is installed. A packager may give one that is built already.
PROGRAM = target/$(if $(TARGET),$(TARGET)/)release/ccroute
# One that runs here, to write the pages.
NATIVE  = $(if $(TARGET),target/debug,target/release)/ccroute
LINKED_BY = CARGO_TARGET_$(shell echo '$(TARGET)' | tr a-z- A-Z_)_LINKER=$(LINKER)

.PHONY: build client static bench bench-pi demo test test-all deb dist install install-client uninstall lint clean

RELEASE = $(if $(LINKER),$(LINKED_BY)) $(CARGO) build --release --locked $(if $(TARGET),--target $(TARGET))

build:
	@command -v $(CARGO) >/dev/null && command -v cc >/dev/null || packaging/setup.sh build
	$(RELEASE)
	$(if $(TARGET),$(CARGO) build --locked)
	$(MAKE) $(PAGES:%=$(WRITTEN)/%)

$(WRITTEN)/ccroute.1: page = man ccroute
$(WRITTEN)/ccroute.rules.5: page = man ccroute.rules
$(WRITTEN)/ccroute.bash: page = completions bash
$(WRITTEN)/_ccroute: page = completions zsh
$(WRITTEN)/ccroute.fish: page = completions fish
$(PAGES:%=$(WRITTEN)/%): $(NATIVE)
	@mkdir -p $(WRITTEN)
	@# Two of make may be at it at once.
	$(NATIVE) $(page) >$@.$$$$ && mv $@.$$$$ $@

# For machines without libfakeroot and the like, which trace a program through its libraries. By musl where rustc has it.
HOST = $(shell rustc -vV | sed -n 's/^host: //p')
MUSL = $(HOST:gnu=musl)
STATIC_TARGET = $(if $(wildcard $(shell rustc --print sysroot)/lib/rustlib/$(MUSL)),$(MUSL),$(HOST))

static:
	RUSTFLAGS="-C target-feature=+crt-static" \
		$(CARGO) build --release --locked --target $(STATIC_TARGET) --target-dir target/static/build
	install -m 755 target/static/build/$(STATIC_TARGET)/release/ccroute target/static

demo:
	packaging/setup.sh demo
	$(RELEASE)
	packaging/demo.sh target/release/ccroute

client:
	@packaging/client.sh $(BOARD)

test:
	packaging/setup.sh test
	@# A test runs the README's 'make build' in a copy of this machine, which is thrown away.
	$(RELEASE)
	$(CARGO) test --locked --lib --test quick --test full

test-all: test
	packaging/setup.sh all
	$(CARGO) test --locked --test full -- --ignored

lint:
	packaging/setup.sh ci
	$(CARGO) fmt --check
	$(CARGO) clippy --locked --all-targets -- -D warnings
	@# The words of texts that users read.
	$(CARGO) test --locked --quiet --test quick -- words::

# Builds only what is missing, so that "make && sudo make install" needs no compiler as root.
$(sort $(PROGRAM) $(NATIVE)):
	$(MAKE) build

install: $(PROGRAM) $(PAGES:%=$(WRITTEN)/%)
	install -d $(addprefix $(DESTDIR),$(BIN) $(OWN)/rules.d $(DOC)/examples $(MAN)/man1 $(MAN)/man5 $(BASH) $(ZSH) $(FISH))
	install -m 755 $(PROGRAM) $(DESTDIR)$(BIN)/ccroute
	ln -sf ccroute $(DESTDIR)$(BIN)/ccroute-run
	@# To read, and to copy from: the program has them in it.
	install -m 644 $(RULES) $(DESTDIR)$(OWN)/rules.d
	install -m 644 $(DOCS) $(DESTDIR)$(DOC)
	install -m 644 $(EXAMPLES) $(DESTDIR)$(DOC)/examples
	install -m 644 $(WRITTEN)/ccroute.1 $(DESTDIR)$(MAN)/man1
	ln -sf ccroute.1 $(DESTDIR)$(MAN)/man1/ccroute-run.1
	install -m 644 $(WRITTEN)/ccroute.rules.5 $(DESTDIR)$(MAN)/man5
	install -m 644 $(WRITTEN)/ccroute.bash $(DESTDIR)$(BASH)/ccroute
	install -m 644 $(WRITTEN)/_ccroute $(DESTDIR)$(ZSH)
	install -m 644 $(WRITTEN)/ccroute.fish $(DESTDIR)$(FISH)

# What a board needs: no rules, which are part of the program, and no documents.
install-client: $(PROGRAM) $(PAGES:%=$(WRITTEN)/%)
	install -d $(addprefix $(DESTDIR),$(BIN) $(DOC) $(MAN)/man1 $(MAN)/man5 $(BASH))
	install -m 755 $(PROGRAM) $(DESTDIR)$(BIN)/ccroute
	ln -sf ccroute $(DESTDIR)$(BIN)/ccroute-run
	install -m 644 LICENSE $(DESTDIR)$(DOC)
	install -m 644 $(WRITTEN)/ccroute.1 $(DESTDIR)$(MAN)/man1
	ln -sf ccroute.1 $(DESTDIR)$(MAN)/man1/ccroute-run.1
	install -m 644 $(WRITTEN)/ccroute.rules.5 $(DESTDIR)$(MAN)/man5
	install -m 644 $(WRITTEN)/ccroute.bash $(DESTDIR)$(BASH)/ccroute

INSTALLED = $(BIN)/ccroute $(BIN)/ccroute-run $(RULES:rules.d/%=$(OWN)/rules.d/%) \
	$(addprefix $(DOC)/,$(notdir $(DOCS))) $(addprefix $(DOC)/examples/,$(notdir $(EXAMPLES))) \
	$(MAN)/man1/ccroute.1 $(MAN)/man1/ccroute-run.1 $(MAN)/man5/ccroute.rules.5 \
	$(BASH)/ccroute $(ZSH)/_ccroute $(FISH)/ccroute.fish

uninstall:
	rm -f $(addprefix $(DESTDIR),$(INSTALLED))
	@# The program's own directories, and those of shells that are not installed.
	-rmdir --ignore-fail-on-non-empty $(wildcard $(addprefix $(DESTDIR),$(OWN)/rules.d $(OWN) $(DOC)/examples $(DOC) \
		$(foreach dir,$(BASH) $(ZSH) $(FISH),$(dir) $(dir $(dir)))))

# dpkg-buildpackage wants debian/ at the top: it gets a copy of the source.
ARCH = $(shell dpkg --print-architecture)
VERSION = $(shell sed -n 's/^version = "\(.*\)"/\1/p;T;q' Cargo.toml)
DEB  = target/deb/ccroute-$(VERSION)

deb:
	packaging/setup.sh deb
	$(if $(filter armhf,$(ARCH)),packaging/client.sh armv6 && $(CARGO) build --locked --bin ccroute)
	rm -rf $(DEB)
	mkdir -p $(DEB) target/deb/build-$(ARCH)
	tar -c --exclude=./target --exclude=./fuzz/target --exclude=./.git . | tar -x -C $(DEB)
	cp -r packaging/debian $(DEB)/debian
	ln -s ../build-$(ARCH) $(DEB)/target
	@# Rust may come from elsewhere than Debian's packages, so -d.
	cd $(DEB) && STATIC=$(CURDIR)/target/client/ccroute-armv6 PAGES_BY=$(CURDIR)/target/debug/ccroute \
		dpkg-buildpackage -b -d -us -uc -a $(ARCH)
	@ls -l target/deb/*_$(ARCH).deb

dist:
	packaging/dist.sh

# An emulated ARM client; takes a quarter of an hour, most of it once.
bench-pi:
	packaging/setup.sh pi
	$(CARGO) build --release --locked
	benches/pi/run.sh target/release/ccroute
	benches/pi/startup.sh

# Start-up against peers, what rules cost, what the sandbox and the record of calls cost. Ratios count, not seconds.
bench: static
	packaging/setup.sh test
	$(CARGO) bench --locked --bench startup -- --plot docs/startup.svg
	$(CARGO) bench --locked --bench sandbox --bench calls
	$(CARGO) bench --locked --bench rules -- --plot docs/rules-scale.svg

clean:
	$(CARGO) clean
