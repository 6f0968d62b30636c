#!/usr/bin/env bash
# scripts/pin.sh NAME [FIELD]: prints the version that scripts/pins.txt gives NAME, or with FIELD its source, package or line.
set -euo pipefail

pins=$(dirname "${BASH_SOURCE[0]}")/pins.txt
case ${2:-version} in
  source) column=2 ;;
  package) column=3 ;;
  version) column=4 ;;
  line) column=5 ;;
  *) echo "pin.sh: a pin has no field $2" >&2; exit 2 ;;
esac
awk -v name="${1:-}" -v column="$column" '
  $1 == name && $1 !~ /^#/ { print $column; found = 1 }
  END { if (!found) { printf "pin.sh: scripts/pins.txt has no pin \"%s\"\n", name > "/dev/stderr"; exit 1 } }
' "$pins"
