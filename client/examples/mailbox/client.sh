#!/usr/bin/env bash
# Mailbox: ./client.sh HOST PORT send ME TO TEXT, or ./client.sh HOST PORT receive ME
set -euo pipefail
host=$1 port=$2 command=$3 me=$4
exec 3<>"/dev/udp/$host/$port"
if [[ $command == send ]]; then
  # nothing answers this: what must arrive is sent with `wirepost send`, or through a session
  printf 'F, %s, %s, %s' "$5" "$me" "$6" >&3
else
  printf 'R, %s' "$me" >&3
  # one read is one datagram
  reply=$(timeout 5 dd bs=65536 count=1 <&3 2>/dev/null)
  [[ $reply != X ]] || exit 3
  rest=${reply#N, *, }
  echo "${rest%%, *}: ${rest#*, }"
fi
