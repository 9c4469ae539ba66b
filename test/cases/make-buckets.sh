#!/usr/bin/env bash
# Writes buckets.json: the hash and bucket of a salt and an id, computed by sha256sum.
#   bash test/cases/make-buckets.sh && git diff --exit-code test/cases/buckets.json
set -euo pipefail
cd "$(dirname "$0")"
source ./golden.sh

# row NOTE SALT ID
row() {
  local sha256 u32
  sha256=$(sha256_of "$2" "$3")
  u32=$(u32_of "$sha256")
  printf '{"note":"%s","salt":"%s","id":%s,"sha256":"%s","u32":%s,"bucket":%s}\n' \
    "$1" "$2" "$(json_text "$3")" "$sha256" "$u32" "$(bucket_of "$u32")"
}

# of_length BYTES: an id for which the hash input <ai_search::id> has this length
of_length() {
  repeat $(($1 - 11)) a
}

rows() {
  row 'plain' ai_search user-1
  row 'plain, the next one' ai_search user-2
  row 'another salt, another place' copilot user-1
  row 'a salt drawn anew' ai_search-2026 user-1
  row 'the shortest salt and id' a b
  row 'the longest salt' "$(repeat 64 s)" user-1
  row 'every kind of character in a salt' a_b-c_9 user-1
  row 'upper case is not folded' ai_search User-1
  row 'an anonymous id' ai_search anon-AAAAAAAAAAAAAAAAAAAAAA
  row 'UUID' ai_search 018f3c1e-7b1a-7c33-9a53-0b6f2f7f9d10
  row 'e-mail' ai_search ada.lovelace+beta@example.com
  row 'a number as text' ai_search 42
  row 'leading zeros stay' ai_search 0042
  row 'one space' ai_search ' '
  row 'leading space' ai_search ' user-1'
  row 'trailing space' ai_search 'user-1 '
  row 'leading and trailing tab' ai_search '\tuser-1\t'
  row 'trailing line feed' ai_search 'user-1\n'
  row 'carriage return, line feed' ai_search 'user\r\n1'
  row 'the first control character' ai_search '\x01'
  row 'escape and delete' ai_search '\x1b[0m\x7f'
  row 'the separator inside an id' ai_search a::b
  row 'only the separator' ai_search ::
  row 'quotes and backslashes' ai_search '\x22\x5c\x27\x60'
  row 'what a shell would expand' ai_search '$HOME`id`*%%s'
  row 'what looks like an escape' ai_search '\x5cu0041'
  row 'u with diaeresis, precomposed' ai_search 'M\xc3\xbcller'
  row 'u with diaeresis, combining' ai_search 'Mu\xcc\x88ller'
  row 'sharp s' ai_search 'Stra\xc3\x9fe'
  row 'e with acute, precomposed' ai_search '\xc3\xa9'
  row 'e with acute, combining' ai_search 'e\xcc\x81'
  row 'Angstrom sign, not A with ring' ai_search '\xe2\x84\xab'
  row 'A with ring' ai_search '\xc3\x85'
  row 'dotless i and dotted I' ai_search '\xc4\xb1\xc4\xb0'
  row 'the last code point of two bytes' ai_search '\xdf\xbf'
  row 'Chinese' ai_search '\xe7\x94\xa8\xe6\x88\xb7'
  row 'Japanese, half-width' ai_search '\xef\xbd\xb1'
  row 'Korean, precomposed' ai_search '\xed\x95\x9c'
  row 'Korean, conjoining' ai_search '\xe1\x84\x92\xe1\x85\xa1\xe1\x86\xab'
  row 'Hebrew, right to left' ai_search '\xd7\xa9\xd7\x9c\xd7\x95\xd7\x9d'
  row 'Arabic with a right-to-left mark' ai_search '\xe2\x80\x8f\xd9\x85\xd8\xb1\xd8\xad\xd8\xa8\xd8\xa7'
  row 'right-to-left override' ai_search 'user\xe2\x80\xae1'
  row 'emoji, outside the basic plane' ai_search '\xf0\x9f\x9a\x80'
  row 'a family joined by ZWJ' ai_search '\xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x91\xa7'
  row 'emoji with skin tone' ai_search '\xf0\x9f\x91\x8d\xf0\x9f\x8f\xbd'
  row 'a flag of two indicators' ai_search '\xf0\x9f\x87\xa9\xf0\x9f\x87\xaa'
  row 'the last code point' ai_search '\xf4\x8f\xbf\xbf'
  row 'byte order mark first' ai_search '\xef\xbb\xbfuser-1'
  row 'no-break space' ai_search 'user\xc2\xa01'
  row 'zero width space' ai_search 'user\xe2\x80\x8b1'
  row 'the replacement character' ai_search '\xef\xbf\xbd'
  local length
  for length in 54 55 56 57 63 64 65 118 119 120 121 127 128 129 183 184 1000 2100; do
    row "a hash input of $length bytes" ai_search "$(of_length "$length")"
  done
  row 'a two-byte character across the block border' ai_search "$(repeat 52 a)"'\xc3\xbc'
  row 'a four-byte character across the block border' ai_search "$(repeat 51 a)"'\xf0\x9f\x9a\x80'
  row 'multi-byte, 56 bytes in fewer characters' ai_search "$(repeat 15 '\xe7\x94\xa8')"
}

rows | as_json_array >buckets.json
