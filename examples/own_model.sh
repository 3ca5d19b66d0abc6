#!/usr/bin/env bash
# Train a model on texts of your own and compress with it: examples/own_model.sh TEXT [BYTES]
# Needs pip install 'shazip[torch]'. BYTES is how much text the training reads, 100 kB by default: enough to see that it works, in seconds.
# A good model reads tens of megabytes; docs/training.md tells how.
set -euo pipefail
text=$(realpath "${1:?usage: examples/own_model.sh TEXT [BYTES]}")
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

shazip train --preset tiny "$text" -o run --total "${2:-100kB}"
shazip export run -o own.safetensors
shazip compress --model own.safetensors -o text.shz "$text"
shazip info text.shz
# An archive needs its model: keep the file.
shazip decompress --model own.safetensors -c text.shz | cmp - "$text"
