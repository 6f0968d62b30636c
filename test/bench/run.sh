#!/usr/bin/env bash
# One bench at a time on a machine: two would measure each other. The variables that say what is measured are in options.ts.
set -euo pipefail

cd "$(dirname "$0")/../.."
cache=${CRISP_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/crisp}
mkdir -p "$cache"
# Without -o the daemons would inherit the lock.
exec flock -o "$cache/.bench.lock" node test/support/run-typescript.mjs test/bench/main.ts
