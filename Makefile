# make           build
# make demo      see it work: a helper and a client on this machine's loopback
# make test      everything, against a real distcc, distccd and Debian's cross compilers
# make static    one without libraries, in target/static: Portage's sandbox cannot trace it
# make bench     start-up against other shims, and many rules; writes target/bench/startup.txt
# make install   the program and the shipped rules, below DESTDIR/PREFIX
#
# demo, test and lint first install what they need from Debian's packages, if it is missing.

PREFIX  = /usr/local
DESTDIR =
CARGO   = cargo

BIN     = $(DESTDIR)$(PREFIX)/bin
LIB     = $(DESTDIR)$(PREFIX)/lib/ccroute
DOC     = $(DESTDIR)$(PREFIX)/share/doc/ccroute
RULES   = $(wildcard rules.d/*.rules)

.PHONY: build static bench demo test install uninstall lint clean

build:
	$(CARGO) build --release --locked

# musl's start-up is the shortest; glibc's static one serves where rustc has no musl target.
HOST = $(shell rustc -vV | sed -n 's/^host: //p')
MUSL = $(HOST:gnu=musl)
STATIC_TARGET = $(if $(wildcard $(shell rustc --print sysroot)/lib/rustlib/$(MUSL)),$(MUSL),$(HOST))

static:
	RUSTFLAGS="-C target-feature=+crt-static -C relocation-model=static" \
		$(CARGO) build --release --locked --target $(STATIC_TARGET) --target-dir target/static/build
	install -D -m 755 target/static/build/$(STATIC_TARGET)/release/ccroute target/static/ccroute

demo:
	packaging/setup.sh demo
	$(CARGO) build --release --locked
	packaging/demo.sh target/release/ccroute

test:
	packaging/setup.sh test
	@# A test runs the README's 'make build' in a copy of this machine, which is thrown away.
	@$(CARGO) build --release --locked
	$(CARGO) test --locked

lint:
	packaging/setup.sh ci
	$(CARGO) fmt --check
	$(CARGO) clippy --locked --all-targets -- -D warnings

# Builds only what is missing, so that "make && sudo make install" needs no compiler as root.
target/release/ccroute:
	$(CARGO) build --release --locked

install: target/release/ccroute
	install -d $(BIN) $(LIB)/rules.d $(DOC)
	install -m 755 target/release/ccroute $(BIN)/ccroute
	ln -sf ccroute $(BIN)/ccroute-run
	install -m 644 $(RULES) $(LIB)/rules.d
	install -m 644 README.md LICENSE $(DOC)

uninstall:
	rm -f $(BIN)/ccroute $(BIN)/ccroute-run $(RULES:rules.d/%=$(LIB)/rules.d/%) $(DOC)/README.md $(DOC)/LICENSE
	-rmdir $(LIB)/rules.d $(LIB) $(DOC)

# Start-up against peers, what rules cost, what the sandbox and the record of calls cost. Ratios count, not seconds.
bench: static
	packaging/setup.sh test
	$(CARGO) bench --locked --bench startup --bench sandbox --bench calls
	$(CARGO) bench --locked --bench rules -- --plot docs/rules-scale.svg

clean:
	$(CARGO) clean
