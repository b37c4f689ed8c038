#!/bin/sh
# Installs the streamer into a virtual environment: sh install.sh TARGET, in a folder with what the Dockerfile copies.
# Run by the image's build, and by its test without one.
set -eu
target=$1
version=$(sed -n 's/^version = "\(.*\)"$/\1/p' pyproject.toml)
python3 -m venv --without-pip "$target"
# shellcheck disable=SC2086 - flags are several words
python3 -m pip --python "$target/bin/python" install --quiet ${PIP_FLAGS:-} --disable-pip-version-check --no-deps --require-hashes \
  --only-binary :all: -r requirements/streamer.lock
packages=$("$target/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
cp -R backstop streamer infra "$packages/"
mkdir "$packages/backstop-$version.dist-info"
printf 'Metadata-Version: 2.1\nName: backstop\nVersion: %s\n' "$version" >"$packages/backstop-$version.dist-info/METADATA"
"$target/bin/python" -m compileall -q -j 1 "$packages/backstop" "$packages/streamer" "$packages/infra"
