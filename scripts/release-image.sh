#!/usr/bin/env bash
# Makes the container image of a release from its archives, tries it, and with --push puts it into a registry as one image of both
# architectures; the last line is then its digest.
#
#   scripts/release-image.sh FOLDER VERSION IMAGE [--push]
set -euo pipefail
cd "$(dirname "$0")/.."
folder=${1:?folder of the archives} version=${2:?version} image=${3:?name of the image, without a tag} push=${4:-}

context=$(mktemp -d)
trap 'rm -rf "$context"' EXIT
parts=()
for pair in amd64:x86_64 arm64:aarch64; do
  arch=${pair%%:*} name=quotelake-$version-${pair##*:}-unknown-linux-musl
  mkdir "$context/$arch"
  tar --extract --gzip --file "$folder/$name.tgz" --directory "$context/$arch" --strip-components 1
  # Nothing is run while it is built, so that any machine builds for both. One manifest each, without an index of its own.
  docker buildx build --provenance=false --platform "linux/$arch" --file Containerfile --tag "$image:$version-$arch" \
    --label "org.opencontainers.image.version=$version" --load "$context" >&2
  parts+=("$image:$version-$arch")
done
# With no network, no writable file and no right: what every command needs is in the image.
docker run --rm --network none --read-only --cap-drop ALL "$image:$version-$(dpkg --print-architecture)" --version >&2
if [ "$push" = --push ]; then
  for part in "${parts[@]}"; do docker push --quiet "$part" >&2; done
  docker buildx imagetools create --tag "$image:$version" "${parts[@]}" >&2
  docker buildx imagetools inspect "$image:$version" --format '{{.Manifest.Digest}}'
fi
