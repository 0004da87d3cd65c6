# make           build
# make demo      see it work: a helper and a client on this machine's loopback
# make test      everything, against a real distcc, distccd and Debian's cross compilers
# make bench     what the shim costs, against other ways to do the same
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

.PHONY: build demo test install uninstall lint bench clean

build:
	$(CARGO) build --release --locked

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

# Start-up against peers, what rules cost, what the sandbox costs. Ratios count, not seconds.
bench:
	packaging/setup.sh test
	$(CARGO) build --release --locked
	$(CARGO) bench --locked --bench startup --bench rules --bench sandbox

clean:
	$(CARGO) clean
