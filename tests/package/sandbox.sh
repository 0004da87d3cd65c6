#!/bin/sh
# sandbox.sh SCRATCH PROJECT PORT PACKAGE: runs inside.sh in a copy of this machine: see
# ../common/overlay.sh. Called by package.rs.
set -eu
scratch=$1
project=$2

. "$project/tests/common/overlay.sh"
inside sh "$project/tests/package/inside.sh" "$@" </dev/null
