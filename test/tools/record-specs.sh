#!/usr/bin/env bash
# Writes test/fixtures/plugin-specs again from containerd's own CRI plugin: test/tools/record-specs.sh [1.6] [2]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
[ $# -gt 0 ] || set -- 1.6 2
exec node test/support/run-typescript.mjs test/support/specs/record.ts "$@"
