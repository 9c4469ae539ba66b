#!/usr/bin/env bash
# Writes shares.json: decisions that depend on a bucket, hashed by sha256sum and compared as integers.
#   bash test/cases/make-shares.sh && git diff --exit-code test/cases/shares.json
set -euo pipefail
cd "$(dirname "$0")"
source ./golden.sh

# row NAME FLAG CONTEXT ORIGIN SALT ID HUNDREDTHS_OF_A_PERCENT: SALT, ID and the percentage are the expected inputs; an
# ID of "-" means no id. FLAG and CONTEXT are JSON, ORIGIN the members that name the deciding step.
row() {
  local u32 expected='"value":false,"variant":"off","reason":"ERROR","errorCode":"TARGETING_KEY_MISSING"'
  if [ "$6" != - ]; then
    u32=$(u32_of "$(sha256_of "$5" "$6")")
    expected='"value":false,"variant":"off","reason":"SPLIT"'
    if ((u32 * 10000 < $7 * 4294967296)); then expected='"value":true,"variant":"on","reason":"SPLIT"'; fi
  fi
  printf '{"name":"%s","flag":%s,"context":%s,"expected":{%s,%s}}\n' "$1" "$2" "$3" "$expected" "$4"
}

# flag MORE: at 25 %
flag() {
  printf '{"key":"ai_search","enabled":true,"rollout_pct":25%s}' "${1:+,$1}"
}

# ruled RULES MORE: a flag that is on for users whom no rule matches
ruled() {
  printf '{"key":"ai_search","enabled":true,"rollout_pct":100%s,"targeting":{"rules":[%s]}}' "${2:+,$2}" "$1"
}

# invalid NAME BUCKET_BY: a flag that cannot be bucketed by this attribute
invalid() {
  local expected='"value":false,"variant":"off","reason":"ERROR","errorCode":"PARSE_ERROR"'
  printf '{"name":"fault: %s","flag":%s,"context":{"userId":"user-149253"},"expected":{%s}}\n' \
    "$1" "$(flag "\"bucket_by\":\"$2\"")" "$expected"
}

PERCENTAGE='"rule":"rollout_pct"'
FIRST='"rule":"rules","ruleId":"first"'
SECOND='"rule":"rules","ruleId":"second"'

rows() {
  local id
  # The salt
  for id in user-1 user-2 user-3 user-149253 user-12011; do
    row "the key is the salt: $id" "$(flag)" '{"userId":"'$id'"}' "$PERCENTAGE" ai_search "$id" 2500
    row "a salt draws others: $id" "$(flag '"salt":"fresh-2027"')" '{"userId":"'$id'"}' "$PERCENTAGE" fresh-2027 "$id" 2500
  done
  row 'a salt that is the key changes nothing' "$(flag '"salt":"ai_search"')" '{"userId":"user-149253"}' "$PERCENTAGE" ai_search user-149253 2500

  # bucket_by: which attribute is the id
  local by
  by=$(flag '"bucket_by":"organization"')
  row 'by organization, the last one in' "$by" '{"userId":"user-1","organization":"org-80504"}' "$PERCENTAGE" ai_search org-80504 2500
  row 'by organization, the first one out' "$by" '{"userId":"user-149253","organization":"org-48285"}' "$PERCENTAGE" ai_search org-48285 2500
  row 'by organization, a colleague' "$by" '{"userId":"user-2","organization":"org-80504"}' "$PERCENTAGE" ai_search org-80504 2500
  row 'by organization, nobody in particular' "$by" '{"organization":"org-80504"}' "$PERCENTAGE" ai_search org-80504 2500
  row 'by organization, without one' "$by" '{"userId":"user-149253"}' "$PERCENTAGE" ai_search - 2500
  row 'by organization, an empty one' "$by" '{"userId":"user-149253","organization":""}' "$PERCENTAGE" ai_search - 2500
  row 'by organization, null' "$by" '{"userId":"user-149253","organization":null}' "$PERCENTAGE" ai_search - 2500
  row 'by organization, with a salt' "$(flag '"bucket_by":"organization","salt":"fresh-2027"')" '{"organization":"acme"}' "$PERCENTAGE" fresh-2027 acme 2500
  row 'by the targeting key, as without' "$(flag '"bucket_by":"targetingKey"')" '{"userId":"user-149253","anonymousId":"anon-x"}' "$PERCENTAGE" ai_search user-149253 2500
  row 'by the anonymous id, though there is a user' "$(flag '"bucket_by":"anonymousId"')" '{"userId":"user-12011","anonymousId":"user-149253"}' "$PERCENTAGE" ai_search user-149253 2500
  row 'by the user id, of somebody anonymous' "$(flag '"bucket_by":"userId"')" '{"anonymousId":"user-149253"}' "$PERCENTAGE" ai_search - 2500
  row 'by a nested attribute' "$(flag '"bucket_by":"company.team.id"')" '{"company":{"team":{"id":"user-149253"}}}' "$PERCENTAGE" ai_search user-149253 2500
  row 'by a nested attribute, something else on the way' "$(flag '"bucket_by":"company.team.id"')" '{"userId":"user-149253","company":{"team":"user-149253"}}' "$PERCENTAGE" ai_search - 2500
  row 'by an attribute with dots in its name: it is not found' "$(flag '"bucket_by":"company.id"')" '{"company.id":"user-149253"}' "$PERCENTAGE" ai_search - 2500
  row 'by an item of a list' "$(flag '"bucket_by":"teams.1"')" '{"teams":["a","user-149253"]}' "$PERCENTAGE" ai_search user-149253 2500
  row 'by what every object inherits: it is not there' "$(flag '"bucket_by":"constructor"')" '{"userId":"user-149253"}' "$PERCENTAGE" ai_search - 2500
  invalid 'by __proto__' __proto__
  invalid 'through __proto__' a.__proto__.b
  invalid 'by true or false' isEmployee
  invalid 'into a text' plan.id
  by=$(flag '"bucket_by":"account"')
  row 'a number is its text, in' "$by" '{"account":95613}' "$PERCENTAGE" ai_search 95613 2500
  row 'a number is its text, out' "$by" '{"account":43254}' "$PERCENTAGE" ai_search 43254 2500
  row 'and the text is that number' "$by" '{"account":"95613"}' "$PERCENTAGE" ai_search 95613 2500
  row 'the text is another one with a zero before it' "$by" '{"account":"095613"}' "$PERCENTAGE" ai_search 095613 2500
  row 'nought' "$by" '{"account":0}' "$PERCENTAGE" ai_search 0 2500
  row 'minus nought is nought' "$by" '{"account":-0}' "$PERCENTAGE" ai_search 0 2500
  row 'a negative number' "$by" '{"account":-3}' "$PERCENTAGE" ai_search -3 2500
  row 'a fraction' "$by" '{"account":1.50}' "$PERCENTAGE" ai_search 1.5 2500
  row 'a large number' "$by" '{"account":1e21}' "$PERCENTAGE" ai_search 1e+21 2500
  row 'a small number' "$by" '{"account":0.0000001}' "$PERCENTAGE" ai_search 1e-7 2500
  row 'a number with all its digits' "$by" '{"account":100000000000000000000}' "$PERCENTAGE" ai_search 100000000000000000000 2500
  row 'true is no id' "$by" '{"userId":"user-149253","account":true}' "$PERCENTAGE" ai_search - 2500
  row 'a list is no id' "$by" '{"userId":"user-149253","account":["user-149253"]}' "$PERCENTAGE" ai_search - 2500
  row 'an object is no id' "$by" '{"userId":"user-149253","account":{"id":"user-149253"}}' "$PERCENTAGE" ai_search - 2500

  # Rules with a percentage
  local rule='{"id":"first","if":{"country":"DE"},"rollout_pct":25}'
  row 'a rule, the last one in' "$(ruled "$rule")" '{"userId":"user-149253","country":"DE"}' "$FIRST" ai_search user-149253 2500
  row 'a rule, the first one out: no step after it is asked' "$(ruled "$rule")" '{"userId":"user-12011","country":"DE"}' "$FIRST" ai_search user-12011 2500
  row 'a rule, without an id' "$(ruled "$rule")" '{"country":"DE"}' "$FIRST" ai_search - 2500
  row 'a rule uses the salt of the flag, not its own id' "$(ruled "$rule" '"salt":"fresh-2027"')" '{"userId":"user-1","country":"DE"}' "$FIRST" fresh-2027 user-1 2500
  row 'a rule uses the attribute of the flag' "$(ruled "$rule" '"bucket_by":"organization"')" '{"userId":"user-149253","organization":"org-48285","country":"DE"}' "$FIRST" ai_search org-48285 2500
  row 'a rule of hundredths' "$(ruled '{"id":"first","if":{},"rollout_pct":0.01}')" '{"userId":"user-166277"}' "$FIRST" ai_search user-166277 1
  row 'a rule of hundredths, the first one out' "$(ruled '{"id":"first","if":{},"rollout_pct":0.01}')" '{"userId":"user-98840"}' "$FIRST" ai_search user-98840 1
  rule='{"id":"first","if":{"country":"DE"},"rollout_pct":25,"bucket_by":"organization"}'
  row 'a rule by an attribute of its own' "$(ruled "$rule")" '{"userId":"user-12011","organization":"org-80504","country":"DE"}' "$FIRST" ai_search org-80504 2500
  row 'a rule by an attribute of its own, out' "$(ruled "$rule")" '{"userId":"user-149253","organization":"org-48285","country":"DE"}' "$FIRST" ai_search org-48285 2500
  row 'a rule by an attribute of its own, without one' "$(ruled "$rule")" '{"userId":"user-149253","country":"DE"}' "$FIRST" ai_search - 2500
  row 'a rule back to the targeting key' "$(ruled '{"id":"first","if":{},"rollout_pct":25,"bucket_by":"targetingKey"}' '"bucket_by":"organization"')" '{"userId":"user-149253","organization":"org-48285"}' "$FIRST" ai_search user-149253 2500
  rule='{"id":"first","if":{"country":"FR"},"rollout_pct":100},{"id":"second","if":{"country":"DE"},"rollout_pct":50}'
  row 'the second of two rules' "$(ruled "$rule")" '{"userId":"user-111653","country":"DE"}' "$SECOND" ai_search user-111653 5000
  row 'the second of two rules, out' "$(ruled "$rule")" '{"userId":"user-317198","country":"DE"}' "$SECOND" ai_search user-317198 5000
  row 'the same place for every rule: in by 50, not by 25' "$(ruled '{"id":"first","if":{"country":"FR"},"rollout_pct":25},{"id":"second","if":{},"rollout_pct":50}')" '{"userId":"user-12011","country":"DE"}' "$SECOND" ai_search user-12011 5000
  row 'past the rules, the percentage' '{"key":"ai_search","enabled":true,"rollout_pct":25,"targeting":{"rules":[{"id":"first","if":{"country":"FR"},"off":true}]}}' '{"userId":"user-149253","country":"DE"}' "$PERCENTAGE" ai_search user-149253 2500
}

rows | as_json_array >shares.json
