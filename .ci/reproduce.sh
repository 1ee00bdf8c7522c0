#!/bin/sh
# Builds the filter from nothing in two folders, with a target folder in each, and compares the bytes.
# The artifact must not tell where it was built either.
set -eu
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
artifact=target/wasm32-wasip1/release/responses_filter.wasm

for folder in "$work/one" "$work/another/folder"; do
	mkdir -p "$folder"
	git ls-files -z --cached --others --exclude-standard | tar --null -T - -cf - | tar -C "$folder" -xf -
	make -C "$folder" --no-print-directory build
done

first=$work/one/$artifact
sha256sum "$first" "$work/another/folder/$artifact"
cmp "$first" "$work/another/folder/$artifact"
for place in "$work" "${CARGO_HOME:-$HOME/.cargo}" "$(rustc --print sysroot)"; do
	if grep -qF "$place" "$first"; then
		echo "the artifact names $place" >&2
		exit 1
	fi
done
echo 'the same bytes from both folders, and no path of this machine in them'
