# Two commands matter: `make demo` draws, `make test` proves. Both make their own virtual environment.
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin

.PHONY: demo test check dist lock reference chart-schema chart-policies image-test cluster-test clean help

help:
	@sed -n 's/^\([a-z-]*\):.*## /make \1  - /p' $(MAKEFILE_LIST)

demo: $(VENV)/.ready ## run the four example pipelines offline and print the pictures' paths
	@$(BIN)/python examples/demo.py

test: $(VENV)/.ready ## format, lint, types, import floors, tests with coverage
	@PATH="$(CURDIR)/$(BIN):$$PATH" sh tests/run.sh

dist: $(VENV)/.ready ## wheel, sdist, licence list and SBOM under dist/
	@PATH="$(CURDIR)/$(BIN):$$PATH" sh tests/packaging/dist.sh

lock: ## write constraints.txt anew from the newest releases that pyproject.toml allows
	@sh tests/packaging/lock.sh "$(PYTHON)"

reference: $(VENV)/.ready ## write docs/pipeline-reference.md anew, after a change of what task files may say
	@$(BIN)/python docs/pipeline_reference.py

chart-schema: $(VENV)/.ready ## write the chart's values.schema.json anew, after a change of the gateway's settings
	@$(BIN)/python helm/values_schema.py

chart-policies: ## the chart under checkov's policies
	@tests/helm/policies.sh

image-test: $(VENV)/.ready ## build the Dockerfile and run it locked down (root; buildah, podman, runc, mmdebstrap)
	@tests/image/run.sh

cluster-test: $(VENV)/.ready ## the chart on a real Kubernetes node: install, helm test, upgrade and roll back under load (root)
	@tests/cluster/run.sh

clean: ## remove what the other targets made
	rm -rf $(VENV) dist demo-output .coverage .coverage.*

$(VENV)/.ready: pyproject.toml constraints.txt
	@sh tests/packaging/bootstrap.sh "$(PYTHON)" "$(VENV)"
	@touch $@
