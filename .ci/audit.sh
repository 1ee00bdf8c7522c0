#!/bin/sh
# Licences, sources, bans and advisories of everything that is compiled: audit.sh CARGO_DENY.
#
# The advisories come from a database on the network. Where that is out of reach the rest is checked
# all the same, and the last line says what was not.
set -eu
cd "$(dirname "$0")/.."
deny=$1
# The second manifest is that of the fuzz targets.
manifests='Cargo.toml fuzz/Cargo.toml'
for manifest in $manifests; do
	echo "$manifest"
	"$deny" --locked --manifest-path "$manifest" --config deny.toml check --hide-inclusion-graph bans licenses sources
done
if "$deny" fetch db >/dev/null 2>&1; then
	for manifest in $manifests; do
		"$deny" --locked --manifest-path "$manifest" --config deny.toml check --disable-fetch advisories
	done
else
	echo 'NOT checked: advisories. The database of RustSec is out of reach from here.'
fi
