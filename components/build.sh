#!/usr/bin/env bash
# Build the image: components/build.sh        (make image)
#
#   IMAGE         name and tag                                  dfpt-python:<version>
#   BASE_IMAGE    Debian with Python and venv                   components/Containerfile names the default
#   VARIANT       cpu | cuda                                    cpu
#   WHEELS        folder for the wheels, kept between builds    .dfpt/wheels-<variant>
#   EXTRAS        of the package                                see below; add demo for the ELPV images (non-commercial)
#   PYTHON        the Python of the base's version, with pip    .venv/bin/python
#   DFPT_CONTAINERS   folder of a podman store of its own       podman's usual one
#
# Only the wheels are fetched, with pip and its settings on this machine; the build itself has no network.
set -euo pipefail
cd "$(dirname "$0")/.."
variant=${VARIANT:-cpu}
wheels=${WHEELS:-.dfpt/wheels-$variant}
python=${PYTHON:-.venv/bin/python}
extras=${EXTRAS:-train,pretrained,cluster,versioning,postgresql,approvals,services,bucket}
version=$("$python" -c 'import dfpt; print(dfpt.__version__)')
image=${IMAGE:-dfpt-python:$version}
revision=$(git describe --always --dirty --abbrev=40 --exclude='*' 2>/dev/null || echo unknown)

mkdir -p "$wheels"
rm -f "$wheels"/dfpt-*.whl
echo "dfpt[$extras]==$version" > "$wheels/requirements.txt"
wheel() {
    "$python" -m pip wheel --no-input --progress-bar off --quiet --disable-pip-version-check -c constraints.txt \
        --find-links "$wheels" -w "$wheels" "$@" ".[$extras]" 'cyclonedx-bom>=7,<8' 'hatchling>=1.27,<2'
}
wheel --no-index 2>/dev/null || wheel  # nothing is fetched where the folder has all of it

packages=$(cat constraints.txt "$wheels/requirements.txt" pyproject.toml | sha256sum)
application=$(cat "$wheels"/dfpt-*.whl | sha256sum)
components/podman.sh build --network none --layers=true \
    --build-context "wheels=$wheels" \
    ${BASE_IMAGE:+--build-arg "BASE_IMAGE=$BASE_IMAGE"} \
    --build-arg "VARIANT=$variant" --build-arg "VERSION=$version" --build-arg "REVISION=$revision" \
    --build-arg "PACKAGES=${packages%% *}" --build-arg "APPLICATION=${application%% *}" \
    --tag "$image" -f components/Containerfile components
components/podman.sh image inspect --format "$image {{.Digest}} {{.Size}} bytes" "$image"
