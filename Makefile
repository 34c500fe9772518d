# The commands of this checkout. `make help` lists them.

# The first interpreter of a supported version; a sourced ROS 2 belongs to python3.
# To choose: make setup PYTHON=/path/to/python3.11
ifeq ($(origin PYTHON),undefined)
  CHOSEN :=
  PYTHON = $(shell for p in $(if $(AMENT_PREFIX_PATH),python3) python3.11 python3.12 python3; do \
    path=$$(command -v $$p) || continue; \
    "$$path" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 12))' \
      2>/dev/null && { echo "$$path"; break; }; done)
else
  CHOSEN := --python "$(PYTHON)"
endif

BOOTSTRAP = python=$(PYTHON); \
  if [ -z "$$python" ]; then \
    echo "set-up: Python 3.11 or 3.12 is needed and none was found; install one" \
      "(sudo apt install python3.11-dev python3.11-venv) or name it: make setup PYTHON=/path" >&2; \
    exit 1; \
  fi; \
  "$$python" ros2_ws/bootstrap $(CHOSEN)

.DEFAULT_GOAL := help
.PHONY: help setup train test lock clean

help:
	@echo 'make setup   .venv, wheels and the ROS 2 workspace (train and test do it by themselves)'
	@echo 'make train   trains and evaluates a reaching policy over the ROS 2 graph, in runs/'
	@echo 'make test    linters, types and tests (those that take a minute: pytest -m slow)'
	@echo 'make lock    writes the lock files anew (maintainers)'
	@echo 'make clean   removes what set-up made; runs/ stays'

setup:
	@$(BOOTSTRAP)

train:
	@$(BOOTSTRAP)
	@.venv/bin/robot-learning train reach --over-graph $(ARGS)

test:
	@$(BOOTSTRAP) --dev
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy
	.venv/bin/python -m pytest -q -m "not graph and not slow" -n auto --maxprocesses 4 --dist loadfile --durations 10
	.venv/bin/python -m pytest -q -m "graph and not real_time and not slow" -n 2 --dist loadfile --durations 10
	.venv/bin/python -m pytest -q -m "graph and real_time and not slow" --durations 10

lock:
	@mkdir -p .cache
	@$(PYTHON) -m venv .cache/lock-venv
	@.cache/lock-venv/bin/pip install --quiet --upgrade uv
	@$(PYTHON) ros2_ws/bootstrap --lock .cache/lock-venv/bin/uv

clean:
	rm -rf .venv .cache ros2_ws/build ros2_ws/install ros2_ws/log
