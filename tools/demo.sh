#!/usr/bin/env bash
# The main job, from data to a used model: trains the CNN of the articles on Fashion-MNIST (or, where
# that is not installed, on the built-in digits), evaluates it, reports, and classifies pictures.
set -euo pipefail
nacre=${1:?usage: demo.sh PATH_TO_NACRE}
cd "$(dirname "$0")/.."

if [ -d /usr/share/datasets/fashion-mnist ]; then
  recipe=recipes/fashion-mnist-cnn.toml data=fashion-mnist
else
  echo "dataset-fashion-mnist is not installed: using the built-in digits"
  recipe=recipes/digits-mlp.toml data=digits
fi
run=runs/demo
rm -rf "$run"
"$nacre" train "$recipe" --out "$run"
echo
"$nacre" report "$run"
echo
echo "Five test pictures:"
"$nacre" predict "$run" "$data:0" "$data:1" "$data:2" "$data:3" "$data:4" --top 2
cat <<EOF

Try next:
  $nacre data list                               the data sets there are
  $nacre train --data digits                     train on another one, in seconds
  $nacre train --data MY_FOLDER                  on your own pictures, a folder a class
  $nacre predict $run picture.png           use the model
  open $run/report.html                     curves, confusion matrix, worst mistakes
EOF
