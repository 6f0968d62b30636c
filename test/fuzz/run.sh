#!/usr/bin/env bash
# `make fuzz`: every parser reads changed inputs; then crisp is sent random messages over all RPCs. SECONDS_, MESSAGES, SEED,
# ONLY, STAGE, FUZZ_LOGS: see main.ts.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
if [ "${MESSAGES:-}" != 0 ] && [ -z "${ONLY:-}" ]; then
  scripts/ensure-packages.sh
  test/support/ensure-packages.sh
fi
exec node test/support/run-typescript.mjs test/fuzz/main.ts
