#!/bin/sh
# Install the server and its updates: sudo ./install.sh URL ALLOWED_SIGNERS
#
# URL is the update folder, ALLOWED_SIGNERS the file of the keys that may sign, for "publisher". Needs Python 3.10 or later with
# its venv module, ssh-keygen and systemd. A second call updates the programs and leaves the configuration as it is.
#
# DESTDIR=FOLDER puts the files below a folder, for an image of a disk: nothing is downloaded and nothing is started.
#
# SPDX-License-Identifier: MIT-0
set -eu

fail() {
    echo "install.sh: $1" >&2
    exit 2
}

[ $# -eq 2 ] || fail "usage: install.sh URL ALLOWED_SIGNERS"
[ -f "$2" ] || fail "there is no file $2; it holds lines such as: publisher namespaces=\"lth-edge\" ssh-ed25519 AAAA..."
python3 -c 'import sys; sys.exit(sys.version_info < (3, 10))' || fail "Python 3.10 or later is needed"
command -v ssh-keygen >/dev/null || fail "there is no ssh-keygen: install openssh-client"

here=$(cd "$(dirname "$0")" && pwd)
root=${DESTDIR:-}
programs=$root/opt/lth-edge settings=$root/etc/lth-edge units=$root/etc/systemd/system users=$root/etc/sysusers.d

install -d "$programs" "$settings" "$units" "$users"
install -m 644 "$here/serve.py" "$here/serving.py" "$here/update.py" "$here/offer.py" "$here/store.py" "$programs"
install -m 644 "$here/lth-edge.service" "$here/lth-edge-update.service" "$here/lth-edge-update.timer" "$units"
install -m 644 "$here/lth-edge-update.sysusers" "$users/lth-edge-update.conf"
install -m 644 "$2" "$settings/allowed_signers"
if [ ! -f "$settings/lth-edge.conf" ]; then
    grep -v '^URL=' "$here/lth-edge.conf" >"$settings/lth-edge.conf"
    printf 'URL=%s\n' "$1" >>"$settings/lth-edge.conf"
fi
if [ -n "$root" ]; then
    echo "installed below $root; on the device, /opt/lth-edge/venv must hold numpy and onnxruntime"
    exit 0
fi

python3 -m venv "$programs/venv"
"$programs/venv/bin/pip" install --quiet numpy onnxruntime
systemd-sysusers
systemctl daemon-reload
systemctl enable lth-edge.service
systemctl restart lth-edge.service
systemctl start lth-edge-update.service || echo "install.sh: no release yet; see: journalctl -u lth-edge-update" >&2
systemctl enable --now lth-edge-update.timer
