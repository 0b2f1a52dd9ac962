#!/bin/sh
# Runs every fuzz target for some seconds, begun from the samples in the tree and what earlier runs
# kept: tools/fuzz.sh PROGRAMS FINDS SECONDS. Ends with an error when one of them found something.
set -u
programs=$1 finds=$2 seconds=$3
mkdir -p "$finds"
failed=
for program in "$programs"/*_fuzz; do
  name=$(basename "$program")
  corpus=$finds/corpus/$name seeds=$finds/seeds/$name
  mkdir -p "$corpus" "$seeds"
  case $name in
    recipe_fuzz) cp recipes/*.toml "$seeds" ;;
    safetensors_fuzz|model_file_fuzz) cp tests/io/golden/*.safetensors.bin "$seeds" ;;
    npy_fuzz) cp tests/data/golden/*.npy "$seeds" ;;
    npz_fuzz) cp tests/data/golden/*.npz "$seeds" ;;
    image_fuzz) cp docs/images/*.png "$seeds" ;;
    text_fuzz) cp README.zh-CN.md "$seeds" ;;
  esac
  if [ -d "tests/fuzz/$name" ]; then cp "tests/fuzz/$name"/* "$seeds"; fi
  if nice -n 19 "$program" -max_total_time="$seconds" -rss_limit_mb=2048 -timeout=20 -verbosity=0 \
      -print_final_stats=1 -artifact_prefix="$finds/$name-" "$corpus" "$seeds" >"$finds/$name.log" 2>&1; then
    echo "$name: fine, $(sed -n 's/.*number_of_executed_units: *//p' "$finds/$name.log") inputs"
  else
    echo "$name: FOUND something, see $finds/$name.log and $finds/$name-*"
    failed=1
  fi
done
[ -z "$failed" ]
