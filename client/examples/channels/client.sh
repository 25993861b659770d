#!/usr/bin/env bash
# Channels: ./client.sh HOST PORT NAME CHANNEL; each line of standard input is a message
set -euo pipefail
# lengths in bytes, not characters
export LC_ALL=C
host=$1 port=$2 name=$3 channel=$4

say() {
  ((${#1} <= 200)) || { echo 'a message has at most 200 bytes' >&2; exit 1; }
  printf '%-200s' "$1" >&3
}

exec 3<>"/dev/tcp/$host/$port"
say "$name"
# if it exists, the answer says so, and nothing changes
say "/create $channel"
say "/join $channel"
# a read that ends in the middle of a frame is gone on with
while text=$(head -c 200 <&3 | tr -d '\0') && [[ -n $text ]]; do
  echo "${text%"${text##*[! ]}"}"
done &
while IFS= read -r line; do say "$line"; done
# a shell can't close one direction alone: what comes within a second is still shown
sleep 1
kill $!
