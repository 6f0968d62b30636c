#!/usr/bin/env bash
# critest against crisp on containerd 1.6, 2.x and others; main.ts says which environment variables it knows.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
scripts/ensure-packages.sh
test/support/ensure-packages.sh
test/conformance/ensure-packages.sh
exec node test/support/run-typescript.mjs test/conformance/main.ts "$@"
