# Two targets for newcomers: `make demo` and `make test`. Each makes its own virtual environment first.

PYTHON ?= python3
SHARE ?= 1.0
ORT_WEB := 1.30.0
AXE := 4.14.1
MINUTES ?= 10
VENV := .venv
CASES ?= ../shared/cases
BIN := $(VENV)/bin
STAMP := $(VENV)/.srnet-$(shell cat pyproject.toml constraints.txt | cksum | cut -d' ' -f1)

.PHONY: demo site test test-all interop remote-trial live-page cases lint environment results generalization bench live robustness pictures clean

demo: environment  ## the whole walk on data the project makes itself: three minutes on two idle cores, plus the environment
	$(BIN)/srnet demo

# worksteal: neighbouring tests, which share what they prepare, stay in one process
test: environment  ## the test suite, on two processes, without the slow tests
	$(BIN)/python -m pytest -n 2 --dist worksteal

test-all: environment  ## the test suite with the slow tests
	$(BIN)/python -m pytest -n 2 --dist worksteal --all

interop:  ## tests with programs that srnet does not depend on (docs/interop.md), in an environment of their own
	$(PYTHON) -m venv $(VENV)-interop
	$(VENV)-interop/bin/python -m pip install --quiet --constraint constraints.txt \
		--constraint tests/interop/constraints.txt --editable '.[test]' \
		--requirement tests/interop/requirements.txt
	$(VENV)-interop/bin/python -m pip install --quiet --no-deps \
		--constraint tests/interop/constraints.txt onnx2torch  # without torchvision, whose build would have to fit torch's
	if command -v npm > /dev/null; then \
		npm install --prefix $(VENV)-interop --no-audit --no-fund --ignore-scripts onnxruntime-web@$(ORT_WEB) axe-core@$(AXE); fi
	$(VENV)-interop/bin/python -m pytest tests/interop -rs

live-page: environment  ## the live page with a recorded clip as camera, in headless Chromium; needs npm, fetches 31 MB and a clip of 51 MB
	sh examples/live/bundle.sh output/live-bundle
	$(BIN)/python -m pip install --quiet --constraint constraints.txt 'av' 'onnx' 'onnxruntime' 'onnxscript' pytest
	$(BIN)/python -m pip download --quiet --no-deps --only-binary :all: --dest output/live-clip pose2sim
	$(BIN)/python -m zipfile -e output/live-clip/pose2sim-*.whl output/live-clip
	SRNET_LIVE_BUNDLE=output/live-bundle SRNET_LIVE_PICTURE=output/live-page.png \
		SRNET_LIVE_CLIP=output/live-clip/Pose2Sim/Demo_SinglePerson/videos/cam02.mp4 \
		$(BIN)/python -m pytest -rs -s tests/interop/test_live_camera.py

cases: environment  ## the attack scripts of a folder of cases, in about half an hour: make cases CASES=folder
	$(BIN)/python tests/run_cases.py $(CASES)

lint: environment  ## style and types, as continuous integration checks it
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

results: environment  ## the numbers of docs/results.md; needs real motion: make results DATA=folder
	$(BIN)/python -m benchmarks.results --data-dir $(DATA)

generalization: environment  ## what training never showed: about fourteen hours of a core, can be stopped; MOCAP=folder
	$(BIN)/python -m benchmarks.generalization --mocap $(MOCAP)

bench: environment  ## the numbers of docs/performance.md, in about ten minutes; nothing else should run meanwhile
	$(BIN)/python -m benchmarks --json output/bench.json

live: environment  ## a stream through srnet lift --stream, as long as wished: make live MINUTES=10
	$(BIN)/python -m benchmarks.live --minutes $(MINUTES) --people 3

robustness: environment  ## the trials of docs/robustness.md; in full they take hours: make robustness SHARE=0.01
	$(BIN)/python -m pytest -n 2 tests/robustness
	PYTHONPATH=tests OMP_NUM_THREADS=1 $(BIN)/python -m robustness --share $(SHARE) --json output/robustness.json

coverage: environment  ## how often the intervals of srnet compare hold the truth, in some minutes
	$(BIN)/python -m benchmarks.coverage

pictures: environment  ## the pictures of pages, terminal and lifted people in docs/images; needs Chromium, for one of them Blender
	PYTHONPATH=tests PATH=$(abspath $(BIN)):$$PATH $(BIN)/python docs/make_pictures.py

site:  ## the documentation as a web site in build/site, in an environment of its own
	$(PYTHON) -m venv $(VENV)-docs
	$(VENV)-docs/bin/python -m pip install --quiet --constraint constraints.txt --editable '.[docs]'
	$(VENV)-docs/bin/python docs/make_site.py --output build/site
	@echo 'build/site/index.html'

sweep-trial:  ## a sweep of 24 cells that is killed again and again; needs the environment of make interop
	PYTHONPATH=tests OMP_NUM_THREADS=1 $(VENV)-interop/bin/python -m robustness.sweeps

remote-trial:  ## stages on a local S3 server, with 30 kills of the copy; needs the environment of make interop
	SRNET_KILLS=30 OMP_NUM_THREADS=1 $(VENV)-interop/bin/python -m pytest -rs -n 0 tests/stages/test_remote.py

environment: $(STAMP)

$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "srnet needs Python 3.11 or newer: make PYTHON=python3.11")'
	$(PYTHON) -m venv $(VENV)
	@echo 'Installing the pinned packages into $(VENV)/. This takes some minutes and shows nothing until it is done.'
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[test]'
	@touch $@

clean:  ## remove the environment, prepared data and demo output; trained checkpoints stay
	rm -rf $(VENV) output/demo build dist
	find cache -mindepth 1 ! -name README.md -delete
