#!/usr/bin/env bash
# `make soak`: pods live on a node as a kubelet has them; then what is left is counted. MINUTES, PODS, STAGE, INFRA, SEED,
# SOAK_LOGS: see main.ts.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
scripts/ensure-packages.sh
test/support/ensure-packages.sh
if [ "${STAGE:-}" != 1.6 ]; then
  test/conformance/ensure-packages.sh
  test/tools/build.sh containerd runc cni-plugins >/dev/null
fi
exec node test/support/run-typescript.mjs test/soak/main.ts
