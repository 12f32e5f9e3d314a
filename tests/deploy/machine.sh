#!/bin/bash
# Start systemd as a machine of its own, in namespaces of this one: machine.sh SHARED MODULE...
#
# Its files are this machine's under a layer in memory, where every change stays. SHARED is /shared in it; each MODULE, a
# folder of Python's, is in /opt/lth-edge/venv. It runs /shared/program and powers off. Whatever is mounted here goes with it.
set -euo pipefail

shared=$1
shift
mount --make-rprivate /
layer=$shared/layer
mkdir "$layer"
mount -t tmpfs tmpfs "$layer"
mkdir "$layer/upper" "$layer/work" "$layer/root"
root=$layer/root
mount -t overlay overlay -o "lowerdir=/,upperdir=$layer/upper,workdir=$layer/work" "$root"

mount -t proc proc "$root/proc"
mount -t sysfs -o ro sysfs "$root/sys"
for place in dev run tmp sys/fs/cgroup; do mount -t tmpfs tmpfs "$root/$place"; done
for device in null zero full random urandom tty; do
    touch "$root/dev/$device"
    mount --bind "/dev/$device" "$root/dev/$device"
done
mkdir "$root/dev/pts" "$root/dev/shm" "$root/dev/mqueue" "$root/dev/hugepages"
mount -t devpts -o newinstance,ptmxmode=0666 devpts "$root/dev/pts"
ln -s pts/ptmx "$root/dev/ptmx"
ln -s /proc/self/fd "$root/dev/fd"
if [ -d /sys/fs/cgroup/systemd ]; then
    mkdir "$root/sys/fs/cgroup/systemd" "$root/sys/fs/cgroup/unified"
    mount -t cgroup -o none,name=systemd cgroup "$root/sys/fs/cgroup/systemd"
    mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup/unified"
else
    mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
fi

mkdir -p "$root/shared" "$root/opt/lth-edge"
mount --bind "$shared" "$root/shared"
/usr/bin/python3 -m venv --without-pip "$root/opt/lth-edge/venv"
for module in "$@"; do
    place=$(echo "$root"/opt/lth-edge/venv/lib/python3*/site-packages)/$(basename "$module")
    mkdir "$place"
    mount --bind "$module" "$place"
done

rm -rf "$root"/etc/systemd/system/*.wants
cat >"$root/etc/systemd/system/program.service" <<UNIT
[Unit]
After=basic.target
Requires=basic.target
[Service]
Type=oneshot
ExecStart=/bin/bash /shared/program
ExecStopPost=/bin/systemctl poweroff --force --force
StandardOutput=append:/shared/said
StandardError=append:/shared/said
UNIT

cd "$root"
pivot_root . mnt
touch /shared/started
exec env -i container=lth-edge PATH=/usr/sbin:/usr/bin:/sbin:/bin \
    /bin/sh -c 'umount -l /mnt; exec /lib/systemd/systemd --unit=program.service --log-target=console'
