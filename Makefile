# Updraft's front door. Each door installs what it needs first (scripts/bootstrap says what and why).
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := all

BUILD ?= build
PREFIX ?= /usr/local
T ?= cbor
SECONDS ?= 60
SEED ?= 0
CONFIGURE = cmake -S . -G Ninja --log-level=WARNING
C_FILES = git ls-files -co --exclude-standard '*.c' '*.h'

.PHONY: help all demo test unit32 check asan release fuzz fuzz-all torture cov size mcu mcu-skip mcu-cuts bench interop console console-write fmt format-check warnings \
        lint layers symbols docs docs-write install clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

all: release ## build everything (release, hardened) into build/release

release:
	@scripts/bootstrap demo
	$(CONFIGURE) -B $(BUILD)/release -DCMAKE_BUILD_TYPE=Release -DUD_TESTS=OFF >/dev/null
	cmake --build $(BUILD)/release

demo: release ## five devices, one server, one author: updates, power cuts, attacks (under 3 minutes; MCU=1 adds a microcontroller; KEEP=1 leaves it running)
	cmake --build $(BUILD)/release --target powercut
	if [ -n "$(MCU)" ]; then scripts/bootstrap mcu; scripts/mcu-build $(BUILD); fi
	$(if $(MCU),UPDRAFT_MCU=$(abspath $(BUILD)/mcu)) UPDRAFT_BUILD=$(abspath $(BUILD)/release) python3 examples/demo/demo.py

asan: ## unit tests and fuzz corpora under ASan and UBSan
	@scripts/bootstrap test
	$(CONFIGURE) -B $(BUILD)/asan -DUD_SANITIZE=ON >/dev/null
	cmake --build $(BUILD)/asan
	ctest --test-dir $(BUILD)/asan --output-on-failure --output-log $(BUILD)/asan/ctest.log --timeout 300 -j 2

test: asan release ## unit tests and corpora (sanitizers), release build, end-to-end tests
	cmake --build $(BUILD)/release --target powercut stepcut tokengone
	UPDRAFT_BUILD=$(abspath $(BUILD)/release) scripts/e2e tests/e2e | tee $(BUILD)/pytest.log
	@echo; echo "unit:       $$(grep -h 'tests passed' $(BUILD)/asan/ctest.log)"
	@echo "end to end: $$(tail -n 1 $(BUILD)/pytest.log)"

unit32: ## unit tests and fuzz corpora of what a device parses, as 32-bit programs under ASan and UBSan
	@scripts/bootstrap test fuzz32
	CC=clang cmake -S tests/unit32 -B $(BUILD)/unit32 -G Ninja --log-level=WARNING >/dev/null
	cmake --build $(BUILD)/unit32
	ctest --test-dir $(BUILD)/unit32 --output-on-failure --output-log $(BUILD)/unit32/ctest.log --timeout 1200 -j 2

check: format-check warnings layers symbols docs ## format, warnings as errors (gcc and clang), layers, symbols, docs

format-check:
	@scripts/bootstrap test
	$(C_FILES) | xargs clang-format --dry-run -Werror

warnings:
	@scripts/bootstrap test
	CC=gcc $(CONFIGURE) -B $(BUILD)/check-gcc -DCMAKE_BUILD_TYPE=Release -DUD_WERROR=ON >/dev/null
	cmake --build $(BUILD)/check-gcc
	CC=clang $(CONFIGURE) -B $(BUILD)/check-clang -DCMAKE_BUILD_TYPE=Release -DUD_WERROR=ON >/dev/null
	cmake --build $(BUILD)/check-clang

lint: warnings ## clang-tidy, the short list in .clang-tidy
	git ls-files 'src/*.c' | grep -v -e _fuzz -e ports/cortexm -e ports/mps2 -e ports/sodium | xargs -P 2 -n 8 clang-tidy --quiet -p $(BUILD)/check-clang

layers: ## includes point down; only ports see an operating system (with its self-test)
	@scripts/bootstrap test
	scripts/layers --self-test
	scripts/layers

symbols: ## device-side objects call no heap, stdio, clock or errno (with its self-test)
	@scripts/bootstrap test
	$(CONFIGURE) -B $(BUILD)/check-gcc -DCMAKE_BUILD_TYPE=Release -DUD_WERROR=ON >/dev/null
	cmake --build $(BUILD)/check-gcc
	scripts/symbols --self-test
	scripts/symbols $(BUILD)/check-gcc

docs: release ## docs say what the code says: errors, commands, links, headers, names, packages
	@scripts/bootstrap test
	scripts/docs --build $(BUILD)/release

docs-write: release ## write the generated pages again (docs/errors.md, docs/commands.md)
	scripts/docs --build $(BUILD)/release --write

fuzz: ## one fuzz target for a while: make fuzz T=cbor SECONDS=60 (SEED=1: the same inputs every time); with M32=1 as a 32-bit program
ifdef M32
	@scripts/bootstrap test fuzz32
	scripts/fuzz32 $(BUILD) $(T) $(SECONDS)
else
	@scripts/bootstrap test
	CC=clang $(CONFIGURE) -B $(BUILD)/fuzz -DUD_SANITIZE=ON -DUD_FUZZ=ON -DUD_TESTS=OFF >/dev/null
	cmake --build $(BUILD)/fuzz --target fuzz_$(T)
	scripts/fuzz $(BUILD) $(T) $(SECONDS) $(SEED)
endif

fuzz-all: ## every fuzz target, SECONDS each, one on each core; with M32=1 those of the manifest, of trust, of flash and of descriptions, 32-bit
ifdef M32
	for t in $$(scripts/fuzz32 --list); do $(MAKE) --no-print-directory fuzz T=$$t SECONDS=$(SECONDS); done
else
	@scripts/bootstrap test
	CC=clang $(CONFIGURE) -B $(BUILD)/fuzz -DUD_SANITIZE=ON -DUD_FUZZ=ON -DUD_TESTS=OFF >/dev/null
	cmake --build $(BUILD)/fuzz --target fuzz_targets
	scripts/fuzz $(BUILD) --all $(SECONDS) $(SEED)
endif

torture: ## slots, boot and patches in place with every cut and every pair of cuts (long)
	@scripts/bootstrap test
	$(CONFIGURE) -B $(BUILD)/asan -DUD_SANITIZE=ON >/dev/null
	cmake --build $(BUILD)/asan
	ASAN_OPTIONS=malloc_context_size=1 UD_TORTURE=1 ctest --test-dir $(BUILD)/asan -R '^(slots|boot|device|delta)_' \
	    --timeout 14400 -j 2 --verbose --output-log $(BUILD)/asan/torture.log
	@awk '/torture: .* states visited/ { for (i = 2; i <= NF; i++) if ($$i == "states") n += $$(i - 1) } END { print "torture: " n " states visited, all parts together" }' \
	    $(BUILD)/asan/torture.log

cov: ## line coverage of the unit tests, per folder (llvm-cov)
	@scripts/bootstrap test
	CC=clang $(CONFIGURE) -B $(BUILD)/cov -DUD_COVERAGE=ON -DCMAKE_BUILD_TYPE=Debug >/dev/null
	cmake --build $(BUILD)/cov
	scripts/coverage $(BUILD)/cov

size: release ## flash, RAM and worst stack on Cortex-M3 against budgets.json
	@scripts/bootstrap demo mcu
	scripts/mcu-build $(BUILD)
	scripts/size --out $(BUILD)/size.json --images $(BUILD)/mcu

mcu: release ## bootloader and sample application on Cortex-M3, M4 and M33: built, then tried in QEMU (MBEDTLS_SOURCE=, SODIUM_SOURCE=FOLDER: those copies)
	@scripts/bootstrap mcu
	scripts/mcu-build --boards $(BUILD)
	UPDRAFT_BUILD=$(abspath $(BUILD)/release) UPDRAFT_MCU=$(abspath $(BUILD)/mcu) \
	    scripts/e2e tests/e2e/test_mcu*.py

mcu-skip: release ## the small bootloader with each of its instructions left out in turn, in QEMU (ten minutes)
	@scripts/bootstrap mcu
	scripts/mcu-build $(BUILD)
	pids=(); for part in "notices or bend_signature" bend_image; do \
	    UD_SKIP=all UPDRAFT_BUILD=$(abspath $(BUILD)/release) UPDRAFT_MCU=$(abspath $(BUILD)/mcu) \
	        python3 -m pytest -q -s -p no:cacheprovider tests/e2e/test_mcu_skip.py -k "$$part" & pids+=($$!); done; \
	for pid in "$${pids[@]}"; do wait $$pid; done

mcu-cuts: release ## power cut in every flash operation of a swap, a revert, an overwrite, an update of a bootloader and of a trust store, in QEMU (half an hour; one that was stopped goes on)
	@scripts/bootstrap mcu
	scripts/mcu-build $(BUILD)
	UD_CUTS=all UD_CUTS_LOG=$(abspath $(BUILD)/mcu-cuts) UPDRAFT_BUILD=$(abspath $(BUILD)/release) UPDRAFT_MCU=$(abspath $(BUILD)/mcu) \
	    python3 -m pytest -q -s -p no:cacheprovider tests/e2e/test_mcu_swap.py tests/e2e/test_mcu_slots.py tests/e2e/test_mcu_overwrite.py tests/e2e/test_mcu_stages.py tests/e2e/test_mcu_trust.py -k power

bench: release ## measured beside a peer in the same run; SHORT=1 for the quick form
	@scripts/bootstrap bench mcu
	cmake --build $(BUILD)/release --target bench-load --target coap-load --target coap-echo --target coap-dtls --target coap-robust --target coap-nat
	python3 bench/run.py $(BUILD)/release $(BUILD)/bench
	rm -rf $(BUILD)/bench/store-sqlite $(BUILD)/bench/store-pg
	python3 bench/store.py $(BUILD)/release $(BUILD)/bench
	python3 bench/migrate.py $(BUILD)/release $(BUILD)/bench
	python3 bench/fleet.py $(BUILD)/release $(BUILD)/bench
	python3 bench/console.py $(BUILD)/release $(BUILD)/bench
	python3 bench/herd.py $(BUILD)/release $(BUILD)/bench
	python3 bench/delta/bench.py $(BUILD)/release $(BUILD)/bench
	python3 bench/coap/bench.py $(BUILD)/release $(BUILD)/bench
	python3 bench/suit/bench.py $(BUILD)/bench

interop: release ## other projects' real programs against ours (SWUpdate, oidc-provider, MCUmgr, Leshan, aiocoap, libcoap, pycose)
	@scripts/bootstrap interop mcu
	scripts/mcu-build $(BUILD)
	cmake --build $(BUILD)/release --target interop-cose interop-resident
	UPDRAFT_BUILD=$(abspath $(BUILD)/release) UPDRAFT_MCU=$(abspath $(BUILD)/mcu) python3 -m pytest -q -p no:cacheprovider interop

console: release ## the web console: built anew and compared, its tests with Debian's Chromium
	@scripts/bootstrap console
	scripts/console $(BUILD)

console-write: ## build the web console anew into console/dist, to be committed
	@scripts/bootstrap console
	scripts/console $(BUILD) --write --no-browser

fmt: ## format every C file
	@scripts/bootstrap test
	$(C_FILES) | xargs clang-format -i

install: release ## install programs and headers under PREFIX (DESTDIR is honoured)
	cmake --install $(BUILD)/release --prefix $(PREFIX)

clean: ## remove build/
	rm -rf $(BUILD)
