#!/bin/bash
# fleet.sh DIRECTORY PROGRAM ROOT: runs in mount, network and process namespaces of its
# own. It makes the machines of docs/fleet.md, each with files, a network address and a
# name of its own, and runs DIRECTORY/1, DIRECTORY/2, … there. The first line of each names
# its machine. PROGRAM is syncline, and ROOT has the sources.
set -euo pipefail
dir=$1 program=$2 root=$3
mount --make-rprivate /
mount -t tmpfs tmpfs /mnt
mkdir /mnt/programs
mount -t tmpfs -o mode=755 tmpfs /run
ip link add fleet type bridge
ip link set fleet up
ip link set lo up

# The programs that stand for those of a whole machine.
stand() { printf '#!/bin/bash\n%s\n' "$2" >"/mnt/programs/$1"; chmod +x "/mnt/programs/$1"; }
stand sudo 'if [ "$1" = -u ]; then user=$2; shift 2; exec runuser -u "$user" -- "$@"; fi; exec "$@"'
stand ssh 'machine=${1#root@}; machine=${machine%.example}; shift
exec nsenter --target "$(cat /mnt/$machine/pid)" --mount --net --uts -- "$@"'
stand apt 'case $2 in
postgresql) pg_createcluster 15 main --start >/dev/null ;;
./syncline_*)
  install -D -m 644 '"$root"'/deploy/package/syncline.yaml /etc/syncline/syncline.yaml
  install -D -m 644 '"$root"'/deploy/systemd/syncline.sysusers /etc/sysusers.d/syncline.conf
  sh '"$root"'/deploy/package/postinstall.sh configure "" >/dev/null ;;
esac'
# The server runs with the command of the unit, as its user, and with its credential.
stand systemctl 'case "$*" in
"restart postgresql") pg_ctlcluster 15 main restart --mode fast ;;
"stop postgresql") pg_ctlcluster 15 main stop --mode fast ;;
"start postgresql") pg_ctlcluster 15 main start ;;
"start syncline" | "enable --now syncline" | "restart syncline")
  [ "$1" != restart ] || systemctl stop syncline
  install -d -o syncline -g syncline -m 700 /var/lib/syncline /run/credentials
  install -o syncline -m 400 /etc/syncline/secret.key /run/credentials/secret.key
  command=$(sed -n "s/^ExecStart=//p" '"$root"'/deploy/systemd/syncline.service)
  export CREDENTIALS_DIRECTORY=/run/credentials
  eval "exec setpriv --reuid syncline --regid syncline --clear-groups --no-new-privs $command" >>/mnt/log-$(uname -n) 2>&1 </dev/null &
  echo $! >/run/syncline.pid
  until [ "$(curl -sk https://localhost:4443/readyz)" = ready ]; do kill -0 $!; sleep 0.1; done ;;
"stop syncline") pid=$(cat /run/syncline.pid); kill $pid; while kill -0 $pid 2>/dev/null; do sleep 0.1; done ;;
*) echo "systemctl $*: this machine has no such service" >&2; exit 1 ;;
esac'

machine() {
  local name=$1 address=$2
  mkdir -p /mnt/$name
  unshare --mount --net --uts bash -euc '
    name=$1 program=$2
    hostname "$name"
    for folder in etc usr/bin; do
      mkdir -p /mnt/$name/$folder/{up,work}
      mount -t overlay overlay -o lowerdir=/$folder,upperdir=/mnt/$name/$folder/up,workdir=/mnt/$name/$folder/work /$folder
    done
    for folder in /var/lib/postgresql /var/log/postgresql /etc/postgresql /var/log/nginx /var/lib/syncline /run /srv /backup; do
      mkdir -p $folder
      mount -t tmpfs -o mode=755 tmpfs $folder
    done
    chown postgres: /var/lib/postgresql /var/log/postgresql /etc/postgresql
    mkdir /run/postgresql
    chown postgres: /run/postgresql
    rm -rf /etc/syncline
    install "$program" /usr/bin/syncline
    cat >/etc/hosts <<HOSTS
127.0.0.1 localhost
10.20.0.9 backup.example backup
10.20.0.10 db.example db
10.20.0.11 node1.example node1
10.20.0.12 node2.example node2
10.20.0.13 db2.example db2
HOSTS
    touch /mnt/$name/made
    exec sleep infinity' machine "$name" "$program" &
  echo $! >/mnt/$name/pid
  until [ -e /mnt/$name/made ]; do kill -0 $!; sleep 0.05; done
  ip link add $name type veth peer name eth0 netns $!
  ip link set $name master fleet up
  nsenter --target $! --net sh -c "ip address add $address/24 dev eth0; ip link set eth0 up; ip link set lo up"
}
mkdir -p /backup
machine backup 10.20.0.9
machine db 10.20.0.10
machine node1 10.20.0.11
machine node2 10.20.0.12
machine db2 10.20.0.13
export HOME=/mnt/home PATH=/mnt/programs:$PATH
mkdir $HOME
unset XDG_CACHE_HOME XDG_CONFIG_HOME XDG_DATA_HOME
for ((n = 1; ; n++)); do
  [ -e "$dir/$n" ] || break
  name=$(sed -n '1s/^# on //p' "$dir/$n")
  echo "--- $n on $name"
  (cd /srv && nsenter --target "$(cat /mnt/$name/pid)" --mount --net --uts bash -euxo pipefail "$dir/$n" </dev/null) || {
    status=$?
    tail -n 30 /mnt/log-* 2>/dev/null
    exit $status
  }
done
echo all is well
