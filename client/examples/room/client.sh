#!/usr/bin/env bash
# Room: ./client.sh HOST PORT; each line of standard input goes to all others
set -euo pipefail
exec 3<>"/dev/tcp/$1/$2"
# a carriage return in front is for terminals: the line replaces what is being typed
stdbuf -o0 tr -d '\r' <&3 &
cat >&3
# a shell can't close one direction alone: what comes within a second is still shown
sleep 1
kill $!
