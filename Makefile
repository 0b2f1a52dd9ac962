# The two commands a fresh Debian 12 machine needs are `make demo` and `make test`.
BUILD ?= build
JOBS ?= $(shell nproc)
CMAKE_FLAGS ?=

.PHONY: all demo test kill-test build packages fresh-test bench format format-check sanitize fuzz package-test docs install clean

all: build

# Installs the Debian packages that are missing; does nothing when all are there.
packages:
	@missing=$$(for p in $$(grep -v '^#' packages.txt); do \
	  dpkg-query -W -f='$${Status}' $$p 2>/dev/null | grep -q 'ok installed' || echo $$p; done); \
	if [ -n "$$missing" ]; then \
	  echo "installing:" $$missing; \
	  sudo=$$([ $$(id -u) = 0 ] || echo sudo); \
	  $$sudo apt-get update -qq && \
	  DEBIAN_FRONTEND=noninteractive $$sudo apt-get install -y -qq --no-install-recommends $$missing; \
	fi

$(BUILD)/CMakeCache.txt: | packages
	cmake -S . -B $(BUILD) -G Ninja $(CMAKE_FLAGS)

build: packages $(BUILD)/CMakeCache.txt
	cmake --build $(BUILD) -j $(JOBS)

# Trains, evaluates, reports and predicts on real data. Fashion-MNIST comes as a Debian package;
# without it the demo uses the digits inside the program.
demo: build
	@dpkg-query -W -f='$${Status}' dataset-fashion-mnist 2>/dev/null | grep -q 'ok installed' || \
	  apt-get install -y -qq dataset-fashion-mnist 2>/dev/null || true
	tools/demo.sh $(BUILD)/nacre

test: build
	cd $(BUILD) && ctest --output-on-failure -j $(JOBS)

# Both commands of the README on a Debian 12 that has nothing installed. Needs root; says so and
# skips where such a system cannot be made.
fresh-test:
	tools/fresh.sh sh -c 'make demo && make test' || [ $$? = 77 ]

# Kills train, resume, eval and report at every change of a file and at 200 random moments, and fills
# the disk at every change. `make test` tries some of these.
kill-test: build
	NACRE_KILLS=all $(BUILD)/tests/nacre_tests --gtest_brief=1 --gtest_filter='Crash.*'

# Another project uses Nacre: installed, as a folder, and fetched from a repository. The last two
# compile the library once more.
package-test: build
	for mode in find_package add_subdirectory FetchContent; do \
	  cmake -DMODE=$$mode -DSOURCE=$(CURDIR) -DBUILD=$(CURDIR)/$(BUILD) -DWORK=$(CURDIR)/build-package \
	    -DFLAGS="$(CMAKE_FLAGS)" -P tests/package/package_test.cmake || exit 1; \
	done

# Debug builds with AddressSanitizer + UndefinedBehaviorSanitizer, then ThreadSanitizer.
sanitize: packages
	cmake -S . -B build-asan -G Ninja -DCMAKE_BUILD_TYPE=RelWithDebInfo -DNACRE_SANITIZE=address,undefined $(CMAKE_FLAGS)
	cmake --build build-asan -j $(JOBS) --target nacre_tests
	UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1 ASAN_OPTIONS=detect_leaks=1:allocator_may_return_null=1 build-asan/tests/nacre_tests --gtest_brief=1
	cmake -S . -B build-tsan -G Ninja -DCMAKE_BUILD_TYPE=RelWithDebInfo -DNACRE_SANITIZE=thread $(CMAKE_FLAGS)
	cmake --build build-tsan -j $(JOBS) --target nacre_tests
	TSAN_OPTIONS=halt_on_error=1:suppressions=$(CURDIR)/tests/tsan.supp build-tsan/tests/nacre_tests --gtest_brief=1

# Every parser against libFuzzer with AddressSanitizer, FUZZ_SECONDS each, one after the other. Needs
# clang-16, libclang-rt-16-dev and libomp-16-dev (Debian's default, 14, lacks a part of C++20). Finds
# stay in build-fuzz/finds.
FUZZ_SECONDS ?= 60
FUZZ_CXX ?= clang++-16
fuzz: packages
	cmake -S . -B build-fuzz -G Ninja -DCMAKE_CXX_COMPILER=$(FUZZ_CXX) -DNACRE_BUILD_FUZZ=ON \
	  -DNACRE_BUILD_TESTS=OFF -DNACRE_BUILD_EXAMPLES=OFF -DNACRE_SANITIZE=address \
	  -DCMAKE_CXX_FLAGS="-fsanitize=fuzzer-no-link" -DCMAKE_CXX_FLAGS_RELEASE="-O1 -g1" $(CMAKE_FLAGS)
	cmake --build build-fuzz -j $(JOBS)
	tools/fuzz.sh build-fuzz/fuzz build-fuzz/finds $(FUZZ_SECONDS)

bench: packages
	cmake -S . -B $(BUILD) -G Ninja -DNACRE_BUILD_BENCH=ON $(CMAKE_FLAGS)
	cmake --build $(BUILD) -j $(JOBS) --target nacre_bench
	$(BUILD)/bench/nacre_bench

SOURCES = $(shell git ls-files '*.h' '*.cpp')
format:
	@clang-format -i $(SOURCES)
format-check:
	@clang-format --dry-run --Werror $(SOURCES)

docs: build
	$(BUILD)/doc_tables .

install: build
	cmake --install $(BUILD)

clean:
	rm -rf build build-asan build-tsan build-package build-fuzz
