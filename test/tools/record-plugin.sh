#!/usr/bin/env bash
# Writes test/fixtures/plugin-records again from containerd's own CRI plugin: test/tools/record-plugin.sh [1.6] [2]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
bundle=$(mktemp -d)
trap 'rm -rf "$bundle"' EXIT
npx esbuild test/support/record/main.ts --bundle --platform=node --target=node20 --log-level=warning --outfile="$bundle/record.js"
[ $# -gt 0 ] || set -- 1.6 2
for version in "$@"; do node "$bundle/record.js" "$version"; done
