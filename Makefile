# Updraft's front door: `make help`.
BUILD ?= build
.PHONY: all
all: ## build everything (release)
	cmake -S . -B $(BUILD)/release -G Ninja -DCMAKE_BUILD_TYPE=Release >/dev/null
	cmake --build $(BUILD)/release
.PHONY: asan
asan: ## build with ASan and UBSan and run the unit tests
	cmake -S . -B $(BUILD)/asan -G Ninja -DUD_SANITIZE=ON >/dev/null
	cmake --build $(BUILD)/asan
	ctest --test-dir $(BUILD)/asan --output-on-failure
.PHONY: fmt
fmt: ## format every C file
	git ls-files -co --exclude-standard '*.c' '*.h' | xargs clang-format -i
