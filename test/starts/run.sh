#!/usr/bin/env bash
# `make starts`: starts of crisp over running pods, each with a fault. SEED, ROWS, ALL, STAGE, ONLY: see main.ts.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
scripts/ensure-packages.sh
test/support/ensure-packages.sh
[ "${STAGE:-}" = 1.6 ] || test/conformance/ensure-packages.sh
exec node test/support/run-typescript.mjs test/starts/main.ts
