#!/bin/sh
# Debian packages that the tests use: the real peers (mail servers, brokers, PostgreSQL), the fault tools, a browser, OCR.
# As root it installs what is missing; otherwise it says which command to run and fails. Run by `make test`.
set -eu

PACKAGES="chromium clamav-daemon curl dovecot-imapd dovecot-lmtpd fonts-dejavu-core fuse3 gcc isync ldap-utils libc6-dev
libnss3-tools nginx-light openssl postfix postgresql rabbitmq-server redis-server softhsm2 strace tesseract-ocr tesseract-ocr-fra
thunderbird xmlsec1"
command -v npm >/dev/null || PACKAGES="$PACKAGES nodejs npm" # Node's own package brings npm along, and excludes Debian's

installed() {
    [ "$(dpkg-query -W -f='${db:Status-Abbrev}' "$1" 2>/dev/null | cut -c1-2)" = ii ]
}

missing=""
for package in $PACKAGES; do
    installed "$package" || missing="$missing $package"
done

if [ -z "$missing" ]; then
    echo "apt: everything the tests need is installed"
    exit 0
fi
if [ "$(id -u)" -ne 0 ]; then
    echo "apt: missing packages, run: sudo apt-get install --no-install-recommends$missing" >&2
    exit 1
fi

echo "apt: installing$missing"
export DEBIAN_FRONTEND=noninteractive
echo "postfix postfix/main_mailer_type select No configuration" | debconf-set-selections
log=$(mktemp)
trap 'rm -f "$log"' EXIT
# shellcheck disable=SC2086  # the list is words on purpose
if ! { apt-get update -q && apt-get install -q -y --no-install-recommends $missing; } >"$log" 2>&1; then
    tail -n 20 "$log" >&2
    echo "apt: installation failed" >&2
    exit 1
fi
