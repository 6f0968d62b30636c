#!/usr/bin/env bash
# `make vm`: checks of crisp in a virtual machine of its own, with systemd, cgroup v2 (CGROUP=v1: cgroup v1), AppArmor and all
# capabilities. ONLY is a regular expression over the names of checks, KEEP=1 keeps the machine afterwards, for a look at it,
# until Ctrl-C.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
scripts/ensure-packages.sh
test/support/ensure-packages.sh
test/conformance/ensure-packages.sh
test/vm/ensure-packages.sh
exec node test/support/run-typescript.mjs test/vm/main.ts
