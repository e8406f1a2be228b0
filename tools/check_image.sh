#!/usr/bin/env bash
# Build the image of the Containerfile with Podman, and run the tests of the image and of `SmtptestContainer` on it.
#
#   tools/check_image.sh                  build on the base image of the Containerfile
#   tools/check_image.sh --debian         build on an image that debootstrap makes, where no registry can be reached
#   PYTHON=.venv/bin/python tools/check_image.sh
#
# It must run as root, and needs podman, crun, netavark, iptables and iproute2, and debootstrap for --debian (names of Debian's
# packages).  PYTHON needs the dependency group `test`.  Images are kept in .cache/containers.
#
# Podman gets a mount namespace with cgroup 2 only, and containers without cgroups and with the limits of this process.
# So it also works in a virtual machine or container that allows no others.
set -euo pipefail
cd "$(dirname "$0")/.."
PYTHON=${PYTHON:-.venv/bin/python}
work=$PWD/.cache/containers
mkdir -p "$work"

if [ -z "${SMTPTEST_IN_NAMESPACE:-}" ]; then
    for program in podman crun unshare; do
        command -v "$program" >/dev/null || { echo "$program is not installed; see the top of $0" >&2; exit 1; }
    done
    export SMTPTEST_IN_NAMESPACE=1
    exec unshare --mount "$0" "$@"
fi

umount --recursive /sys/fs/cgroup 2>/dev/null || true
mount -t cgroup2 none /sys/fs/cgroup
mkdir -p /run/netns
mount -t tmpfs none /run/netns
mount --make-shared /run/netns

export CONTAINERS_STORAGE_CONF=$work/storage.conf CONTAINERS_CONF=$work/containers.conf
cat >"$CONTAINERS_STORAGE_CONF" <<EOF
[storage]
driver = "overlay"
runroot = "$work/run"
graphroot = "$work/graph"
EOF
files=$(ulimit -Hn) processes=$(ulimit -Hu)
if [ "$files" = unlimited ] || [ "$files" -gt 65536 ]; then files=65536; fi
# Podman lowers its own limit of processes to 32768.
if [ "$processes" = unlimited ] || [ "$processes" -gt 32768 ]; then processes=32768; fi
cat >"$CONTAINERS_CONF" <<EOF
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
runtime = "crun"
[containers]
cgroups = "disabled"
default_ulimits = ["nofile=$files:$files", "nproc=$processes:$processes"]
EOF

# make_debian_base: like python:3.13-slim: Debian's Python 3.13, and a pip that pip has installed.
make_debian_base() {
    local root=$work/debian
    rm -rf "$root" "$work/pip"
    debootstrap --variant=minbase --include=python3,python3-venv,python-is-python3,ca-certificates \
        trixie "$root" http://deb.debian.org/debian >"$work/debootstrap.log"
    rm -f "$root"/usr/lib/python3*/EXTERNALLY-MANAGED "$root"/var/cache/apt/archives/*.deb
    "$PYTHON" -m pip download --quiet --no-deps --dest "$work/pip" pip
    cp "$work"/pip/pip-*.whl "$root/tmp/"
    # shellcheck disable=SC2016 - the shell in the image expands it
    chroot "$root" sh -c 'PYTHONPATH=$(echo /tmp/pip-*.whl) python -m pip install --quiet --root-user-action=ignore \
        --no-index /tmp/pip-*.whl && rm /tmp/pip-*.whl'
    tar -C "$root" -c --exclude='./proc/*' --exclude='./var/lib/apt/lists/*' . | podman import --quiet - localhost/debian-python
    rm -rf "$root"
}

build=(--isolation chroot --format docker --network host --tag localhost/smtptest)
if [ "${1:-}" = --debian ]; then
    podman image exists localhost/debian-python || make_debian_base
    # The CA certificates of this machine, because it may reach the package index only through a proxy with its own CA.
    build+=(--build-arg BASE=localhost/debian-python --volume /etc/ssl/certs:/etc/ssl/certs:ro)
fi
podman build "${build[@]}" .

# The example for Node, with the packages of npm, if there is Node.
if command -v npm >/dev/null; then
    mkdir -p "$work/node"
    cp examples/testcontainers/node/* "$work/node/"
    npm install --silent --no-audit --no-fund --prefix "$work/node"
fi

# The tests need no network but their own.  The processes and the firewall rules of Podman end with the namespaces.
export PYTHON work
unshare --net --pid --fork --kill-child --mount-proc bash -euo pipefail -c '
ip link set lo up
socket=$work/podman.sock
rm -f "$socket"
podman system service --time=0 "unix://$socket" 2>"$work/service.log" &
for _ in $(seq 100); do [ -S "$socket" ] && break; sleep 0.2; done

# Ryuk, which removes containers after a crash, is an image of a registry.  The daemon is this machine, even if it looks
# like a container itself.
export DOCKER_HOST=unix://$socket SMTPTEST_IMAGE=smtptest TESTCONTAINERS_RYUK_DISABLED=true \
    TESTCONTAINERS_CONNECTION_MODE=docker_host TESTCONTAINERS_HOST_OVERRIDE=127.0.0.1
"$PYTHON" -m pytest -q -n0 tests/serve/test_container_image.py tests/serve/test_smtptest_container.py \
    examples/testcontainers/python
if [ -d "$work/node" ]; then (cd "$work/node" && npm test); fi
'
