#!/bin/sh
# Runs after the files are gone: dpkg calls it with "remove", and again with "purge" if the
# settings go, too; rpm calls it with 0. The data, its key and its user stay.
set -e
case "$1" in
remove | 0)
  [ ! -d /run/systemd/system ] || systemctl daemon-reload
  ;;
esac
case "$1" in
purge | 0)
  for path in /var/lib/syncline /etc/syncline/secret.key; do
    [ ! -e "$path" ] || echo "syncline: $path is kept; remove it if no server needs it"
  done
  ;;
esac
