#!/bin/bash
# What people put into the masquerade directory: asks the compiler for its triple at each call.
exec /usr/bin/distcc "$(/usr/bin/gcc -dumpmachine)-${0##*/}" "$@"
