#!/bin/bash
# walk.sh SCRIPT PROGRAMS: runs SCRIPT in a mount and a network namespace of its own, with
# empty folders where the documents keep things. PROGRAMS has the programs that stand for
# those of other machines.
set -euo pipefail
script=$1 programs=$2
# A build takes what the test's machine has: the network here leads nowhere.
GOMODCACHE=$(go env GOMODCACHE) GOCACHE=$(go env GOCACHE)
export GOMODCACHE GOCACHE
mount --make-rprivate /
for folder in /srv /home /backup /var/lib/syncline; do
  mkdir -p "$folder"
  mount -t tmpfs tmpfs "$folder"
done
# /usr/local/bin keeps its programs, and what is installed there is gone at the end.
mkdir /srv/up /srv/work
mount -t overlay overlay -o lowerdir=/usr/local/bin,upperdir=/srv/up,workdir=/srv/work /usr/local/bin
cp /etc/hosts /srv/hosts
echo 127.0.0.1 localhost backup.example attic.example >>/srv/hosts
mount --bind /srv/hosts /etc/hosts
ip link set lo up
mkdir -p /home/you
export HOME=/home/you PATH=$programs:$PATH
unset XDG_CACHE_HOME XDG_CONFIG_HOME XDG_DATA_HOME
exec bash -euo pipefail "$script"
