#!/bin/sh
# Runs after the files are there: dpkg calls it with "configure" and the version before,
# rpm with 1 for an installation and 2 for an upgrade.
set -e
upgrade=no
case "$1" in
configure) [ -z "$2" ] || upgrade=yes ;;
1) ;;
2) upgrade=yes ;;
*) exit 0 ;;
esac

if command -v systemd-sysusers >/dev/null; then
  systemd-sysusers syncline.conf
elif ! grep -q '^syncline:' /etc/passwd; then
  useradd --system --user-group --no-create-home --home-dir /var/lib/syncline --shell /usr/sbin/nologin syncline
fi

# The key is made once. A new one beside an old database would open nothing in it. Root
# alone can change it; the user syncline may read it, for commands such as syncline doctor.
key=/etc/syncline/secret.key
if [ ! -e "$key" ]; then
  umask 077
  if [ -e /var/lib/syncline/secret.key ]; then
    cp /var/lib/syncline/secret.key "$key"
  elif [ -e /var/lib/syncline/syncline.db ]; then
    echo "syncline: /var/lib/syncline holds a database, but its key is missing: put a backup of the key into $key" >&2
  else
    head -c 32 /dev/urandom >"$key.new"
    mv "$key.new" "$key"
  fi
  if [ -e "$key" ]; then
    chgrp syncline "$key"
    chmod 640 "$key"
  fi
fi

if [ -d /run/systemd/system ]; then
  systemctl daemon-reload
  [ "$upgrade" = no ] || systemctl try-restart syncline.service
fi
if [ "$upgrade" = no ]; then
  cat <<'TEXT'
Syncline is installed. Look at /etc/syncline/syncline.yaml, then start the server:
  systemctl enable --now syncline
  cat /var/lib/syncline/initial-password   # of the user administrator; remove the file then
Keep a copy of /etc/syncline/secret.key apart from the backups of /var/lib/syncline.
TEXT
fi
