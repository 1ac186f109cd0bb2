# SymDiff in Go: what one can do. `make` or `make help` lists it.

export GOTOOLCHAIN := go1.27.3
export GOEXPERIMENT := simd
export GOFLAGS := $(strip $(filter-out -trimpath,$(shell go env GOFLAGS)) -trimpath)

MODULE := github.com/symdiff-go/symdiff
# What `symdiff version` prints: the newest tag and the commits since, from git, not from the build's folder.
VERSION := $(shell git describe --tags --always --dirty --match 'v*' 2>/dev/null || echo unknown)
REVISION := $(shell git rev-parse HEAD 2>/dev/null)
EPOCH := $(shell git log -1 --format=%ct 2>/dev/null || echo 0)
STAMP := -X $(MODULE)/trainer/cli.release=$(VERSION) -X $(MODULE)/trainer/cli.revision=$(REVISION)

PORT ?= 8080
COUNT ?= 1
BUILD := build
DATA ?= ../shared/data
NPM := npm --prefix site
CHROMIUM ?= /usr/bin/chromium
export CHROMIUM

# System packages (Debian and Ubuntu names).
TORCH_PACKAGES := g++ libtorch-dev libopenblas0-openmp
PYTHON_PACKAGES := python3-torch
MPI_PACKAGES := pkg-config openmpi-bin libopenmpi-dev
BROWSER_PACKAGES := chromium firefox-esr
RELEASE_PACKAGES := zip
XTB_PACKAGES := xtb
RDKIT_PACKAGES := g++ librdkit-dev libboost-dev openbabel

# RDKIT=1 builds with RDKit (tag rdkit) and installs it; RDKIT=0 without. The
# trainer takes it by default where it is installed, the plain CLI does not.
HAVE_RDKIT := $(if $(wildcard /usr/include/rdkit/GraphMol/ROMol.h),$(if $(wildcard /usr/include/boost/config.hpp),1))
TRAINER_RDKIT := $(filter 1,$(or $(RDKIT),$(HAVE_RDKIT)))
CLI_RDKIT := $(filter 1,$(RDKIT))

# The trainer is built in its own workspace, in which gotch is the copy
# fitted to the libtorch at hand (trainer/gotchfit).
TORCH_ENV = GOWORK=$(CURDIR)/$(BUILD)/go.work

GO_SOURCES = $(shell find core trainer wasm site -name node_modules -prune -o -name '*.go' -print -o -name '*.s' -print -o -name '*.toml' -print) trainer/report/page.html site/csp.txt trainer/notice/NOTICE go.mod go.sum
CORE_SOURCES = $(shell find core wasm -name node_modules -prune -o -name '*.go' -print -o -name '*.s' -print) go.mod go.sum
SITE_SOURCES = $(shell find site wasm/js -type f -not -path '*/node_modules/*' -not -path '*/dist/*' -not -path '*/test/*' -not -name '*.go')
WEIGHTS := core/weights/qm9-web.safetensors

.PHONY: help deps demo sample test cli cli-site npm budget trainer train evaluate-model evaluate-seeds evaluate-nll evaluate-gamma evaluate-keep evaluate-branches wasm site bench bench-go bench-peers fuzz check clean \
	deps-torch deps-browser deps-rdkit test-core test-wasm test-cli test-rdkit test-torch test-site

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: site ## build the page and serve it on http://localhost:8080 (PORT=)
	@go build -o $(BUILD)/serve ./site/serve
	@exec $(BUILD)/serve -dir $(BUILD)/site -addr localhost:$(PORT)

sample: cli ## generate ten molecules with the shipped weights
	$(BUILD)/symdiff sample -n 10 --seed 1 --out $(BUILD)/sample.xyz
	$(BUILD)/symdiff evaluate $(BUILD)/sample.xyz

cli: $(if $(CLI_RDKIT),deps-rdkit) $(BUILD)/cli$(CLI_RDKIT).stamp ## build build/symdiff without libtorch: sample, evaluate, nll, data and more (RDKIT=1: with RDKit)
$(BUILD)/cli$(CLI_RDKIT).stamp: $(GO_SOURCES) $(WEIGHTS)
	@mkdir -p $(BUILD) && rm -f $(BUILD)/cli*.stamp $(BUILD)/trainer*.stamp
	CGO_ENABLED=$(or $(CLI_RDKIT),0) go build -ldflags='$(STAMP)' $(if $(CLI_RDKIT),-tags rdkit) -o $(BUILD)/symdiff ./trainer/cmd/symdiff
	@touch $@

cli-site: $(BUILD)/cli-site.stamp ## build build/symdiff with the whole site inside, for use without network: symdiff serve
$(BUILD)/cli-site.stamp: $(GO_SOURCES) $(BUILD)/dist.stamp
	@rm -f $(BUILD)/cli*.stamp $(BUILD)/trainer*.stamp
	CGO_ENABLED=0 go build -ldflags='$(STAMP)' -tags site -o $(BUILD)/symdiff ./trainer/cmd/symdiff
	@touch $@
$(BUILD)/dist.stamp: $(BUILD)/site.stamp
	@rm -rf site/dist && cp -r $(BUILD)/site site/dist && touch $@

trainer: deps-torch $(if $(filter 1,$(RDKIT)),deps-rdkit) $(BUILD)/trainer$(TRAINER_RDKIT).stamp ## build build/symdiff with training (libtorch), and RDKit where it is installed (RDKIT=0, RDKIT=1)
$(BUILD)/trainer$(TRAINER_RDKIT).stamp: $(GO_SOURCES) $(WEIGHTS)
	@rm -f $(BUILD)/cli*.stamp $(BUILD)/trainer*.stamp
	go run ./trainer/gotchfit -out $(BUILD)
	$(TORCH_ENV) go build -ldflags='$(STAMP)' -tags torch$(if $(TRAINER_RDKIT),$(comma)rdkit) -o $(BUILD)/symdiff ./trainer/cmd/symdiff
	@touch $@

# What a machine with a GPU, PyTorch and g++ but without Go needs to train: see trainer/gpu/run.sh.
GPU := $(BUILD)/gpu
GPU_DATA ?= $(DATA)/qm9_train.xyz.gz $(DATA)/qm9_val.xyz.gz $(DATA)/qm9_fill_gfn2.xyz.gz
.PHONY: gpu-bundle test-gpu-bundle
gpu-bundle: trainer ## pack the trainer and QM9 into build/gpu.tar.gz for a machine with a GPU and without Go (GPU_DATA=files)
	@rm -rf $(GPU)/bin $(GPU)/gotch && mkdir -p $(GPU)/bin $(GPU)/gotch
	CGO_ENABLED=0 go build -ldflags='-s -w' -o $(GPU)/bin/gotchfit ./trainer/gotchfit
	$(TORCH_ENV) go build -tags torch -ldflags='-s -w $(STAMP)' -o $(GPU)/bin/symdiff ./trainer/cmd/symdiff
	@$(GPU)/bin/gotchfit -movable $(GPU)/bin/symdiff
	@cp -r "$$(go list -m -f '{{.Dir}}' github.com/sugarme/gotch)/libtch" $(GPU)/gotch/ && chmod -R u+w $(GPU)/gotch && rm -f $(GPU)/gotch/libtch/*.go
	@cp trainer/gpu/run.sh $(GPU)/
	$(BUILD)/symdiff data prepare $(GPU_DATA) --elements H,C,N,O,F $(GPU_SPLIT) --out $(GPU)/data.safetensors
	@tar -C $(dir $(GPU)) -czf $(GPU).tar.gz $(notdir $(GPU)) && ls -sh $(GPU).tar.gz

test-gpu-bundle: trainer ## the bundle on this machine's CPU: a run in two calls, the state carried from one to the other
	@mkdir -p $(BUILD)/gpu-test && $(BUILD)/symdiff sample -n 40 --steps 2 --quiet --out $(BUILD)/gpu-test/molecules.xyz
	$(MAKE) gpu-bundle GPU=$(BUILD)/gpu-test GPU_DATA=$(BUILD)/gpu-test/molecules.xyz GPU_SPLIT="--split 0.7,0.3"
	cd $(BUILD)/gpu-test && rm -rf run a b && set -- --steps 12 --set hidden=32 --set depth=1 --set heads=2 --set xh-hidden=16 --set log-every=1 --set enc-hidden=16 --set enc-depth=1 && \
	DEVICE=cpu OUT=a ./run.sh "$$@" --set checkpoint-every=1ns --steps 5 && rm -rf run && DEVICE=cpu STATE=a OUT=b ./run.sh --steps 12 && \
	tail -n 1 b/log.jsonl | grep '"step":12' && bin/symdiff inspect b/model.safetensors > /dev/null

OUT ?= $(BUILD)/run
ARGS ?= --set distance-grid=true --set pair-bias=true --set time-scale=1000 --set time-power=2 --lr 2e-3 --max-time 2h
train: trainer ## train a model on QM9, or go on with it (DATA=, OUT=, ARGS=)
	$(BUILD)/symdiff train $(if $(wildcard $(OUT)/checkpoint.safetensors),--resume $(OUT),--out $(OUT) --val $(DATA)/qm9_val.xyz.gz \
		--data $(DATA)/qm9_train.xyz.gz$(comma)$(DATA)/qm9_fill_gfn2.xyz.gz@split=train) $(ARGS)
comma := ,
space := $(subst ,, )

# Two cores for a day, or with DEVICE=cuda a GPU for minutes; what is there already stays, so that a second call goes on.
RECIPE ?= qm9
RECIPE_OUT = $(if $(filter $(BUILD)/run,$(OUT)),$(BUILD)/$(RECIPE),$(OUT))
.PHONY: model
model: trainer ## make a model by RECIPE=qm9, from the data to its evaluation, or go on with it (DATA=, OUT=, BASE=weights to start from, DEVICE=cuda, MODEL=name, SET=NAME=VALUE of another variable of the recipe)
	$(BUILD)/symdiff run $(RECIPE) --out $(RECIPE_OUT) --set val=$(DATA)/qm9_val.xyz.gz --set test=$(DATA)/qm9_test.xyz.gz \
		--set train=$(DATA)/qm9_train.xyz.gz$(comma)$(DATA)/qm9_fill_gfn2.xyz.gz@split=train --set known=$(DATA)/qm9_train.xyz.gz \
		$(if $(BASE),--set base=$(BASE)) $(if $(DEVICE),--set device=$(DEVICE)) $(if $(filter command,$(origin MODEL)),--set name=$(MODEL)) $(if $(SET),--set '$(SET)')

# One in SHARE=2 of the molecules.
SHARE ?= 2
.PHONY: drugs
drugs: ## make a model of drug-like molecules from the SMILES of GEOM-Drugs, or go on with it (SMILES=, SHARE=2: one in two of them, DEVICE=cuda)
	@$(MAKE) --no-print-directory trainer RDKIT=1
	zcat $(SMILES) | awk 'NR == 1 || NR % $(SHARE) == 0' > $(BUILD)/drugs.tsv
	$(BUILD)/symdiff run drugs --out $(BUILD)/drugs --set smiles=$(BUILD)/drugs.tsv $(if $(DEVICE),--set device=$(DEVICE))

# What two rounds by a reward do, in half an hour of two cores.
.PHONY: evaluate-reward
evaluate-reward: trainer ## post-train qm9-base towards plausible molecules without a three-membered ring, or go on with it; writes core/weights/qm9-base.reward.json (DATA=)
	$(BUILD)/symdiff posttrain $(if $(wildcard $(BUILD)/wish/posttrain.json),--resume $(BUILD)/wish,--init core/weights/qm9-base.safetensors \
		--data $(DATA)/qm9_train.xyz.gz$(comma)$(DATA)/qm9_fill_gfn2.xyz.gz@split=train --val $(DATA)/qm9_val.xyz.gz --out $(BUILD)/wish \
		--method task-vector --seed 1 --rounds 2 --reward 'plausible && rings(3) == 0')
	cp $(BUILD)/wish/posttrain.json core/weights/qm9-base.reward.json
	go run ./trainer/tables

# The weights and figures of a finished recipe (OUT=), under the name MODEL among those that are shipped; its card is written by hand.
.PHONY: ship-model
ship-model: ## copy the model of `make model` and its figures to core/weights/MODEL.* (MODEL=name, OUT=)
	$(if $(filter command,$(origin MODEL)),,$(error MODEL=name: no name given))
	@ls $(RECIPE_OUT)/model.safetensors $(RECIPE_OUT)/evaluation.json $(RECIPE_OUT)/refine/posttrain.json > /dev/null
	cp $(RECIPE_OUT)/model.safetensors core/weights/$(MODEL).safetensors
	cp $(RECIPE_OUT)/evaluation.json core/weights/$(MODEL).seeds.json
	cp $(RECIPE_OUT)/posttrain/posttrain.json core/weights/$(MODEL).posttrain.json
	cp $(RECIPE_OUT)/refine/posttrain.json core/weights/$(MODEL).refine.json
	cp $(RECIPE_OUT)/sampler.json core/weights/$(MODEL).sampler.json
	$(MAKE) evaluate-model MODEL=$(MODEL)
	$(MAKE) evaluate-gamma MODEL=$(MODEL)

# How a shipped model (MODEL=qm9-web, qm9-base or a new one) does at several settings, steps:method:t_start, then flags of symdiff
# sample: the table of its card.
MODEL ?= qm9-web
EVALUATION := core/weights/$(MODEL).json
SETTINGS_qm9-base := 40:dpm++2m-sde:600 25:dpm++2m-sde:600 40:dpm++2m-sde:600:--joint \
	1000:ancestral:1000:-n:200 1000:ancestral:1000:-n:200:--joint
SETTINGS_qm9-web := 25:dpm++2m:600 20:dpm++2m:600 15:dpm++2m:600 40:dpm++2m-sde:600 25:dpm++2m-sde:600 \
	25:dpm++2m:600:--joint 40:dpm++2m-sde:600:--joint 100:dpm++2m:1000 50:dpm++2m:1000 \
	100:dpm++2m-sde:1000 50:dpm++2m-sde:1000 100:ddim:1000 250:ancestral:1000 1000:ancestral:1000:-n:200
SETTINGS ?= $(or $(SETTINGS_$(MODEL)),$(SETTINGS_qm9-web))
SAMPLES ?= 1000
evaluate-model: cli ## sample SAMPLES=1000 molecules of MODEL=qm9-web at each of SETTINGS and write core/weights/qm9-web.json
	$(if $(wildcard core/weights/$(MODEL).safetensors),,$(error MODEL=$(MODEL): no core/weights/$(MODEL).safetensors))
	@mkdir -p $(BUILD)/evaluation && rm -f $(BUILD)/evaluation/*.json
	i=0; for setting in $(SETTINGS); do i=$$((i + 1)); set -- $$(echo $$setting | tr : ' '); $(BUILD)/symdiff sample --model core/weights/$(MODEL).safetensors \
		-n $(SAMPLES) --seed 1 --steps $$1 --method $$2 --t-start $$3 $$4 $$5 $$6 $$7 --json --out $(BUILD)/evaluation/$$i.xyz > $(BUILD)/evaluation/$$i.json || exit 1; done
	@{ printf '['; sep=; for f in $$(ls -v $(BUILD)/evaluation/*.json); do printf '%s\n' "$$sep"; cat $$f; sep=,; done; echo ']'; } > $(BUILD)/evaluation/all && cp $(BUILD)/evaluation/all $(EVALUATION)

# The card's table: three seeds of MODEL, the test molecules themselves, and the floor, training molecules in their place.
SEEDS := $(foreach seed,1 2 3,$(BUILD)/evaluation/$(MODEL)-$(seed).xyz)
evaluate-seeds: cli ## sample COUNT_SEEDS=10000 molecules of MODEL for three seeds; writes core/weights/MODEL.seeds.json (wants DATA)
	@mkdir -p $(BUILD)/evaluation
	for seed in 1 2 3; do $(BUILD)/symdiff sample --model core/weights/$(MODEL).safetensors -n $(or $(COUNT_SEEDS),10000) --seed $$seed \
		-o $(BUILD)/evaluation/$(MODEL)-$$seed.xyz || exit 1; done
	$(BUILD)/symdiff sample --model core/weights/$(MODEL).safetensors -n $(or $(COUNT_SEEDS),10000) --seed 1 --formula learned \
		-o $(BUILD)/evaluation/$(MODEL)-learned.xyz
	$(BUILD)/symdiff compare "$(MODEL)=$(subst $(space),$(comma),$(SEEDS))" "$(MODEL), formula learned=$(BUILD)/evaluation/$(MODEL)-learned.xyz" "QM9, test molecules=$(DATA)/qm9_test.xyz.gz" \
		"training molecules (floor)=$(DATA)/qm9_train.xyz.gz" --train $(DATA)/qm9_train.xyz.gz --reference $(DATA)/qm9_test.xyz.gz \
		--json > $(BUILD)/evaluation/seeds.json && cp $(BUILD)/evaluation/seeds.json core/weights/$(MODEL).seeds.json
	go run ./trainer/tables

# A share of GEOM-Drugs' molecules, one in EVERY=15 (20,000 of 304,348): structures by ETKDGv3 and MMFF94s, their bonds from distances.
EVERY ?= 15
SMILES ?= $(DATA)/geomdrugs_smiles.tsv.gz
.PHONY: compare-bonds
compare-bonds: deps-rdkit ## bonds from distances against the SMILES of one in EVERY=15 of GEOM-Drugs' molecules, beside Open Babel; writes trainer/evaluation/bonds.json (DATA=, SMILES=; takes half an hour)
	@$(MAKE) --no-print-directory cli RDKIT=1
	zcat $(SMILES) | awk 'NR == 1 || NR % $(EVERY) == 2' > $(BUILD)/bonds.tsv
	$(BUILD)/symdiff data bonds $(BUILD)/bonds.tsv --openbabel --json $(BOND_ARGS) > $(BUILD)/bonds.json && cp $(BUILD)/bonds.json trainer/evaluation/bonds.json
	go run ./trainer/tables

# BASES=25 stable molecules of the model, each remade EACH=8 times around each kind of part, as the page does it, or as FLAGS= have it.
evaluate-keep: cli $(BUILD)/npm.stamp ## how often molecules come out well around fragments; writes core/weights/qm9-web.keep.json
	node site/measure-keep.js $(WEIGHTS) $(WEIGHTS:.safetensors=.keep.json)

evaluate-branches: cli ## how many of 50 molecules keep their bonds when they branch at a step; writes core/weights/qm9-web.branches.json
	node site/measure-branches.js $(WEIGHTS) $(WEIGHTS:.safetensors=.branches.json)

# Without symbols, and without inlining in packages where no step spends time in small functions: 5 % smaller, the same bits.
WASM_FLAGS := -ldflags='-s -w' $(patsubst %,-gcflags=%=-l,runtime syscall/... slices strconv strings sync unicode/utf8 $(addprefix $(MODULE)/,core/molecule core/internal/header core/internal/json core/internal/matching core/model core/safetensors core/schedule core/sampler core/checkpoint core/egnn core/geoldm core/encoding core/budget core/symmetrise wasm wasm/internal/session))

wasm: $(BUILD)/wasm/symdiff.wasm ## build the WebAssembly modules (SIMD and plain)
$(BUILD)/wasm/symdiff.wasm: $(CORE_SOURCES)
	@mkdir -p $(BUILD)/wasm
	GOOS=js GOARCH=wasm go build $(WASM_FLAGS) -o $(BUILD)/wasm/symdiff.wasm ./wasm
	GOEXPERIMENT= GOOS=js GOARCH=wasm go build $(WASM_FLAGS) -o $(BUILD)/wasm/symdiff-plain.wasm ./wasm

npm: $(BUILD)/package.stamp ## build the npm package symdiff-mol into build/npm and check it (publint, arethetypeswrong)
$(BUILD)/package.stamp: $(CORE_SOURCES) $(BUILD)/npm.stamp $(SITE_SOURCES) $(wildcard wasm/npm/*) $(WEIGHTS)
	@mkdir -p $(BUILD)/package
	GOOS=js GOARCH=wasm go build -tags files $(WASM_FLAGS) -o $(BUILD)/package/symdiff.wasm ./wasm
	GOEXPERIMENT= GOOS=js GOARCH=wasm go build -tags files $(WASM_FLAGS) -o $(BUILD)/package/symdiff-plain.wasm ./wasm
	$(NPM) run --silent build:viewer
	node wasm/npm/build.js
	$(NPM) run --silent check:package
	@touch $@

site: $(BUILD)/site.stamp ## build the page into build/site
$(BUILD)/site.stamp: $(BUILD)/wasm/symdiff.wasm $(BUILD)/intro.bin $(BUILD)/npm.stamp $(SITE_SOURCES) $(wildcard core/weights/*.safetensors core/weights/*.json core/weights/*.md)
	$(NPM) run --silent build
	@cp trainer/notice/NOTICE $(BUILD)/site/NOTICE.txt
	@touch $@
$(BUILD)/intro.bin: $(BUILD)/wasm/symdiff.wasm $(BUILD)/npm.stamp $(wildcard core/weights/*.safetensors) site/intro.js
	$(NPM) run --silent typescript
	node site/intro.js
$(BUILD)/npm.stamp: site/package-lock.json
	@mkdir -p $(BUILD)
	$(NPM) ci --no-audit --no-fund
	@touch $@

test: check test-core test-wasm test-cli test-rdkit test-torch test-mpi test-site ## everything: Go, WASM in Node, RDKit, libtorch, Chromium

REFERENCE ?= core/model/testdata core/egnn/testdata core/geoldm/testdata
PARITY_TORCH := $(wildcard $(BUILD)/go.work)
.PHONY: parity
parity: ## run stored calls of the published implementations, NAME.weights and NAME.io in REFERENCE=folders, through core, and libtorch where it is built
	$(if $(PARITY_TORCH),$(TORCH_ENV)) go run $(if $(PARITY_TORCH),-tags torch) ./trainer/parity $(REFERENCE)

test-core: ## core natively: SIMD and its source, plain portable Go, and each benchmark once
	go test ./core/...
	go test -run '^$$' -bench . -benchtime 1x ./core/... > /dev/null
	go test -tags vectorsource -run 'Conform|Definition' ./core/f32
	GOEXPERIMENT= go test ./core/...

test-wasm: ## the same core tests as WebAssembly in Node: SIMD and plain
	GOOS=js GOARCH=wasm go test -exec="$$(go env GOROOT)/lib/wasm/go_js_wasm_exec" ./core/...
	GOEXPERIMENT= GOOS=js GOARCH=wasm go test -exec="$$(go env GOROOT)/lib/wasm/go_js_wasm_exec" ./core/f32 ./core/model ./core/sampler

test-cli: ## the CLI and the static server
	go test ./trainer/... ./site/... ./wasm/...

test-rdkit: deps-rdkit ## what RDKit judges, against the closed forms
	go test -tags rdkit ./trainer/rdkit ./trainer/evaluation ./trainer/source ./trainer/dataset
	go test -tags rdkit -run 'SMILES|Alike' ./trainer/cli
	go test -tags rdkit -run Reward ./trainer/train

test-torch: lint-trainer deps-python deps-rdkit ## training against libtorch, and every command of trainer/README.md
	$(TORCH_ENV) go test -tags torch ./trainer/...
	$(TORCH_ENV) go test -tags torch,rdkit -run README ./trainer/cli

.PHONY: trainer-mpi test-mpi deps-mpi
trainer-mpi: trainer deps-mpi ## build build/symdiff-mpi, which trains in several processes: mpirun -n 2 build/symdiff-mpi train ...
	$(TORCH_ENV) go build -ldflags='$(STAMP)' -tags torch,mpi -o $(BUILD)/symdiff-mpi ./trainer/cmd/symdiff

test-mpi: trainer deps-mpi ## two processes train as one with the double batch
	$(TORCH_ENV) go test -tags torch,mpi -run 'MPI|TwoProcesses' ./trainer/train

deps-mpi:
	$(call install,$(MPI_PACKAGES))

# Peers of equal size, trained for the same time by one recipe, in turn, sampled alike. The state is kept in PEERS, and a second start
# goes on from there.
PEERS ?= ../peers
SIZES ?= 1M 4M 12M
MODELS ?= symdiff symdiff-h dit-aug egnn geoldm geoldm-symdiff
LIMITS ?= 0
MINUTES ?= 60
ROUNDS ?= 6
PEER_SAMPLES ?= 2000
PEER_DEVICE ?= cpu
PEER_DATA ?= -data $(DATA)/qm9_train.xyz.gz -val $(DATA)/qm9_val.xyz.gz
.PHONY: compare-peers
compare-peers: trainer ## MODELS of SIZES on LIMITS molecules (0: all), MINUTES=60 each: trainer/peers/peers.json and its tables
	@mkdir -p $(BUILD)/peers
	go build -o $(BUILD)/peers/call ./trainer/peers/call
	GOOS=js GOARCH=wasm go build -o $(BUILD)/peers/call.wasm ./trainer/peers/call
	go run ./trainer/peers -symdiff $(BUILD)/symdiff -call $(BUILD)/peers/call -wasm $(BUILD)/peers/call.wasm \
		-wasm-exec "$$(go env GOROOT)/lib/wasm/go_js_wasm_exec" -state $(PEERS) -sizes "$(SIZES)" -models "$(MODELS)" -limits "$(LIMITS)" \
		-minutes $(MINUTES) -rounds $(ROUNDS) -samples $(PEER_SAMPLES) -device $(PEER_DEVICE) $(PEER_DATA) $(PEER_ARGS)
	$(MAKE) tables

.PHONY: compare-gamma
compare-gamma: ## compare-peers of SymDiff's choices of gamma: published f, head of moments, frame with f and without, Haar, DiT-Aug
	$(MAKE) compare-peers MODELS="symdiff symdiff-moments symdiff-frame frame symdiff-h dit-aug"

.PHONY: bench-train
bench-train: trainer deps-python ## one step of training against PyTorch, in turn, at web and paper size (BENCH_ARGS='-threads 1 -sizes web')
	@$(TORCH_ENV) go build -tags torch -o $(BUILD)/bench-train ./trainer/bench
	@$(BUILD)/bench-train $(BENCH_ARGS)

.PHONY: soak-train
SOAKTIME ?= 30m
soak-train: trainer ## kill and resume training at random moments for SOAKTIME=30m, and compare the bits of the end
	SYMDIFF_SOAK=$(SOAKTIME) $(TORCH_ENV) go test -tags torch -count 1 -timeout 0 -v -run Killed ./trainer/train

test-site: check-scripts deps-browser cli site npm budget $(BUILD)/dist.stamp ## the typed API in Node, the page in Chromium, and the page inside the command
	go vet -tags site ./site ./trainer/...
	go test -tags site -run Serve ./site ./trainer/cli
	$(NPM) run --silent test:unit
	$(NPM) run --silent test:e2e

BUNDLERS := $(BUILD)/bundlers
BENCH := $(BUILD)/bench
.PHONY: test-bundlers
test-bundlers: deps-browser npm $(BUNDLERS)/npm.stamp ## the npm package in Parcel, Rollup, Vite 5 to 7, Next, Bun, Deno and the oldest Node (downloads 350 MB)
	node --test --test-timeout=1800000 site/test/bundlers/*.test.js
$(BUNDLERS)/npm.stamp: site/test/bundlers/package-lock.json
	@mkdir -p $(BUNDLERS) && cp site/test/bundlers/package.json $< $(BUNDLERS)/
	npm --prefix $(BUNDLERS) ci --ignore-scripts --no-audit --no-fund
	npm --prefix $(BUNDLERS) rebuild bun
	@touch $@

budget: site ## what a visit downloads, compressed; fails when the page or the WASM is too large
	@node site/budget.js

.PHONY: site-timings soak soak-page
site-timings: deps-browser site npm $(BENCH)/npm.stamp ## what a visitor waits for in Chromium, and the package beside onnxruntime-web (ROUNDS=5, TIMINGS=site/timings.json)
	go build -o $(BENCH)/bench ./wasm/bench
	$(BENCH)/bench weights > $(BENCH)/dit.safetensors
	node site/timings.js $(TIMINGS)

soak: soak-page soak-train ## both soaks: the memory of the page, and training that is killed again and again

soak-page: deps-browser site ## generate MOLECULES=2000 in the page and watch the memory of tab and workers (FAST=1: by a network of one block)
	node site/soak.js

# Archives that two clones of one commit make alike, byte for byte: files in one order, with the commit's time and no owner.
RELEASE := $(BUILD)/release
PLATFORMS ?= linux/amd64 linux/arm64 darwin/amd64 darwin/arm64 windows/amd64 windows/arm64
.PHONY: notice
notice: $(BUILD)/npm.stamp ## write NOTICE: the licences of all that the programs, the site and the npm package contain
	go run ./trainer/notice/gen

.PHONY: release
release: site npm $(BUILD)/dist.stamp ## archives of the command, the site and the package, with SHA256SUMS, in build/release
	$(call install,$(RELEASE_PACKAGES))
	@rm -rf $(RELEASE) && mkdir -p $(RELEASE)/stage
	@set -e; for platform in $(PLATFORMS); do os=$${platform%/*}; name=symdiff-$(VERSION)-$$os-$${platform#*/}; \
		exe=symdiff; [ $$os != windows ] || exe=symdiff.exe; dir=$(RELEASE)/stage/$$name; mkdir -p $$dir; echo "$$name"; \
		GOOS=$$os GOARCH=$${platform#*/} CGO_ENABLED=0 go build -tags site -ldflags='-s -w -buildid= $(STAMP)' -o $$dir/$$exe ./trainer/cmd/symdiff; \
		cp README.md LICENSE trainer/notice/NOTICE $(wildcard core/CHANGELOG.md) $$dir/; done
	@cp -r $(BUILD)/site $(RELEASE)/stage/symdiff-$(VERSION)-site
	@find $(RELEASE)/stage -exec touch -h -d @$(EPOCH) {} +
	@set -e; cd $(RELEASE)/stage; for name in *; do case $$name in \
		*-windows-* | *-site) find $$name -type f | LC_ALL=C sort | TZ=UTC zip -qX ../$$name.zip -@;; \
		*) tar --sort=name --mtime=@$(EPOCH) --owner=0 --group=0 --numeric-owner --mode=go=rX,u+rw -cf - $$name | gzip -n9 > ../$$name.tar.gz;; esac; done
	@npm pack --silent --pack-destination $(RELEASE) ./$(BUILD)/npm > /dev/null
	@rm -r $(RELEASE)/stage && cd $(RELEASE) && sha256sum * > SHA256SUMS && cat SHA256SUMS

bench: bench-go bench-peers ## benchmarks of the core: kernels, steps, and calls against onnxruntime natively, in Node and in Chromium

bench-go: ## kernels and sampling steps, natively and as WebAssembly in Node (for benchstat: COUNT=10)
	go test -run '^$$' -bench . -benchtime 200ms -count $(COUNT) ./core/f32 ./core/sampler
	GOOS=js GOARCH=wasm go test -exec="$$(go env GOROOT)/lib/wasm/go_js_wasm_exec" -run '^$$' -bench . -benchtime 200ms -count $(COUNT) ./core/f32 ./core/sampler

FUZZTIME ?= 30s
fuzz: ## fuzz every reader and the kernels, FUZZTIME=30s each; make test runs their seeds
	@for file in $$(grep -rl '^func Fuzz' core trainer --include=*_test.go); do for target in $$(sed -n 's/^func \(Fuzz[A-Za-z0-9]*\).*/\1/p' $$file); do \
		echo "$$file $$target"; go test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) ./$$(dirname $$file) || exit 1; done; done

BENCH_ATOMS ?= 60,100
bench-peers: deps-browser $(BENCH)/npm.stamp ## core against onnxruntime, in turn, in one run, with molecules of BENCH_ATOMS=60,100 too (BENCH_ARGS='--json wasm/bench/bench.json')
	@mkdir -p $(BENCH)
	go build -o $(BENCH)/bench ./wasm/bench
	GOOS=js GOARCH=wasm go build -ldflags='-s -w' -o $(BENCH)/bench.wasm ./wasm/bench
	$(BENCH)/bench weights > $(BENCH)/dit.safetensors
	cp "$$(go env GOROOT)/lib/wasm/wasm_exec.js" $(BENCH)/wasm_exec.cjs
	node wasm/bench/bench.js --atoms "$(BENCH_ATOMS)" $(BENCH_ARGS)
$(BENCH)/npm.stamp: wasm/bench/package-lock.json
	@mkdir -p $(BENCH)
	npm --prefix wasm/bench ci --ignore-scripts --no-audit --no-fund
	@touch $@

.PHONY: tables check-tables check-format check-imports check-platforms check-bits check-width lint lint-trainer vulnerabilities
check: check-format check-width check-tables check-imports check-platforms check-bits lint vulnerabilities ## the rules: format, width, imports, platforms, bits, linter

# The scripts of the pages and of the package.
PRETTIER := site/node_modules/.bin/prettier --print-width 100 --log-level warn
SCRIPTS := git ls-files -co --exclude-standard '*.ts' '*.js' '*.css'
.PHONY: format check-scripts
format: $(BUILD)/npm.stamp ## format the Go code, the scripts and the style sheets
	gofmt -w core trainer wasm site/*.go site/serve
	$(PRETTIER) --write $$($(SCRIPTS))

check-scripts: $(BUILD)/npm.stamp
	@$(PRETTIER) --check $$($(SCRIPTS)) || { echo "not formatted: run make format"; exit 1; }

check-format:
	@bad=$$(gofmt -l core trainer wasm site/*.go site/serve); test -z "$$bad" || { echo "$$bad"; echo "not formatted: run gofmt -w"; exit 1; }
	go vet ./core/... ./trainer/... ./site ./site/serve ./wasm/...
	GOOS=js GOARCH=wasm go vet ./core/... ./wasm/...
	go vet -tags vectorsource ./core/f32
	go vet -tags vectorsource,vector512 ./core/f32
	GOOS=js GOARCH=wasm go vet -tags vectorsource ./core/f32

evaluate-nll: cli ## bound the NLL of QM9's test molecules under MODEL; writes core/weights/MODEL.nll.json (wants DATA)
	@mkdir -p $(BUILD)/evaluation
	$(BUILD)/symdiff nll --model core/weights/$(MODEL).safetensors --data $(DATA)/qm9_test.xyz.gz --samples 5 \
		--json > $(BUILD)/evaluation/nll.json && cp $(BUILD)/evaluation/nll.json core/weights/$(MODEL).nll.json
	go run ./trainer/tables

evaluate-gamma: cli ## the input variance of a learned gamma of MODEL; writes core/weights/MODEL.gamma.json (wants DATA)
	@mkdir -p $(BUILD)/evaluation
	$(BUILD)/symdiff analyse gamma --model core/weights/$(MODEL).safetensors --data $(DATA)/qm9_val.xyz.gz --times 0.1,0.5,0.9 \
		--gamma learned,haar --json > $(BUILD)/evaluation/gamma.json && cp $(BUILD)/evaluation/gamma.json core/weights/$(MODEL).gamma.json
	go run ./trainer/tables

tables: ## write every table of figures in Markdown anew from the JSON that commands wrote
	go run ./trainer/tables
check-tables:
	go run ./trainer/tables -check

# Hand-written Go and Markdown, but for lines of raw strings; code that a program wrote says so in its first line.
WIDTH := 120
check-width:
	@bad=$$(git ls-files -co --exclude-standard '*.go' '*.md' | while read -r f; do head -n 1 "$$f" | grep -q '^// Code generated' || \
		LC_ALL=C.UTF-8 grep -nHE '^.{$(WIDTH)}.' "$$f" | grep -v '`' | cut -c 1-100; done); \
	test -z "$$bad" || { echo "$$bad"; echo "lines wider than $(WIDTH) columns"; exit 1; }

# core runs in a page: it is pure Go, and imports neither fmt nor encoding/json, which would double the size of the WebAssembly module
# (core/internal/json reads and writes what it needs).
check-imports:
	@bad=$$(go list -f '{{if ne .Name "main"}}{{$$p := .ImportPath}}{{if .CgoFiles}}{{$$p}} uses cgo{{"\n"}}{{end}}{{range .Imports}}{{.}} {{$$p}}{{"\n"}}{{end}}{{end}}' \
		./core/... | grep -E 'uses cgo|^(C|fmt|encoding/json|syscall/js|$(MODULE)/(trainer|wasm|site)[^ ]*) ' || true); \
	test -z "$$bad" || { echo "core must not import: $$bad"; exit 1; }
	@bad=$$(go list -deps ./core/... | grep -E '^$(MODULE)/(trainer|wasm|site)' || true); test -z "$$bad" || { echo "core depends on $$bad"; exit 1; }
	@bad=$$(go list -deps ./trainer/... | grep -E '^$(MODULE)/(wasm|site)' ; GOOS=js GOARCH=wasm go list -deps ./wasm | grep -E '^$(MODULE)/(trainer|site)'); \
	test -z "$$bad" || { echo "trainer and wasm must not import each other: $$bad"; exit 1; }

check-platforms:
	@for platform in linux/amd64 linux/arm64 darwin/arm64 windows/amd64 js/wasm; do for experiment in simd none; do \
		GOOS=$${platform%/*} GOARCH=$${platform#*/} GOEXPERIMENT=$${experiment#none} CGO_ENABLED=0 go build ./core/... \
			|| { echo "core does not build for $$platform, GOEXPERIMENT=$$experiment"; exit 1; }; done; done

# What decides the bits of a sample besides the kernels, which have their own tests. Two files of these packages only measure.
UNFUSED := $(addprefix ./core/,rng schedule o3 dit encoding model egnn geoldm symmetrise sampler)
check-bits:
	@bad=$$(GOARCH=arm64 CGO_ENABLED=0 go build -gcflags=-S $(UNFUSED) 2>&1 | grep -oE '\(.*[[:space:]]FN?M(ADD|SUB)[SD].*' \
		| grep -vE '/(moments|equivariance)\.go:' || true); \
	test -z "$$bad" || { echo "a product and its sum are fused on arm64, so the bits are its own (write float64(a*b)): $$bad"; exit 1; }

# A maintained linter. What only the trainer's tagged files use counts as unused without them: lint-trainer looks with them.
STATICCHECK := $(BUILD)/bin/staticcheck
$(STATICCHECK):
	GOBIN=$(CURDIR)/$(BUILD)/bin go install honnef.co/go/tools/cmd/staticcheck@v0.8.2
lint: $(STATICCHECK)
	$(STATICCHECK) ./core/... ./site ./site/serve
	GOOS=js GOARCH=wasm $(STATICCHECK) $$(GOOS=js GOARCH=wasm go list ./wasm/... | grep -v /bench)
	$(STATICCHECK) -checks inherit,-U1000 ./trainer/...
lint-trainer: trainer $(STATICCHECK)
	$(TORCH_ENV) $(STATICCHECK) -tags torch ./trainer/...

# Known vulnerabilities of what we import, where their list can be fetched.
vulnerabilities:
	@out=$$(go run golang.org/x/vuln/cmd/govulncheck@v1.9.0 ./trainer/cmd/symdiff ./site/serve 2>&1) || { \
		case "$$out" in *"fetching vulnerabilities"*) echo "govulncheck: skipped, its list cannot be fetched here";; *) echo "$$out"; exit 1;; esac; }

# Missing system packages are installed by apt where that is possible, and
# named otherwise.
define install
@missing=""; for p in $(1); do dpkg-query -W -f '$${Status}' $$p 2>/dev/null | grep -q 'install ok' || missing="$$missing $$p"; done; \
if [ -n "$$missing" ]; then \
	if [ "$$(id -u)" = 0 ]; then root=""; elif sudo -n true 2>/dev/null; then root="sudo"; \
	else echo "These system packages are missing; install them with"; echo "  sudo apt-get install$$missing"; exit 1; fi; \
	echo "installing$$missing"; $$root apt-get update -qq && DEBIAN_FRONTEND=noninteractive $$root apt-get install -y -qq $$missing >/dev/null; \
fi
endef

deps: deps-torch deps-python deps-browser deps-rdkit $(BUILD)/npm.stamp ## install what is missing: libtorch, Chromium, RDKit, npm and Go modules
	go mod download

deps-torch:
	$(call install,$(TORCH_PACKAGES))

.PHONY: deps-python
deps-python:
	$(call install,$(PYTHON_PACKAGES))

deps-rdkit:
	$(call install,$(RDKIT_PACKAGES))

.PHONY: deps-xtb
deps-xtb: ## install xtb, for data prepare --xtb and evaluate --xtb
	$(call install,$(XTB_PACKAGES))

deps-browser:
	$(call install,$(BROWSER_PACKAGES))

clean: ## remove everything that was built
	rm -rf $(BUILD) site/dist site/node_modules
