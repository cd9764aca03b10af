#!/bin/bash
# boot.sh DIRECTORY: runs as the first process of new namespaces. It makes a copy of the
# machine that is written to in memory, installs DIRECTORY/syncline.deb there, and becomes
# systemd, which runs DIRECTORY/installed.sh and ends with its result.
set -euo pipefail
dir=$1
mount --make-rprivate /
mount -t tmpfs tmpfs /mnt
mkdir /mnt/up /mnt/work /mnt/root
mount -t overlay overlay -o lowerdir=/,upperdir=/mnt/up,workdir=/mnt/work /mnt/root
cd /mnt/root
mount -t proc proc proc
mount -t sysfs -o ro sysfs sys
mount -t cgroup2 cgroup2 sys/fs/cgroup
mount -t tmpfs -o mode=755 tmpfs run
mount -t tmpfs tmpfs tmp
mount -t tmpfs -o mode=755 tmpfs dev
for device in null zero full random urandom tty; do
  touch dev/$device
  mount --bind /dev/$device dev/$device
done
mkdir dev/pts dev/shm dev/mqueue dev/hugepages
mount -t devpts devpts dev/pts
mount -t tmpfs tmpfs dev/shm
ln -s pts/ptmx dev/ptmx
ln -s /proc/self/fd dev/fd
mkdir -p test old
mount --bind "$dir" test
pivot_root . old
umount -l /old
# systemd makes credentials in a namespace of its own, and they have to arrive here.
mount --make-rshared /

# The machine may have Syncline, and its own services are none of the test's.
rm -rf /etc/syncline /var/lib/syncline
rm -f /etc/dpkg/dpkg.cfg.d/* # which may leave manual pages out
dpkg --install /test/syncline.deb
cat >/run/test.target <<'UNIT'
[Unit]
Wants=test.service
UNIT
cat >/run/test.service <<'UNIT'
[Unit]
SuccessAction=exit-force
FailureAction=exit-force
[Service]
Type=oneshot
TimeoutStartSec=120
ExecStart=/bin/bash -eux /test/installed.sh
StandardOutput=file:/test/log
StandardError=inherit
ExecStopPost=/bin/sh -c "journalctl --no-pager >/test/journal"
UNIT
mkdir -p /run/systemd/system
mv /run/test.target /run/test.service /run/systemd/system/
export container=test
exec /lib/systemd/systemd --system --unit=test.target --log-target=journal --show-status=no
