# Synchromesh. `make help` lists the targets; each sets up what it needs, and is quick when nothing changed.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-builtin-rules

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMPS := build/stamps
PROFILE ?= release
RUST_SOURCES := Cargo.toml Cargo.lock $(shell find crates -name '*.rs' -o -name Cargo.toml)
CONTRACTS := contracts/foundry.toml contracts/bin/solc $(shell find contracts/src contracts/test -type f)
DURATION ?= 120
SPEED ?= auto
CARGO_HOME ?= $(HOME)/.cargo
# Neither the folder of the checkout nor that of the packages shows in the native module: see `make reproduce`.
MAPPED = RUSTFLAGS="--remap-path-prefix=$(1)=/synchromesh --remap-path-prefix=$(CARGO_HOME)=/cargo" \
	CFLAGS="-ffile-prefix-map=$(1)=/synchromesh -ffile-prefix-map=$(CARGO_HOME)=/cargo"

say = @printf '\033[1;36m==> %s\033[0m\n' "$(1)"

.PHONY: help run test test-rust test-contracts test-python bench lint build clean native abi tools prove wheel reproduce

help: ## this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

run: build ## the whole venue on real market data, with a live dashboard (DURATION=seconds)
	$(BIN)/synchromesh demo --duration $(DURATION)

test: test-rust test-contracts test-python ## every test: Rust, Solidity, Python (each also by itself: test-rust, …)

test-rust: build
	$(call say,Rust tests)
	SYNCHROMESH_CONTRACTS="$(CURDIR)/contracts/out" cargo test --locked --workspace --exclude synchromesh-bindings --quiet

test-contracts: build
	$(call say,Solidity tests)
	cd contracts && ./forge test

test-python: build
	$(call say,Python tests)
	@# Hundreds of processes are started: each would compile its modules anew.
	env -u PYTHONDONTWRITEBYTECODE $(BIN)/python -m pytest --numprocesses auto --dist loadfile --no-loadscope-reorder

bench: build ## speed, as ratios against named peers
	$(BIN)/python -m benches

lint: build ## every linter; changes nothing
	$(call say,ruff and mypy)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(call say,rustfmt and clippy)
	cargo fmt --all --check
	cargo fmt --manifest-path benches/peers/rust/Cargo.toml --check
	cargo clippy --locked --workspace --all-targets --quiet -- -D warnings
	$(call say,forge fmt)
	cd contracts && ./forge fmt --check

build: tools ## everything that running needs
	@# The contracts' compiler is slow and takes one processor: it works beside the Rust build, and once for all: the
	@# tests take most contracts into their own code, and would compile them again.
	@$(MAKE) --no-print-directory -j2 native abi

tools:
	@for tool in git cc cargo node npm $(PYTHON); do command -v $$tool >/dev/null || { echo "missing: $$tool" >&2; exit 1; }; done
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed" >&2; exit 1; }

$(STAMPS)/python: requirements.lock
	$(call say,Python environment)
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --require-hashes --only-binary :all: -r requirements.lock
	@mkdir -p $(@D) && touch $@

$(STAMPS)/npm: contracts/package.json contracts/package-lock.json
	$(call say,npm packages)
	cd contracts && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
	@test -x "$$(echo contracts/node_modules/@foundry-rs/forge-*/bin/forge)" \
		|| { echo "npm did not install forge for this platform" >&2; exit 1; }
	@test -x "$$(echo contracts/node_modules/@foundry-rs/anvil-*/bin/anvil)" || test -n "$$SYNCHROMESH_ANVIL" || command -v anvil >/dev/null \
		|| { echo "npm has no anvil for this platform: install one, or name it in SYNCHROMESH_ANVIL" >&2; exit 1; }
	@mkdir -p $(@D) && touch $@

native: $(STAMPS)/native
$(STAMPS)/native: $(RUST_SOURCES) pyproject.toml $(STAMPS)/python
	$(call say,native module)
	PATH="$(abspath $(BIN)):$$PATH" MATURIN_PEP517_ARGS="--locked --profile $(PROFILE)" $(call MAPPED,$(CURDIR)) \
		$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@$(BIN)/python -c 'import synchromesh._native'
	@mkdir -p $(@D) && touch $@

abi: $(STAMPS)/abi
$(STAMPS)/abi: $(STAMPS)/npm $(CONTRACTS) contracts/script/export-abi.mjs
	$(call say,contracts)
	cd contracts && ./forge build
	node contracts/script/export-abi.mjs
	@mkdir -p $(@D) && touch $@

# Its solver clashes with packages of ours: an environment of its own.
$(STAMPS)/halmos: tools
	$(call say,halmos)
	$(PYTHON) -m venv build/halmos
	build/halmos/bin/python -m pip install --quiet halmos==0.3.3
	@mkdir -p $(@D) && touch $@

prove: $(STAMPS)/npm $(STAMPS)/halmos ## what holds of withdrawals and exits for all inputs, by symbolic execution (halmos; minutes)
	cd contracts && PATH="$$PWD:$$PATH" FOUNDRY_PROFILE=prove ../build/halmos/bin/halmos \
		--forge-build-out cache/prove --match-test '^testFuzz_' --loop 4

wheel: tools $(STAMPS)/python abi ## the sdist, and from it the wheel for CPython 3.11 and newer, both in dist/; installed and tried
	$(call say,sdist and wheel)
	rm -rf dist build/wheel
	CARGO_TARGET_DIR="$(CURDIR)/target" $(BIN)/maturin build --quiet --locked --sdist --profile $(PROFILE) --out dist
	$(call say,a fresh environment)
	$(PYTHON) -m venv build/wheel
	build/wheel/bin/python -m pip install --quiet --only-binary :all: dist/*.whl
	build/wheel/bin/synchromesh --help >/dev/null
	build/wheel/bin/python examples/greeks.py
	@ls -lh dist

REPRODUCED = $(CURDIR)/build/reproduce/one $(CURDIR)/build/reproduce/the-other/one
reproduce: tools $(STAMPS)/python ## the native core of this commit, built twice from nothing in different folders: the same bytes?
	rm -rf build/reproduce
	$(foreach place,$(REPRODUCED),$(call BUILD_AT,$(place)))
	@sha256sum $(addsuffix /target/release/$(NATIVE_LIBRARY),$(REPRODUCED))
	cmp $(addsuffix /target/release/$(NATIVE_LIBRARY),$(REPRODUCED))

NATIVE_LIBRARY = lib_native.so
define BUILD_AT
	$(call say,a clean build in $(1))
	mkdir -p $(1)
	git archive HEAD | tar -x -C $(1)
	cd $(1) && PYO3_PYTHON="$(CURDIR)/$(BIN)/python" $(call MAPPED,$(1)) \
		cargo build --quiet --release --locked --package synchromesh-bindings --features pyo3/extension-module

endef

clean: ## removes everything that was built
	rm -rf build dist target $(VENV) contracts/node_modules contracts/out contracts/cache src/synchromesh/_native*.so src/synchromesh/settlement/abi
