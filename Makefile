.DEFAULT_GOAL := help
GO ?= go

help: ## show this
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: ## build ./weir, static
	CGO_ENABLED=0 $(GO) build -o weir ./cmd/weir

test: ## all tests
	$(GO) test ./...

script: ## the whole-server scripts; ONLY=range runs one, WEIR_BINARY=/usr/sbin/nginx tests nginx
	$(GO) test . -count=1 -run 'TestScript$(if $(ONLY),/^$(ONLY)$$)'

oracle: ## the same requests to nginx and weir, answers compared
	$(GO) test ./weirtest -count=1 -run TestOracle -v

race: ## tests with the race detector, the server too
	CGO_ENABLED=1 $(GO) test -race ./...

portable: ## all tests on the engine for systems without epoll, and vet for those
	$(GO) test -tags portable ./...
	GOOS=darwin GOARCH=arm64 $(GO) vet ./...
	GOOS=freebsd GOARCH=amd64 $(GO) vet ./...
	GOOS=openbsd GOARCH=amd64 $(GO) vet ./...

scramble: ## the scripts, with a layer that scrambles bytes on both sides of the server
	for how in client,peer client,peer,record; do \
		WEIR_SCRAMBLE=$$how $(GO) test -tags scramble ./upstream && WEIR_SCRAMBLE=$$how $(GO) test -tags scramble . -run TestScript || exit 1; \
	done

fuzz: ## every fuzz target on COUNT inputs (20000)
	bash .ci/fuzz $(or $(COUNT),20000)

bench: ## weir against nginx; ARGS="-only static -rounds 5"
	$(GO) run ./bench $(ARGS)

soak: ## load for a minute; the memory must not grow
	$(GO) run ./bench -soak 60s

chaos: ## reloads, upgrades, kills and bad input under load, for minutes
	WEIR_CHAOS=long $(GO) test ./weirtest/chaos ./cycle -count=1 -run TestChaos -v -timeout 30m

torture: ## random drivers against a server with race detector and buffer checks, for FOR (5m) each
	CGO_ENABLED=1 WEIR_TORTURE=$(or $(FOR),5m) $(GO) test -race -tags invariants ./weirtest/torture -count=1 -v -timeout 0

gen: ## write generated files anew
	$(GO) generate ./...
	$(GO) test . -run TestManual -update

lint: ## vet, staticcheck, gofumpt
	$(GO) vet ./...
	staticcheck ./...
	@test -z "$$(gofumpt -l .)" || { gofumpt -l .; exit 1; }

deb: ## a Debian package in this folder; GOARCH=arm64 for another processor
	packaging/deb

image: ## a container image called weir; needs docker
	docker build -f packaging/Dockerfile -t weir .

demo: ## run weir in front of four back ends
	$(GO) run ./cmd/weir demo

ci: ## what CI runs
	bash .ci/run

.PHONY: help build test script oracle race portable fuzz bench soak chaos torture gen lint deb image demo ci
