#!/usr/bin/env bash
# gRPC's interoperability cases: gRPC's client in Go against our server, our client against gRPC's server in Go.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
GRPC_INTEROP=$(test/tools/build.sh grpc-interop)
export GRPC_INTEROP
exec node test/support/run-typescript.mjs test/interop/main.ts
