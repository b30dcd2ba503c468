# Two commands: `make run` and `make test`. Both set up what they need first; nothing else is to be done by hand.
.DEFAULT_GOAL := help
PYTHON := .venv/bin/python
export PYTHONDONTWRITEBYTECODE := 1
# Each core takes half of the files and then what the other has not come to: what a file sets up is set up once.
CORES := -n 2 --dist worksteal

.PHONY: help run test quick soak faults simulate lint check stacks bench lock translations assets clean

help: ## Say what can be made
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

.venv/ready: requirements-dev.lock scripts/setup.sh
	@bash scripts/setup.sh

run: .venv/ready ## Serve the provider and three demo services on this machine
	@$(PYTHON) scripts/run.py

test: .venv/ready ## Check everything: linters, types, and the whole suite with real Redis, PostgreSQL and Chromium
	@bash scripts/setup.sh browser
	@$(PYTHON) -m ruff check .
	@$(PYTHON) -m ruff format --check .
	@$(PYTHON) -m mypy
	@$(PYTHON) -m pytest $(CORES) $(PYTEST)

quick: .venv/ready ## Check in a minute what tells most: units, and a journey of each kind on SQLite
	@$(PYTHON) -m ruff check -q .
	@$(PYTHON) -m pytest $(CORES) -q --quick --durations=5 $(PYTEST)

soak: .venv/ready ## Run the suite TIMES times in random order, or ONLY=browser, races or clock, to find what fails by chance
	@bash scripts/setup.sh browser
	@$(PYTHON) scripts/soak.py $(TIMES) $(ONLY) -- $(PYTEST)

stacks: ## Compile the programs of examples/stacks in Go and Java, so that the tests sign in with them too
	@bash scripts/setup.sh stacks

faults: .venv/ready ## Let stores hang, restart providers behind nginx under load, kill workers in journeys; says how long each took (minutes)
	@$(PYTHON) -m pytest -n 0 -q --faults --durations=0 --durations-min=1 tests/faults $(PYTEST)

simulate: .venv/ready ## Play histories of people, thieves and faults, SEEDS of them or until Ctrl-C; SEED=n repeats one
	@$(PYTHON) -m tests.simulation $(if $(SEED),--seed $(SEED)) $(if $(SEEDS),--seeds $(SEEDS)) $(SIMULATE)

lint: .venv/ready ## Linters, formatting and types only
	@$(PYTHON) -m ruff check .
	@$(PYTHON) -m ruff format --check .
	@$(PYTHON) -m mypy

bench: .venv/ready ## Time the six workloads (bench/README.md)
	@bash scripts/setup.sh bench
	@$(PYTHON) bench/run.py bench/target.json $(BENCH)

lock: ## Pin and hash the requirements anew (needs uv)
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate pyproject.toml -o requirements.lock
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate pyproject.toml --extra dev -o requirements-dev.lock
	@sed -n '/^setuptools==/,/[^\\]$$/p' requirements-dev.lock > requirements-build.lock

translations: .venv/ready ## Extract, update and compile the English texts
	@$(PYTHON) scripts/translations.py

assets: .venv/ready ## Give stylesheet and script their hashed names
	@$(PYTHON) scripts/build_assets.py

clean: ## Remove the virtual environment and everything that running has made
	@if [ -S var/redis/redis.sock ]; then redis-cli -s var/redis/redis.sock shutdown 2>/dev/null || true; fi
	rm -rf .venv var build *.egg-info bench/local
