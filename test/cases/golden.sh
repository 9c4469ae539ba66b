# Sourced by make-*.sh: the parts of a golden row, computed by coreutils, iconv and awk, and by none of our own code.
# Ids are in `printf %b` notation (\xHH is one byte), so that no editor can normalize or reorder them.

export LC_ALL=C

# sha256_of SALT ID: the hash of the UTF-8 of <salt>::<id>, in hex
sha256_of() {
  printf '%s::%b' "$1" "$2" | sha256sum | cut -c 1-64
}

# u32_of SHA256: its first 32 bits, big-endian, unsigned
u32_of() {
  printf '%d' "0x${1:0:8}"
}

# bucket_of U32: a percentage in [0, 100), with 17 digits, which identify one double
bucket_of() {
  awk -v u32="$1" 'BEGIN { printf "%.17g", u32 / 4294967296 * 100 }'
}

# json_text ID: a JSON string in ASCII; other characters become \uXXXX, in UTF-16 as JSON requires
json_text() {
  local units unit
  units=$(printf '%b' "$1" | iconv -f UTF-8 -t UTF-16BE | od -An -v -tx1 | tr -d ' \n')
  printf '"'
  while [ -n "$units" ]; do
    unit=${units:0:4}
    units=${units:4}
    case $unit in
      0022 | 005c | 00[01]? | 007f) printf '\\u%s' "$unit" ;;
      00[2-7]?) printf "\\x${unit:2:2}" ;;
      *) printf '\\u%s' "$unit" ;;
    esac
  done
  printf '"'
}

# repeat COUNT TEXT
repeat() {
  local i text=
  for ((i = 0; i < $1; i++)); do text+=$2; done
  printf '%s' "$text"
}

# as_json_array: turns lines into an array with one row per line
as_json_array() {
  awk 'BEGIN { print "[" } NR > 1 { print line "," } { line = "  " $0 } END { print line; print "]" }'
}
