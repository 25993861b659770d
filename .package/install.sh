#!/bin/sh
# Installs wirepost for this user, without root: fetches the newest release for this machine, verifies it, and copies the
# program, its manual page and its completions below ~/.local. Usage: install.sh [--to DIRECTORY] [--from URL]
#   --to DIRECTORY  where bin/ and share/ are (~/.local)
#   --from URL      where the archives and SHA256SUMS are
set -eu

from=${WIREPOST_RELEASES:-@RELEASES@}
to=${HOME:+$HOME/.local}

fail() {
  echo "install.sh: $*" >&2
  exit 1
}

while [ $# -gt 0 ]; do
  case "$1" in
    --to | --from) [ $# -gt 1 ] || fail "option $1 needs a value" ;;
  esac
  case "$1" in
    --to) to=$2 && shift 2 ;;
    --from) from=$2 && shift 2 ;;
    *) fail "unknown option '$1': expected --to DIRECTORY or --from URL" ;;
  esac
done
case "$from" in @*) fail "this copy does not know where releases are: name it with --from URL" ;; esac
[ -n "$to" ] || fail "HOME is not set: name a directory with --to DIRECTORY"

case "$(uname -s)" in
  Linux) system=linux ;;
  Darwin) system=macos ;;
  *) fail "there is no program for $(uname -s); on Windows use install.ps1" ;;
esac
case "$(uname -m)" in
  x86_64 | amd64) machine=x64 ;;
  aarch64 | arm64) machine=arm64 ;;
  *) fail "there is no program for $(uname -m)" ;;
esac
# the program needs the C library that most systems have
if [ "$system" = linux ] && ! ls /lib*/ld-linux-* >/dev/null 2>&1; then
  fail "this system has no GNU C library, which the program needs"
fi
archive=wirepost-$system-$machine.tar.gz

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
fetch() {
  if command -v curl >/dev/null; then
    curl --fail --silent --show-error --location --output "$work/$1" "$from/$1"
  elif command -v wget >/dev/null; then
    wget --quiet --output-document "$work/$1" "$from/$1"
  else
    fail "needs curl or wget"
  fi || fail "cannot fetch $from/$1"
}
fetch SHA256SUMS
fetch "$archive"

cd "$work"
# exactly this file, once
grep "^[0-9a-f]\{64\}  $archive\$" SHA256SUMS >wanted || fail "SHA256SUMS does not name $archive"
if command -v sha256sum >/dev/null; then
  sha256sum --check --status wanted || fail "$archive is not what SHA256SUMS says: nothing was installed"
else
  shasum --algorithm 256 --check --status wanted || fail "$archive is not what SHA256SUMS says: nothing was installed"
fi
tar -xzf "$archive"

put() {
  mkdir -p "$(dirname "$to/$3")"
  # beside, and then renamed: a program that runs stays as it is
  cp "$2" "$to/$3.new"
  chmod "$1" "$to/$3.new"
  mv "$to/$3.new" "$to/$3"
}
put 755 wirepost/wirepost bin/wirepost
put 644 wirepost/wirepost.1 share/man/man1/wirepost.1
put 644 wirepost/completions/wirepost.bash share/bash-completion/completions/wirepost
put 644 wirepost/completions/wirepost.zsh share/zsh/site-functions/_wirepost
put 644 wirepost/completions/wirepost.fish share/fish/vendor_completions.d/wirepost.fish
put 644 wirepost/LICENCES share/doc/wirepost/LICENCES

echo "$("$to/bin/wirepost" --version) is in $to/bin"
case ":$PATH:" in
  *":$to/bin:"*) ;;
  *) echo "It is not in PATH yet: export PATH=\"$to/bin:\$PATH\"" ;;
esac
