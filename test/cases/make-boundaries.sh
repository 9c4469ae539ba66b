#!/usr/bin/env bash
# Writes boundaries.json: real ids on both sides of a percentage, hashed by sha256sum and compared as integers.
#   bash test/cases/make-boundaries.sh && git diff --exit-code test/cases/boundaries.json
set -euo pipefail
cd "$(dirname "$0")"
source ./golden.sh

# row SALT HUNDREDTHS_OF_A_PERCENT ID...
row() {
  local salt=$1 basis_points=$2 id u32 within
  shift 2
  for id; do
    u32=$(u32_of "$(sha256_of "$salt" "$id")")
    within=false
    if ((u32 * 10000 < basis_points * 4294967296)); then within=true; fi
    printf '{"salt":"%s","id":"%s","u32":%s,"rollout_pct":%s,"within":%s}\n' \
      "$salt" "$id" "$u32" "$(awk -v bp="$basis_points" 'BEGIN { printf "%g", bp / 100 }')" "$within"
  done
}

rows() {
  # The last id inside and the first id outside, of user-1 to user-200000.
  row ai_search 1 user-166277 user-98840
  row ai_search 100 user-85117 user-33123
  row ai_search 2500 user-149253 user-12011
  row ai_search 9999 user-9724 user-42475
  row copilot 1 user-83726 user-27372
  row copilot 100 user-93302 user-199275
  row copilot 2500 user-130059 user-19305
  row copilot 9999 user-176999 user-28315
  row ai_search-2026 1 user-173321 user-122651
  row ai_search-2026 100 user-12808 user-52851
  row ai_search-2026 2500 user-39607 user-30678
  row ai_search-2026 9999 user-731 user-128235

  # Exactly on the boundary: out, and in with one hundredth more.
  row ai_search 625 user-201912254
  row ai_search 626 user-201912254
  row ai_search 3125 user-301243661
  row ai_search 3126 user-301243661
  row ai_search 6875 user-44499765
  row ai_search 6876 user-44499765

  # The last bucket before the boundary: in, and out with one hundredth less.
  row ai_search 1875 user-160573123
  row ai_search 1874 user-160573123
  row ai_search 5625 user-212696709
  row ai_search 5624 user-212696709

  # The last bucket, 0xffffffff: only in at 100 %.
  row ai_search 9999 user-102899714
  row ai_search 10000 user-102899714

  # Nobody at 0, everybody at 100.
  row ai_search 0 user-166277 user-1
  row ai_search 10000 user-166277 user-1
}

rows | as_json_array >boundaries.json
