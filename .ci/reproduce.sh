#!/bin/sh
# Builds both filters from nothing in two folders, with a target folder in each, and compares the bytes.
# The artifacts must not tell where they were built either.
set -eu
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
release=target/wasm32-wasip1/release

for folder in "$work/one" "$work/another/folder"; do
	mkdir -p "$folder"
	git ls-files -z --cached --others --exclude-standard | tar --null -T - -cf - | tar -C "$folder" -xf -
	make -C "$folder" --no-print-directory build simd
done

for artifact in responses_filter.wasm responses_filter.simd128.wasm; do
	first=$work/one/$release/$artifact
	second=$work/another/folder/$release/$artifact
	sha256sum "$first" "$second"
	cmp "$first" "$second"
	for place in "$work" "${CARGO_HOME:-$HOME/.cargo}" "$(rustc --print sysroot)"; do
		if grep -qF "$place" "$first"; then
			echo "the artifact names $place" >&2
			exit 1
		fi
	done
done
echo 'the same bytes from both folders, and no path of this machine in them'
