# make demo    see it work: a helper on this machine's loopback, ARM objects from it
# make test    everything that is checked, with real distcc and real cross compilers
# make build   target/release/ccroute
# make install [PREFIX=/usr/local] [DESTDIR=]
#
# demo and test install what they need and this machine lacks (packaging/need.sh).

PREFIX ?= /usr/local
DESTDIR ?=

CARGO ?= cargo
BIN = target/release/ccroute
bindir = $(DESTDIR)$(PREFIX)/bin
rulesdir = $(DESTDIR)$(PREFIX)/lib/ccroute/rules.d

.PHONY: all build demo test install uninstall fmt lint clean

all: build

build:
	@sh packaging/need.sh build
	$(CARGO) build --release --locked

demo:
	@sh packaging/need.sh demo
	$(CARGO) build --release --locked
	@sh packaging/demo.sh $(BIN)

test:
	@sh packaging/need.sh test
	$(CARGO) test --locked

# Builds nothing, so that 'sudo make install' leaves no root-owned files in target.
install:
	@test -x $(BIN) || { echo "run 'make build' first" >&2; exit 1; }
	install -d $(bindir) $(rulesdir)
	install -m 755 $(BIN) $(bindir)/ccroute
	ln -sf ccroute $(bindir)/ccroute-run
	install -m 644 rules.d/*.rules $(rulesdir)

uninstall:
	rm -f $(bindir)/ccroute $(bindir)/ccroute-run
	for rules in rules.d/*.rules; do rm -f $(rulesdir)/$${rules##*/}; done
	-rmdir $(rulesdir) $(DESTDIR)$(PREFIX)/lib/ccroute 2>/dev/null

fmt:
	$(CARGO) fmt

lint:
	@sh packaging/need.sh lint
	$(CARGO) fmt --check
	$(CARGO) clippy --locked --all-targets -- -D warnings

clean:
	$(CARGO) clean
