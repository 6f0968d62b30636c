#!/usr/bin/env bash
# `make chaos`: pods live on a node where everything goes wrong; then what is left is counted. SECONDS_ is how long (300),
# SEED what chance begins with (none: printed first), STAGE=1.6, 1.7 or 2.3 an older containerd. INFRA, ALL: see main.ts. CHAOS_LOGS
# keeps the daemons' logs.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
scripts/ensure-packages.sh
test/support/ensure-packages.sh
test/conformance/ensure-packages.sh
exec node test/support/run-typescript.mjs test/chaos/main.ts "${SECONDS_:-300}" "${SEED:-}"
