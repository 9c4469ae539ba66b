#!/usr/bin/env bash
# Writes variants.json: the variant that a user is assigned to, hashed by sha256sum and compared as integers.
#   bash test/cases/make-variants.sh && git diff --exit-code test/cases/variants.json
set -euo pipefail
cd "$(dirname "$0")"
source ./golden.sh

# variants RANGES: the member of a flag. RANGES is "<key> <from> <to>", three words per range; ranges of one variant
# are adjacent, and "<key> - -" has none. Every value is {"is":"<key>"}.
variants() {
  local key from to last= text=
  while read -r key from to; do
    if [ "$key" = "$last" ]; then
      text+=,
    else
      [ -z "$last" ] || text+="],\"value\":{\"is\":\"$last\"}},"
      text+="{\"key\":\"$key\",\"ranges\":["
    fi
    [ "$from" = - ] || text+="[$from,$to]"
    last=$key
  done < <(xargs -n 3 <<<"$1")
  printf '"variants":[%s],"value":{"is":"%s"}}]' "$text" "$last"
}

# variant_of SALT ID RANGES: by the bucket of <SALT>:v::<ID>
variant_of() {
  local u32 key from to
  u32=$(u32_of "$(sha256_of "$1:v" "$2")")
  while read -r key from to; do
    [ "$from" = - ] && continue
    if ((from * 4294967296 <= u32 * 10000 && u32 * 10000 < to * 4294967296)); then printf '%s' "$key"; fi
  done < <(xargs -n 3 <<<"$3")
}

# row NAME MEMBERS CONTEXT ORIGIN SALT ID RANGES: MEMBERS are the flag's beside key, enabled and variants
row() {
  local variant
  variant=$(variant_of "$5" "$6" "$7")
  printf '{"name":"%s","flag":{"key":"ai_search","enabled":true,%s,%s},"context":%s,' "$1" "$2" "$(variants "$7")" "$3"
  printf '"expected":{"value":true,"variant":"%s","variantValue":{"is":"%s"},%s}}\n' "$variant" "$variant" "$4"
}

ALL='"rollout_pct":100'
SPLIT='"reason":"SPLIT","rule":"rollout_pct"'
THIRDS='a 0 3334 b 3334 6667 c 6667 10000'

rows() {
  local id
  for id in user-1 user-2 user-3 user-4 user-5 user-6; do
    row "halves: $id" "$ALL" '{"userId":"'$id'"}' "$SPLIT" ai_search "$id" 'a 0 5000 b 5000 10000'
    row "thirds: $id" "$ALL" '{"userId":"'$id'"}' "$SPLIT" ai_search "$id" "$THIRDS"
    row "thirds with a salt: $id" "$ALL,\"salt\":\"fresh-2027\"" '{"userId":"'$id'"}' "$SPLIT" fresh-2027 "$id" "$THIRDS"
  done

  # On both sides of a border: the last id before it and the first id after it, of user-1 to user-400000.
  for id in user-3923 user-179843; do
    row "a border at 0.01 %: $id" "$ALL" '{"userId":"'$id'"}' "$SPLIT" ai_search "$id" 'a 0 1 b 1 10000'
  done
  for id in user-128780 user-33591 user-367546 user-180576; do
    row "a border of thirds: $id" "$ALL" '{"userId":"'$id'"}' "$SPLIT" ai_search "$id" "$THIRDS"
  done
  for id in user-379862 user-196925; do
    row "a border at 50 %: $id" "$ALL" '{"userId":"'$id'"}' "$SPLIT" ai_search "$id" 'a 0 5000 b 5000 10000'
  done
  for id in user-330983 user-376323; do
    row "a border at 99.99 %: $id" "$ALL" '{"userId":"'$id'"}' "$SPLIT" ai_search "$id" 'a 0 9999 b 9999 10000'
  done
  row 'the lowest of 400,000 places' "$ALL" '{"userId":"user-192169"}' "$SPLIT" ai_search user-192169 'a 0 1 b 1 10000'
  row 'the highest of 400,000 places' "$ALL" '{"userId":"user-305171"}' "$SPLIT" ai_search user-305171 'a 0 9999 b 9999 10000'
  # Ranges after changes of weights: several pieces, in any order, and none for some variants.
  for id in user-1 user-2 user-3 user-4 user-5 user-6 user-379862 user-196925; do
    row "ranges in pieces: $id" "$ALL" '{"userId":"'$id'"}' "$SPLIT" ai_search "$id" 'a 0 1000 a 5000 6000 b 6000 10000 c 1000 5000'
    row "ranges out of order: $id" "$ALL" '{"userId":"'$id'"}' "$SPLIT" ai_search "$id" 'z 5000 10000 none - - a 2500 5000 m 0 2500'
  done

  # The percentage and the variant use independent buckets: the flag is on for 41.67 % of all users.
  for id in user-2 user-3 user-149253 user-12011; do
    row "a share of all: $id" '"rollout_pct":41.67' '{"userId":"'$id'"}' "$SPLIT" ai_search "$id" "$THIRDS"
  done

  # Every step that turns the flag on leads to the same variant.
  row 'by the allowlist' '"rollout_pct":0,"targeting":{"allowlist":["user-2"]}' '{"userId":"user-2"}' '"reason":"TARGETING_MATCH","rule":"allowlist"' ai_search user-2 "$THIRDS"
  row 'as an employee' '"rollout_pct":0,"targeting":{"employees_only":true}' '{"userId":"user-2","isEmployee":true}' '"reason":"TARGETING_MATCH","rule":"employees_only"' ai_search user-2 "$THIRDS"
  row 'by a rule at 100 %' '"rollout_pct":0,"targeting":{"rules":[{"id":"first","if":{},"rollout_pct":100}]}' '{"userId":"user-2"}' '"reason":"TARGETING_MATCH","rule":"rules","ruleId":"first"' ai_search user-2 "$THIRDS"
  row 'by a rule at 50 %' '"rollout_pct":0,"targeting":{"rules":[{"id":"first","if":{},"rollout_pct":50}]}' '{"userId":"user-2"}' '"reason":"SPLIT","rule":"rules","ruleId":"first"' ai_search user-2 "$THIRDS"

  # The flag's own bucket_by assigns the variant, also when a rule has another one.
  for id in acme globex; do
    row "by organization: $id" "$ALL,\"bucket_by\":\"organization\"" '{"userId":"user-1","organization":"'$id'"}' "$SPLIT" ai_search "$id" 'a 0 6000 b 6000 10000'
    row "by the flag's attribute, not the rule's: $id" '"rollout_pct":0,"targeting":{"rules":[{"id":"first","if":{},"rollout_pct":100,"bucket_by":"organization"}]}' '{"userId":"user-1","organization":"'$id'"}' '"reason":"TARGETING_MATCH","rule":"rules","ruleId":"first"' ai_search user-1 'a 0 6000 b 6000 10000'
  done
  row 'by a number' "$ALL,\"bucket_by\":\"account\"" '{"account":7}' "$SPLIT" ai_search 7 "$THIRDS"
}

rows | as_json_array >variants.json
