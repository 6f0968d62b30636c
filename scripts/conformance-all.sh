#!/usr/bin/env bash
# `make conformance-all`: critest, kubelet's pods and chaos, on either containerd, with a pause task in each pod and with
# pause tasks only where one is needed; then every start with a fault. The last line, alone, counts the cases of all. Ten
# hours at most.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export ALL=1

LIMIT=$((600 * 60))
. scripts/parts.sh

part 120 'critest' test/conformance/run.sh
part 80 'a real kubelet' test/e2e/kubelet/run.sh
for stage in 2.x 1.6; do
  part 20 "chaos on containerd $stage" env STAGE="$stage" test/chaos/run.sh
done
for stage in 2.x 1.6; do
  part 180 "starts with faults on containerd $stage" env STAGE="$stage" test/starts/run.sh
done
summary
