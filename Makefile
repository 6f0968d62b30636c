# Needs Node >= 20. `make run` and `make test` install what else they need.
.DEFAULT_GOAL := help
.PHONY: help install build generate check-generated lint types unit integration test interop conformance conformance-all e2e-kubelet bench chaos fuzz starts soak vm pins pin run clean

help: ## what can be made
	@sed -n 's/^\([a-z0-9-]*\):.*## \(.*\)/\1\t\2/p' $(MAKEFILE_LIST) | expand -t 18

install: ## the npm packages, exactly as locked
	npm ci

node_modules: package-lock.json
	npm ci
	@touch node_modules

build: node_modules ## dist/crisp.js
	node scripts/build.mjs

generate: node_modules ## generated/ from protos/, docs/config.md from the schema
	npm run --silent generate
	node scripts/config-docs.mjs

check-generated: node_modules ## generated/ is what protos/ make
	node scripts/check-generated.mjs

lint: node_modules ## format and lint rules
	node_modules/.bin/biome check .

types: node_modules ## the type checker
	node_modules/.bin/tsc --noEmit -p tsconfig.json

unit: node_modules ## tests that need nothing
	node_modules/.bin/jest --selectProjects unit --maxWorkers=100%

integration: node_modules ## tests that start a containerd of their own (root)
	scripts/ensure-packages.sh
	test/support/ensure-packages.sh
	node_modules/.bin/jest --selectProjects integration --runInBand

test: node_modules ## all of the above
	scripts/ensure-packages.sh
	test/support/ensure-packages.sh
	node scripts/test.mjs

interop: node_modules ## gRPC's interoperability cases, on both ends of src/rpc (Go)
	test/interop/run.sh

conformance: node_modules build ## critest, on two containerds (root, Go)
	test/conformance/run.sh

conformance-all: node_modules build ## critest, kubelet, chaos and a soak on four containerds, in every combination, for hours (root, Go)
	scripts/conformance-all.sh

e2e-kubelet: node_modules build ## a real kubelet's pods, on two containerds; STAGE=2.x INFRA=auto: some of it (root, Go)
	test/e2e/kubelet/run.sh

bench: node_modules build ## crisp beside containerd's own CRI, in numbers (root, Go); PARTS="pods exec" PODS=20: some of it
	scripts/ensure-packages.sh
	test/support/ensure-packages.sh
	test/bench/run.sh

chaos: node_modules build ## pods while everything goes wrong; SECONDS_=300 SEED=... INFRA=auto (root, Go)
	SECONDS_=$(SECONDS_) SEED=$(SEED) test/chaos/run.sh

fuzz: node_modules build ## parsers read changed inputs, then random messages over all RPCs; SECONDS_=120 MESSAGES=100000 SEED=... ONLY=regex STAGE=2.x (root)
	SECONDS_=$(SECONDS_) MESSAGES=$(MESSAGES) SEED=$(SEED) ONLY='$(ONLY)' test/fuzz/run.sh

starts: node_modules build ## crisp is started over running pods while calls and files go wrong; SEED=... ROWS=60 ALL=1 STAGE=1.6 ONLY=regex AT_ONCE=3 (root, Go)
	test/starts/run.sh

vm: node_modules build ## checks in a virtual machine with systemd, cgroup v2 and AppArmor; ONLY=regex CGROUP=v1 KEEP=1 (root, Go)
	ONLY='$(ONLY)' CGROUP='$(CGROUP)' KEEP=$(KEEP) test/vm/run.sh

pins: node_modules ## each version that is built or fetched, and what is newer
	@node test/support/run-typescript.mjs scripts/pins/main.ts

pin: node_modules ## another version of one of them: NAME=runc TO=v1.5.4
	@node test/support/run-typescript.mjs scripts/pins/main.ts move "$(NAME)" "$(TO)"

soak: node_modules build ## pods live as a kubelet has them, then what is left is counted; MINUTES=60 PODS=5000 STAGE=2.x INFRA=auto SEED=... (root, Go)
	MINUTES=$(MINUTES) PODS=$(PODS) SEED=$(SEED) test/soak/run.sh

run: ## one pod on this machine, then serve; ONCE=1: end after the pod (root)
	@ONCE=$(ONCE) scripts/run.sh

clean: ## removes what was built
	rm -rf dist coverage
