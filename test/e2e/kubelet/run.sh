#!/usr/bin/env bash
# Pods of a real kubelet run through crisp; scripts/e2e-kubelet.mjs says which environment variables it knows. The first
# run builds kubelet: ten minutes and 3 GB of Go's build cache on two cores.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../../.."
scripts/ensure-packages.sh
test/support/ensure-packages.sh
test/conformance/ensure-packages.sh
exec node scripts/e2e-kubelet.mjs "$@"
