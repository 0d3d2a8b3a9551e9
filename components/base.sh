#!/usr/bin/env bash
# A base image where no registry can be reached: components/base.sh NAME        (root; a minute)
# Debian's own packages by debootstrap; what a container never reads is left out.
set -euo pipefail
name=$1
here=$(dirname "$0")
root=$(mktemp -d "${TMPDIR:-/tmp}/dfpt-base.XXXXXX")
trap 'rm -rf "$root"' EXIT
debootstrap --variant=minbase --include=python3,python3-venv,ca-certificates bookworm "$root" >/dev/null
rm -rf "$root"/var/cache/apt/* "$root"/var/lib/apt/lists/* "$root"/usr/share/{doc,man,locale,info}/*
tar -C "$root" -c . | "$here/podman.sh" import --change 'CMD ["python3"]' - "$name" >/dev/null
