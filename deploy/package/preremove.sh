#!/bin/sh
# Runs before the files go: dpkg calls it with "remove", rpm with 0. An upgrade leaves the
# server running, and the installation of the new files restarts it.
set -e
case "$1" in
remove | 0)
  [ ! -d /run/systemd/system ] || systemctl disable --now syncline.service
  ;;
esac
