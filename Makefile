# Everything that people and CI do, as targets. `make help` lists them.
# product-load: benches/peers/load.sh {in} {out} {q}
# product-dq: benches/peers/dq.sh {in}

CARGO ?= cargo
LAKE ?= quotelake-data
SQL ?= select symbol, provider, adjustment, count(*) as bars, max(close) as highest_close from daily_bars_preferred group by symbol, provider, adjustment order by symbol
PROFILE_FLAGS ?= --release
# PROGRAM=one that is built: then no target here builds another.
QUOTELAKE = $(if $(PROGRAM),$(PROGRAM),$(CARGO) run --quiet $(PROFILE_FLAGS) --package quotelake --)

# The program with the SQL engine.
FULL_FLAGS = --config .cargo/full.toml --package quotelake --features sql

# All that can be switched on: the adapters of AWS and the SQL engine. CI builds everything once, with these: FEATURES=all.
ALL_FEATURES = quotelake/aws,quotelake/sql,quotelake-check/aws,quotelake-fetch/aws,quotelake-ingest/aws,quotelake-publish/aws,quotelake-refine/aws
FEATURE_FLAGS = $(if $(filter all,$(FEATURES)),--features $(ALL_FEATURES))
# A test runner that runs the tests of all crates at once, where it is installed (scripts/ci-tools).
NEXTEST := $(shell cargo nextest --version >/dev/null 2>&1 && echo yes)
# For targets that any build of the program is good for: PROGRAM=target/debug/quotelake.
ANY_QUOTELAKE = $(if $(PROGRAM),$(PROGRAM),$(CARGO) run --quiet --package quotelake --)

.DEFAULT_GOAL := help
.PHONY: help demo test test-sql test-trino test-engines full check fmt lint doc docs docs-check unused snapshots-check advisories generate generate-check deny query report bench bench-quick instructions instructions-write load-bench migrate-bench samples samples-check dq-bench calendars-check tf-check deploy destroy leftovers notebook-check e2e-aws prove-aws infra-docs dashboards checkov datacontract-check guides-check build cli-aws emulators function-bench clean

help: ## List the targets
	@awk -F':.*## ' '/^[a-z0-9-]+:.*## /{printf "  %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: ## Carry real prices from recorded vendor pages to tables and a report (LAKE=folder)
ifeq ($(PROGRAM),)
	$(CARGO) build $(PROFILE_FLAGS) --package quotelake
endif
	@$(QUOTELAKE) demo --lake $(LAKE)

test: ## Run every test; FEATURES=all also those of the SQL engine, and builds it
ifeq ($(NEXTEST),yes)
	$(CARGO) nextest run --workspace $(FEATURE_FLAGS)
	$(CARGO) test --workspace --doc --no-fail-fast $(FEATURE_FLAGS)
else
	$(CARGO) test --workspace --no-fail-fast $(FEATURE_FLAGS)
endif

full: ## Build the program with the SQL engine: `query`, and models in SQL
ifeq ($(PROGRAM),)
	$(CARGO) build $(PROFILE_FLAGS) $(FULL_FLAGS)
else
	@$(PROGRAM) --version
endif

test-sql: ## The tests of `quotelake query` and of CustomSql in any SQL; builds the SQL engine
	$(CARGO) test --package quotelake --package dqdl --features quotelake/sql --test all -- query:: sql_engine::

check: fmt docs-check lint doc unused deny snapshots-check generate-check ## What CI runs of the code (FEATURES=all is CI's choice)

fmt: ## Formatting is as rustfmt wants it
	$(CARGO) fmt --all --check

lint: ## No clippy warning, with everything switched on and as somebody new builds it
	$(CARGO) clippy --workspace --all-targets --features $(ALL_FEATURES) -- -D warnings
	$(CARGO) clippy --workspace --all-targets -- -D warnings

doc: ## The documentation of the code builds without a warning
	RUSTDOCFLAGS="-D warnings -A rustdoc::private_intra_doc_links" $(CARGO) doc --workspace --no-deps --document-private-items --features $(ALL_FEATURES)

docs: ## The site of the documents in target/docs/site, with its links checked (DRAW=1: Chromium has to draw every diagram)
	scripts/docs-site.py $(TARGET)/docs $(if $(DRAW),--draw)

docs-check: ## Links, anchors, paths and names in documents are true; the table of crates too
	scripts/docs-check.py --self-test
	scripts/docs-check.py

unused: ## No dependency is declared that no code names (needs cargo-shear, see scripts/ci-tools)
	$(CARGO) shear

print-features:
	@echo $(FEATURE_FLAGS)

snapshots-check: ## Run every test, and name snapshots that no test reads
	scripts/snapshots-check $(MAKE) test FEATURES=$(FEATURES)

generate: ## Write Glue columns, data dictionary and reference from contracts and code
	$(ANY_QUOTELAKE) generate

generate-check: ## Generated files are current (PROGRAM=one that is built)
	$(ANY_QUOTELAKE) generate --check

deny: ## Licences, bans and sources of the dependencies (needs cargo-deny, see scripts/ci-tools)
	$(CARGO) deny check licenses bans sources

advisories: ## No dependency has a known fault (fetches the RustSec database)
	$(CARGO) deny check advisories

query: ## Ask the published tables in SQL; builds the SQL engine first (LAKE=folder SQL="...")
	@$(if $(PROGRAM),$(PROGRAM),$(CARGO) run --quiet $(PROFILE_FLAGS) $(FULL_FLAGS) --) query --lake $(LAKE) "$(SQL)"

report: ## Write the report of a lake (LAKE=folder)
	@$(QUOTELAKE) report --lake $(LAKE) --out $(LAKE)/report.html

PEERS ?= ../shared/peers
TARGET = $(if $(CARGO_TARGET_DIR),$(CARGO_TARGET_DIR),target)

bench: load-bench ## The product beside DuckDB, chDB, Polars, pyarrow and pandas: docs/performance.md (PEERS=folder of the peers)
	QUOTELAKE=$(abspath $(TARGET))/release/quotelake python3 benches/run.py --peers $(PEERS)

bench-quick: load-bench ## The same on 100,000 rows beside DuckDB and chDB; writes nothing
	QUOTELAKE=$(abspath $(TARGET))/release/quotelake python3 benches/run.py --peers $(PEERS) --quick

instructions: load-bench ## Instructions of four fixed jobs under callgrind, beside those kept in benches/instructions.json
	python3 benches/instructions.py $(TARGET)/release/quotelake

instructions-write: load-bench ## Keep the instruction counts of this commit
	python3 benches/instructions.py $(TARGET)/release/quotelake --write

load-bench: ## Build what benches/peers/load.sh runs
	$(CARGO) build --release --package quotelake

samples: ## Make the recorded pages again from the public-domain prices (WIKI=path of the csv.gz)
	python3 samples/polygon/make_samples.py $(WIKI)

samples-check: ## The recorded pages are what the script makes of the prices (WIKI=path of the csv.gz)
	python3 samples/polygon/make_samples.py $(WIKI) --check

migrate-bench: ## Migrate 2 million rows from a PostgreSQL server, killed and resumed once: reconciliation, time, memory (ROWS=n)
	$(CARGO) build --release --package quotelake
	python3 benches/migrate/run.py target/release/quotelake $(ROWS)

dq-bench: ## Precision and recall of the market checks on real bars with defects put in
	$(CARGO) test --quiet --package quotelake-market --test all market:: -- --nocapture

calendars-check: ## The exchange calendars are what the script makes (needs the package that it names)
	python3 crates/market/calendars/make_calendars.py --check

ENV ?= dev

tf-check: ## Infrastructure code: formatting, validation, terraform test, limits of the default profile, policies, dashboards
	scripts/tf-check

deploy: ## Apply an environment to your AWS account (ENV=dev|prod); `make build` first
	AUTO_APPROVE=$(AUTO_APPROVE) scripts/deploy apply $(ENV)

destroy: ## Destroy an environment (ENV=dev|prod)
	AUTO_APPROVE=$(AUTO_APPROVE) scripts/deploy destroy $(ENV)

leftovers: ## List what remains of an environment in the account (ENV=dev|prod)
	scripts/leftovers $(ENV)

e2e-aws: ## The whole stack on an emulator: real zips, own roles, schedule, URL, file drop, SQL, destroy (COUNTS=FILE writes the counted calls)
	scripts/e2e-aws $(if $(COUNTS),--counts $(COUNTS))

prove-aws: ## Make the stack in your AWS account, walk through it, destroy it, write a receipt (EMULATOR=1: on an emulator; YES=1, KEEP=1, DESTROY=1, NAME=prefix)
	scripts/prove-aws $(if $(EMULATOR),--emulator) $(if $(YES),--yes) $(if $(KEEP),--keep) $(if $(DESTROY),--destroy) $(if $(NAME),--name $(NAME))

infra-docs: ## Write the README of every Terraform module
	python3 infra/tests/module_docs.py

dashboards: ## Write the Grafana dashboards (installs Grafana's package of typed objects in a virtual environment)
	$$(scripts/venv dashboards --require-hashes --requirement dashboards/grafana/requirements.txt) dashboards/grafana/make_dashboards.py

# What test_trino.py needs; sqlglot spells Athena's SQL as DuckDB's.
TRINO_TESTS = trino 'moto[glue,s3,server]==5.2.5' boto3 duckdb==2.0.0 pytz sqlglot==30.30.0 trino==0.340.0
VENVS ?= $(if $(XDG_CACHE_HOME),$(XDG_CACHE_HOME),$(HOME)/.cache)/quotelake-venvs

checkov: ## Static security checks of the infrastructure code (installs checkov in a virtual environment)
	test -x $(VENVS)/checkov/bin/checkov || { python3 -m venv $(VENVS)/checkov && $(VENVS)/checkov/bin/pip install --quiet checkov==3.3.30; }
	$(VENVS)/checkov/bin/checkov --config-file infra/.checkov.yaml

test-trino: ## Ask Trino, Athena's engine, about lakes of every shape in an emulator's S3 and Glue (LAKES="other folders"; Maven, a JDK of 24 or newer, terraform)
	scripts/trino.sh install
ifeq ($(PROGRAM),)
	$(CARGO) build --package quotelake
endif
	$$(scripts/venv $(TRINO_TESTS)) infra/tests/test_trino.py $(if $(PROGRAM),$(PROGRAM),$(TARGET)/debug/quotelake) $(LAKES)

# What test_engines.py needs.
ENGINES_TESTS = engines duckdb==2.0.0 pytz trino==0.340.0 pysail==0.7.2 pyspark-client==4.2.0

test-engines: ## Ask DataFusion, DuckDB, Trino and Sail for every model in SQL, and hold the list of what is not portable against them (Maven, a JDK of 24 or newer)
	scripts/trino.sh install
ifeq ($(PROGRAM),)
	$(CARGO) build --package quotelake --features sql
endif
	$$(scripts/venv $(ENGINES_TESTS)) scripts/engines/test_engines.py $(if $(PROGRAM),$(PROGRAM),$(TARGET)/debug/quotelake)

datacontract-check: ## Contracts and a lake's Parquet in another tool of the standard (LAKE=folder; PROGRAM=one that is built)
	scripts/datacontract-check "$(ANY_QUOTELAKE)" $(LAKE)

guides-check: ## Run what README, guides, concepts and runbooks show, and hold what is printed (PROGRAM=one with the SQL engine; WRITE=1, PAGES="...")
	scripts/guides-check.py --self-test
ifeq ($(PROGRAM),)
	$(CARGO) build --package quotelake --features sql,aws
endif
	scripts/guides-check.py $(if $(WRITE),--write) $(if $(PROGRAM),$(PROGRAM),$(TARGET)/debug/quotelake) $(PAGES)

notebook-check: ## Run the sample notebook on lakes of every shape, or on yours (PROGRAM=one that is built, or LAKE=folder; installs Jupyter in a virtual environment)
ifeq ($(origin LAKE),command line)
	$$(scripts/venv notebook --requirement samples/notebooks/requirements.txt) scripts/notebook-check --lake $(LAKE)
else
ifeq ($(PROGRAM),)
	$(CARGO) build --package quotelake
endif
	$$(scripts/venv notebook --requirement samples/notebooks/requirements.txt) scripts/notebook-check $(if $(PROGRAM),$(PROGRAM),$(TARGET)/debug/quotelake)
endif

build: ## Zips of the functions for Lambda, with their sizes; brings cargo-lambda where it is missing (ARCH="arm64 x86_64")
	scripts/build-functions.sh $(ARCH)

cli-aws: ## Build the command line with the adapters of AWS (`quotelake dlq --sqs URL`)
	$(CARGO) build $(PROFILE_FLAGS) --package quotelake --features aws

emulators: ## Make the Python environments of the AWS emulators that tests run against
	scripts/emulators.sh

function-bench: ## Time to the first poll and idle memory of the x86_64 zips (make build ARCH=x86_64 first)
	scripts/function-bench.sh

clean: ## Remove what was built
	$(CARGO) clean
