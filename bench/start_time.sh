#!/bin/sh
# How long a user waits for the first training step: whole runs of `nacre train` on two batches of
# digits (start, data, network, compilation, two steps, evaluation, files), the median and the least
# of 15, wall time in milliseconds.
#
#   bench/start_time.sh [PATH_OF_NACRE]
set -e
program=$(realpath "${1:-build/nacre}")
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15; do
  begin=$(date +%s%N)
  "$program" train --data digits --epochs 1 --set data.limit=64 --quiet --out "run$i" > /dev/null
  end=$(date +%s%N)
  echo $(((end - begin) / 1000)) >> times
done
sort -n times | awk '{ t[NR] = $1 / 1000 } END { printf "median %.0f ms, least %.0f ms\n", t[8], t[1] }'
