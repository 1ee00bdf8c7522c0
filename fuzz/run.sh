#!/bin/sh
# Runs libFuzzer on each target for a while: fuzz/run.sh SECONDS TARGET... (`make fuzz` calls it).
#
# A corpus grows in fuzz/target/corpus, from fuzz/corpus and from seeds that the fixtures give. What
# breaks a property is written into fuzz/artifacts, and its log says why. With SAVE=1 what reaches code
# that neither the seeds nor what is saved already reach is added to fuzz/corpus.
set -u
cd "$(dirname "$0")/.."
seconds=$1
shift

# Safe code needs no address sanitizer, and without one a stable toolchain will do.
release="fuzz/target/$(rustc -vV | sed -n 's/^host: //p')/release"
if ! cargo fuzz build --sanitizer none --target-dir fuzz/target; then
	echo 'The targets do not build: they need a C++ compiler and a target that libFuzzer knows. ' >&2
	echo '`cargo test --test fuzz_corpus` replays the saved corpus without them.' >&2
	exit 1
fi
rm -rf fuzz/target/seeds
FUZZ_SEEDS=fuzz/target/seeds cargo test --quiet --locked --test fuzz_corpus || exit 1

failed=0
for target in "$@"; do
	log=fuzz/target/$target.log grown=fuzz/target/corpus/$target saved=fuzz/corpus/$target
	found=fuzz/artifacts/$target/ seeds=fuzz/target/seeds/$target
	mkdir -p "$grown" "$saved" "$found"
	"$release/$target" -max_total_time="$seconds" -max_len=8192 -timeout=25 -rss_limit_mb=2048 \
		-dict=fuzz/target/seeds/words -artifact_prefix="$found" -print_final_stats=1 \
		"$grown" "$saved" "$seeds" >"$log" 2>&1
	status=$?
	awk -v target="$target" -v seconds="$seconds" '
		/^stat::number_of_executed_units/ { executions = $2 }
		/ cov: / { for (i = 1; i < NF; i++) { if ($i == "cov:") cov = $(i + 1); if ($i == "ft:") ft = $(i + 1) } }
		END { printf "%-14s %4s s %9s executions, coverage %s edges, %s features\n", target, seconds, executions, cov, ft }
	' "$log"
	if [ $status -ne 0 ]; then
		failed=1
		echo "$target has found something: see $log and"
		ls "$found"*
	fi
	if [ -n "${SAVE:-}" ]; then
		rm -rf "$grown.kept"
		cp -r "$seeds" "$grown.kept"
		cp "$saved"/* "$grown.kept" 2>/dev/null
		"$release/$target" -set_cover_merge=1 -use_counters=0 -max_len=1024 "$grown.kept" "$grown" >"$log.merge" 2>&1
		# libFuzzer names files by their hash, seeds have other names.
		find "$grown.kept" -type f | grep -E '/[0-9a-f]{40}$' | xargs -r cp -n -t "$saved"
		rm -rf "$grown.kept"
	fi
done
exit $failed
