#!/usr/bin/env bash
# Writes signatures.json: headers that a worker signs, and headers that must be refused. Signed by openssl, written by jq.
#   bash test/cases/make-signatures.sh && git diff --exit-code test/cases/signatures.json
set -euo pipefail
cd "$(dirname "$0")"

SECRET='sluice example key: not a secret'
OTHER='another example key, for rotation'
KEYS="example:$(printf '%s' "$SECRET" | base64)"
OTHER_KEYS="other:$(printf '%s' "$OTHER" | base64)"
CREATED=1790000000
NOW=1790000000500
FLAGS='ai_search, copilot;v="beta"'
CONTEXT='epoch=1, rev=412, age=1200, key=:dXNlci0x:, m="GET", h="www.example.com", p="/ai?q=1", src=memory, at=@1790000000'
BOTH='("x-flags" "x-flags-context")'
REST=';created=1790000000;keyid="example";alg="hmac-sha256";tag="sluice"'
ON='{"ai_search":"on","copilot":"beta"}'

# mac SECRET BASE: the signature, in base64
mac() { printf '%s' "$2" | openssl dgst -sha256 -mac HMAC -macopt "hexkey:$(printf '%s' "$1" | od -An -v -tx1 | tr -d ' \n')" -binary | base64; }

# base PARAMS [FLAGS [CONTEXT]]: the signed text; without FLAGS it has no such line
base() {
  [ -z "${2-}" ] || printf '"x-flags": %s\n' "$2"
  printf '"x-flags-context": %s\n"@signature-params": %s' "${3-$CONTEXT}" "$1"
}

# row NAME ON FLAGS CONTEXT INPUT SIGNATURE [MORE]: ON are the flags that are on, or null: refused. Empty headers are absent.
# MORE are members that replace the row's.
row() {
  jq -cn --arg name "$1" --argjson on "$2" --arg flags "$3" --arg context "$4" --arg input "$5" --arg signature "$6" \
    --arg keys "$KEYS" --argjson now "$NOW" --argjson more "${7-{\}}" \
    '{name: $name, keys: $keys, now: $now,
      headers: ({"x-flags": $flags, "x-flags-context": $context, "signature-input": $input, signature: $signature}
        | with_entries(select(.value != ""))),
      on: $on} + $more'
}

# signed NAME ON PARAMS FLAGS [MORE]: a row with a correct signature of these PARAMS
signed() { row "$1" "$2" "$4" "$CONTEXT" "sluice=$3" "sluice=:$(mac "$SECRET" "$(base "$3" "$4")"):" "${5-{\}}"; }

GOOD=$(mac "$SECRET" "$(base "$BOTH$REST" "$FLAGS")")
INPUT="sluice=$BOTH$REST"
REQUEST='"method":"GET","host":"www.example.com","path":"/ai?q=1"'

rows() {
  signed 'the example of docs/x-flags.md' "$ON" "$BOTH$REST" "$FLAGS"
  signed 'nothing on' '{}' "(\"x-flags-context\")$REST" ''
  signed 'parameters in another order' "$ON" "$BOTH;tag=\"sluice\";alg=\"hmac-sha256\";keyid=\"example\";created=$CREATED" "$FLAGS"
  signed 'after 60 s' "$ON" "$BOTH$REST" "$FLAGS" '{"now":1790000060000}'
  signed 'later' null "$BOTH$REST" "$FLAGS" '{"now":1790000060001}'
  signed 'by a clock that is 10 s behind' "$ON" "$BOTH$REST" "$FLAGS" '{"now":1789999990000}'
  signed 'by one that is more' null "$BOTH$REST" "$FLAGS" '{"now":1789999989999}'
  signed 'for this request' "$ON" "$BOTH$REST" "$FLAGS" "{\"request\":{$REQUEST}}"
  signed 'the host in capitals' "$ON" "$BOTH$REST" "$FLAGS" "{\"request\":{$REQUEST,\"host\":\"WWW.EXAMPLE.COM\"}}"
  signed 'for another method' null "$BOTH$REST" "$FLAGS" "{\"request\":{$REQUEST,\"method\":\"POST\"}}"
  signed 'for another host' null "$BOTH$REST" "$FLAGS" "{\"request\":{$REQUEST,\"host\":\"example.com\"}}"
  signed 'for another path' null "$BOTH$REST" "$FLAGS" "{\"request\":{$REQUEST,\"path\":\"/ai?q=2\"}}"
  signed 'with both keys of a rotation' "$ON" "$BOTH$REST" "$FLAGS" "{\"keys\":\"$OTHER_KEYS,$KEYS\"}"
  signed 'with another key' null "$BOTH$REST" "$FLAGS" "{\"keys\":\"$OTHER_KEYS\"}"
  signed 'another tag' null "$BOTH${REST/tag=\"sluice\"/tag=\"other\"}" "$FLAGS"
  signed 'another algorithm' null "$BOTH${REST/hmac-sha256/ed25519}" "$FLAGS"
  signed 'no created' null "$BOTH${REST/;created=$CREATED/}" "$FLAGS"
  signed 'a created that is no integer' null "$BOTH${REST/$CREATED/$CREATED.5}" "$FLAGS"
  signed 'no keyid' null "$BOTH${REST/;keyid=\"example\"/}" "$FLAGS"
  signed 'a parameter more' null "$BOTH$REST;expires=1890000000" "$FLAGS"
  row 'beside a signature of the client' "$ON" "$FLAGS" "$CONTEXT" \
    "sig1=(\"@method\");keyid=\"a, sluice=b\", $INPUT" "sig1=:AAAA:, sluice=:$GOOD:"
  row 'the label twice in Signature-Input' null "$FLAGS" "$CONTEXT" "$INPUT, $INPUT" "sluice=:$GOOD:"
  row 'the label twice in Signature' null "$FLAGS" "$CONTEXT" "$INPUT" "sluice=:$GOOD:, sluice=:$GOOD:"
  row 'not signed' null "$FLAGS" "$CONTEXT" '' ''
  row 'no Signature' null "$FLAGS" "$CONTEXT" "$INPUT" ''
  row 'no Signature-Input' null "$FLAGS" "$CONTEXT" '' "sluice=:$GOOD:"
  row 'under another label' null "$FLAGS" "$CONTEXT" "${INPUT/sluice=/sig1=}" "sig1=:$GOOD:"
  row 'a flag more' null "$FLAGS, listed" "$CONTEXT" "$INPUT" "sluice=:$GOOD:"
  row 'another user' null "$FLAGS" "${CONTEXT/dXNlci0x/dXNlci0y}" "$INPUT" "sluice=:$GOOD:"
  row 'x-flags taken away' null '' "$CONTEXT" "$INPUT" "sluice=:$GOOD:"
  row 'x-flags put beside a signature of nothing on' null "$FLAGS" "$CONTEXT" "sluice=(\"x-flags-context\")$REST" \
    "sluice=:$(mac "$SECRET" "$(base "(\"x-flags-context\")$REST")"):"
  row 'another signature' null "$FLAGS" "$CONTEXT" "$INPUT" "sluice=:$(mac "$OTHER" "$(base "$BOTH$REST" "$FLAGS")"):"
  row 'half a signature' null "$FLAGS" "$CONTEXT" "$INPUT" 'sluice=:AAAAAAAAAAAAAAAAAAAAAA==:'
  row 'a signature that is no byte sequence' null "$FLAGS" "$CONTEXT" "$INPUT" "sluice=\"$GOOD\""
  row 'no list of what is signed' null "$FLAGS" "$CONTEXT" 'sluice=1' "sluice=:$GOOD:"
  row 'a path that the worker cut' null '' "${CONTEXT/q=1/q=1#}" "sluice=(\"x-flags-context\")$REST" \
    "sluice=:$(mac "$SECRET" "$(base "(\"x-flags-context\")$REST" '' "${CONTEXT/q=1/q=1#}")"):" \
    "{\"request\":{$REQUEST,\"path\":\"/ai?q=1#\"}}"
}

{ echo '['; rows | sed '$!s/$/,/; s/^/  /'; echo ']'; } >signatures.json
