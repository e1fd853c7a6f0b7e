# One build configuration for everything, so that nothing is built twice: optimised (byte-flip tests crawl otherwise)
# and open to the tests.
SWIFT_FLAGS := -c release -Xswiftc -enable-testing
BIN := .build/release

.PHONY: help setup build demo test run install deb bench soak schemathesis soak-sockets fault fuzz format lint clean

help: ## Say what each target does
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 15

setup: ## Install the Debian packages that are missing; check the Swift toolchain
	@scripts/setup.sh

build: setup ## Build nrx-server, nrx-replay and nrx-init into .build/release
	swift build $(SWIFT_FLAGS)
	scripts/build-init.sh $(BIN)/nrx-init

demo: build ## Play the whole story over real HTTP on a temporary directory
	scripts/demo.sh $(BIN)

# Hundreds of tests with servers and sandboxes of their own, all at once, would only wait for one another.
test: build ## Run every test
	swift build --build-tests $(SWIFT_FLAGS)
	scripts/test.sh $(SWIFT_FLAGS)

run: build ## Start a server on ./nrx-data, port 8080
	$(BIN)/nrx-server

bench: build ## Measure, beside the peers, and print one table of ratios
	Benchmarks/run.sh $(BIN)

soak schemathesis: SECONDS := 600
# Where `make install` puts things; DESTDIR before it is for packagers.
PREFIX := /usr/local
VERSION := 0.1.0

install: ## Install what was built into PREFIX=/usr/local, with man pages, completions and the service
	scripts/install.sh $(BIN) $(PREFIX) $(DESTDIR)

deb: build ## Make a Debian package in .build/package
	scripts/build-deb.sh $(BIN) .build/package $(VERSION)

soak: build ## Load a server with everything at once for SECONDS=600, then audit what it wrote
	$(BIN)/nrx-bench soak --seconds $(SECONDS)

# A hundred thousand seeds take 20 minutes on two cores. SEED=n runs one seed again; RECORD=file goes on where it stopped.
SEEDS := 10000
DISK := honest
RECORD :=

fault: build ## Break the disk under the log from SEEDS=10000 seeds, or again from one: SEED=n
	nice -n 10 $(BIN)/nrx-fault --disk $(DISK) $(if $(SEED),--seed $(SEED),--seeds $(SEEDS)) $(if $(RECORD),--record $(RECORD))

schemathesis: build ## Search SECONDS=600 for answers that the API document does not allow, each time anew
	swift build --build-tests $(SWIFT_FLAGS)
	NRX_SCHEMATHESIS_SECONDS=$(SECONDS) FILTER=APIConformanceTests scripts/test.sh $(SWIFT_FLAGS)

CONNECTIONS := 10000

# For each target.
SECONDS := 60

soak-sockets: build ## Open CONNECTIONS=10000 WebSockets, clean and broken, and look for what they leave behind
	swift build --build-tests $(SWIFT_FLAGS)
	NRX_SOAK_CONNECTIONS=$(CONNECTIONS) FILTER=WebSocketTests scripts/test.sh $(SWIFT_FLAGS)

fuzz: setup ## Search with libFuzzer for bytes that trip a reader, SECONDS=60 for each
	nice -n 10 scripts/fuzz.sh $(SECONDS)

format: ## Format the Swift sources in place
	swift format --in-place --parallel --recursive Package.swift Sources Tests Benchmarks

lint: ## Fail on Swift sources that are not formatted
	swift format lint --strict --parallel --recursive Package.swift Sources Tests Benchmarks

clean: ## Remove what was built
	rm -rf .build
