#!/usr/bin/env bash
# `make conformance-all`: critest, kubelet's pods and chaos, on containerd 1.6, 1.7, 2.3 and 2.x, with a pause task in each
# pod and with pause tasks only where one is needed; then fuzzing, an hour of soak, and every start with a fault, on 1.6 and 2.x. The last line, alone,
# counts the cases of all. Seventeen hours at most.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export ALL=1

LIMIT=$((1020 * 60))
. scripts/parts.sh

part 200 'critest' test/conformance/run.sh
part 160 'a real kubelet' test/e2e/kubelet/run.sh
for stage in 2.x 2.3 1.7 1.6; do
  part 20 "chaos on containerd $stage" env STAGE="$stage" test/chaos/run.sh
done
for stage in 2.x 1.6; do
  part 45 "fuzzing on containerd $stage" env STAGE="$stage" SECONDS_=600 test/fuzz/run.sh
done
part 90 'soak' env MINUTES=60 test/soak/run.sh
for stage in 2.x 1.6; do
  part 180 "starts with faults on containerd $stage" env STAGE="$stage" test/starts/run.sh
done
summary
