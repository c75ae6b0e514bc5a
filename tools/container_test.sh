#!/usr/bin/env bash
# Build the image, then run it as docs/hosting.md says, against the tests' own Discord.
#
#   ENGINE         podman (the default where it is) or docker, with its own options: "podman --runtime runc"
#   BASE           the image to build on; by default the Dockerfile's. `stand-in` makes one from debootstrap and the
#                  Python that runs here, for machines that reach no registry of images
#   BUILD_OPTIONS  more options of `build`, for example --isolation chroot
#   RUN_OPTIONS    more options of `run`, for example --no-healthcheck where no systemd calls it: it is asked by hand
#
# Exits with 77 if no engine runs containers here, or no base can be made.
set -euo pipefail
cd "$(dirname "$0")/.."
PYTHON=${PYTHON:-.venv/bin/python}
read -ra engine <<<"${ENGINE:-$(command -v podman || command -v docker || echo no-engine)}"
read -ra build_options <<<"${BUILD_OPTIONS:-}"
read -ra run_options <<<"${RUN_OPTIONS:-}"
"${engine[@]}" info >/dev/null 2>&1 || { echo "No container engine works here" >&2; exit 77; }
BASE=${BASE:-}
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT

make_stand_in() {
    local root=$place/root prefix
    prefix=$("$PYTHON" -c 'import sys; print(sys.base_prefix)')
    debootstrap --variant=minbase --include=ca-certificates,libsqlite3-0,libssl3,libffi8 bookworm "$root" >/dev/null || {
        echo "debootstrap could not make a base" >&2
        exit 77
    }
    tar -C "$prefix" --exclude=site-packages --exclude=test --exclude=__pycache__ --exclude='*.a' -cf - bin lib |
        tar -C "$root/usr/local" -xf -
    "$PYTHON" -m pip install --quiet --ignore-installed --target "$(echo "$root"/usr/local/lib/python3.*)/site-packages" pip
    chroot "$root" ldconfig
    tar -C "$root" -cf - . | "${engine[@]}" import --quiet - newsdesk-stand-in:latest >/dev/null
    rm -rf "$root"
}

# Without a registry there may be no package index within a build either: the wheels come from here then.
bring_wheels() {
    "$PYTHON" -m pip download --quiet --only-binary :all: --require-hashes -r requirements.lock -d "$place/wheels"
    printf '[global]\nno-index = true\nfind-links = /wheelhouse\n' >"$place/pip.conf"
    build_options+=(--volume "$place/wheels:/wheelhouse:ro" --volume "$place/pip.conf:/etc/pip.conf:ro")
}

if [ "$BASE" = stand-in ]; then
    "${engine[@]}" image inspect newsdesk-stand-in:latest >/dev/null 2>&1 || make_stand_in
    bring_wheels
    BASE=localhost/newsdesk-stand-in:latest
    build_options+=(--pull=never)
    # Some machines can build an image and not run it.
    "${engine[@]}" run --rm "${run_options[@]}" "$BASE" true || { echo "No container can be run here" >&2; exit 77; }
fi
"${engine[@]}" build ${BASE:+--build-arg "BASE=$BASE"} "${build_options[@]}" --tag newsdesk-test:latest .
"$PYTHON" -m tests.support.container "${engine[*]}" newsdesk-test:latest "${run_options[@]}"
