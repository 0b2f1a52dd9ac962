#!/usr/bin/env bash
# Runs a command on a fresh Debian 12, in a clean clone of this repository's last commit:
#   tools/fresh.sh make demo
# The root file system is made by debootstrap and holds nothing but the minimal system, make, git and
# ca-certificates: what this machine happens to have installed proves nothing. About a minute passes
# before the command starts. $NACRE_PANTRY (default ../shared/data) is shown to the command, read-only,
# where it exists.
# The exit status is the command's; 77 where such a system cannot be made here (the reason is printed).
set -euo pipefail
cd "$(dirname "$0")/.."
[ $# -gt 0 ] || { sed -n '2,8p' "$0"; exit 2; }

skip() { echo "no fresh Debian here: $1" >&2; exit 77; }
[ "$(id -u)" = 0 ] || skip "it needs root (chroot)"
command -v apt-get >/dev/null || skip "this is not Debian or a relative of it"

# Mounts, and whatever the command leaves running, end with this namespace.
if [ -z "${NACRE_FRESH_INSIDE:-}" ]; then
  unshare --mount --pid --fork true 2>/dev/null || skip "namespaces are not permitted"
  if ! command -v debootstrap >/dev/null; then
    { apt-get update -qq && apt-get install -y -qq --no-install-recommends debootstrap; } >/dev/null 2>&1 ||
      skip "debootstrap cannot be installed"
  fi
  # In one file system with much room: /tmp is often small or in memory.
  NACRE_FRESH_INSIDE=$(mktemp -d /var/tmp/nacre-fresh-XXXXXX)
  export NACRE_FRESH_INSIDE
  trap 'rm -rf --one-file-system "$NACRE_FRESH_INSIDE"' EXIT
  unshare --mount --pid --fork --kill-child bash "$0" "$@"
  exit
fi

root=$NACRE_FRESH_INSIDE/root
log=$NACRE_FRESH_INSIDE/log
# The first package source in either of apt's formats; Debian's own without one.
mirror=$(cat /etc/apt/sources.list /etc/apt/sources.list.d/*.list /etc/apt/sources.list.d/*.sources 2>/dev/null |
  grep -E '^(deb |URIs:)' | grep -oE 'https?://[^ ]+' | head -n 1) || true
debootstrap --variant=minbase bookworm "$root" "${mirror:-http://deb.debian.org/debian}" >"$log" 2>&1 ||
  skip "debootstrap failed: $(tail -n 1 "$log")"

# This machine's way to its packages (sources, keys, proxies), and none of its packages.
if [ -n "$(ls -A /etc/apt/sources.list.d 2>/dev/null)" ]; then rm -f "$root/etc/apt/sources.list"; fi
for part in sources.list sources.list.d trusted.gpg.d keyrings auth.conf.d; do
  [ ! -e /etc/apt/$part ] || cp -r /etc/apt/$part "$root/etc/apt/"
done
apt-config dump | grep -E '^Acquire::(https?::|Check-|Retries)' >"$root/etc/apt/apt.conf.d/50host" || true
mkdir -p "$root/usr/share/keyrings" "$root/etc/ssl"
cp -r /usr/share/keyrings/. "$root/usr/share/keyrings/" 2>/dev/null || true
cp -rL /etc/ssl/certs "$root/etc/ssl/" 2>/dev/null || true
cp -L /etc/resolv.conf /etc/hosts "$root/etc/" 2>/dev/null || true
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
mount --rbind /sys "$root/sys" 2>/dev/null || true

inside() {
  env -i HOME=/root PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin TERM=dumb LANG=C.UTF-8 \
    DEBIAN_FRONTEND=noninteractive ${http_proxy:+http_proxy="$http_proxy"} ${https_proxy:+https_proxy="$https_proxy"} \
    chroot "$root" "$@"
}
inside sh -c 'apt-get update -qq && apt-get install -y -qq --no-install-recommends make git ca-certificates' \
  >"$log" 2>&1 || skip "packages cannot be reached from it: $(tail -n 1 "$log")"

git clone -q --no-hardlinks "$PWD" "$root/root/nacre"
pantry=${NACRE_PANTRY:-../shared/data}
if [ -d "$pantry" ]; then
  mkdir -p "$root/root/shared/data"
  mount --bind -o ro "$pantry" "$root/root/shared/data"
fi
rm -f "$log"
echo "a fresh Debian $(cat "$root/etc/debian_version") with $(inside dpkg-query -f '.\n' -W | wc -l) packages: $*"
inside sh -c 'cd /root/nacre && exec "$@"' sh "$@"
