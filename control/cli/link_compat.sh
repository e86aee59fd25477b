#!/bin/sh
# link_compat.sh WEFT DIRECTORY STAMP NAME...: links by which WEFT is the programs of these names.
set -e
weft=$(realpath "$1")
directory=$2
stamp=$3
shift 3
mkdir -p "$directory"
for name; do
    ln -sf "$weft" "$directory/$name"
done
touch "$stamp"
