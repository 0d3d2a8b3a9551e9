#!/usr/bin/env bash
# podman, with settings and a store of its own where DFPT_CONTAINERS names a folder for them: it then needs nothing of
# the machine's and leaves nothing in it. Remove such a store with: components/podman.sh system reset --force
set -euo pipefail
if ! command -v podman >/dev/null; then
    echo "podman is not installed. Debian: apt-get install podman buildah runc netavark aardvark-dns catatonit" >&2
    exit 1
fi
if [ -n "${DFPT_CONTAINERS:-}" ]; then
    mkdir -p "$DFPT_CONTAINERS"/{store,run,tmp,networks}
    root=$(cd "$DFPT_CONTAINERS" && pwd)
    if [ ! -e "$root/containers.conf" ]; then
        cat > "$root/containers.conf" <<EOF
[containers]
default_ulimits = ["nofile=4096:4096", "nproc=4096:4096"]
[engine]
runtime = "$(command -v runc >/dev/null && echo runc || echo crun)"
cgroup_manager = "cgroupfs"
events_logger = "file"
tmp_dir = "$root/run/libpod"
[network]
network_config_dir = "$root/networks"
EOF
        cat > "$root/storage.conf" <<EOF
[storage]
driver = "overlay"
graphroot = "$root/store"
runroot = "$root/run"
EOF
        echo '{"default": [{"type": "insecureAcceptAnything"}]}' > "$root/policy.json"
    fi
    export CONTAINERS_CONF=$root/containers.conf CONTAINERS_STORAGE_CONF=$root/storage.conf TMPDIR=$root/tmp
fi
exec podman "$@"
