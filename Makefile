PYTHON ?= python3
PYTEST_ARGS ?= -n 2
MODEL ?= pix2pix

BIN := .venv/bin
STAMP := .venv/.installed

# One thread: with images this small, more threads only wait for each other.
export OMP_NUM_THREADS := 1

DATA := datasets/demo
PHOTOS := datasets/demo_photos
DATA_colorization := $(PHOTOS)
DEMO_DATA = $(or $(DATA_$(MODEL)),$(DATA))

# Small enough for one CPU core.
SMALL := --ngf 16 --ndf 16 --load_size 128 --crop_size 128 --num_threads 1 --display_id 0
UNET := --netG unet_128 --batch_size 2 --lr 0.0005 --no_dropout --n_epochs 5 --n_epochs_decay 3
DEMO_pix2pix := --direction BtoA $(UNET)
DEMO_cycle_gan := --netG resnet_6blocks --ngf 8 --lr 0.0005 --n_epochs 3 --n_epochs_decay 2
DEMO_colorization := $(UNET)

# Weights of the demo, also of a training that was stopped: `make draw` does not train it again.
WEIGHTS = $(firstword $(wildcard checkpoints/demo_$(MODEL)/latest_net_G*.pth) \
    checkpoints/demo_$(MODEL)/latest_net_G.pth)

.DEFAULT_GOAL := help
.PHONY: help setup demo draw known-model test test-gpu notebooks soak lint clean

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(STAMP)  ## install requirements.lock into .venv, once (PYTHON=python3.12: with that one)

# Every file is compared with its hash in the lock. The build of visdom would fetch the newest
# setuptools without a hash (requirements-build.txt), so it uses the one of the lock, installed first.
$(STAMP): requirements.lock
	@$(PYTHON) -c 'import sys; v = sys.version.split()[0]; sys.version_info >= (3, 10) or sys.exit( \
	    "Python " + v + " is too old: 3.10 to 3.13 is required, for example: make setup PYTHON=python3.11")'
	$(PYTHON) -m venv .venv
	awk '/^[a-z]/ { wanted = /^setuptools==/ } wanted' requirements.lock > .venv/setuptools.lock
	$(BIN)/python -m pip install --require-hashes -r .venv/setuptools.lock
	PIP_USE_PEP517=1 $(BIN)/python -m pip install --require-hashes --no-build-isolation -r requirements.lock
	$(BIN)/python -c 'import torch, torchvision, visdom, dominate, skimage, matplotlib, tqdm'
	@touch $@
	@echo 'Installed. To run your own commands: source .venv/bin/activate'

demo: known-model setup  ## draw images, train, test (MODEL=pix2pix, cycle_gan or colorization)
	$(BIN)/python datasets/make_demo_dataset.py $(DATA)
	@# The images in train and test are photo | label map; colorization needs only the photos.
	@mkdir -p $(PHOTOS)
	@ln -sfn ../demo/trainA $(PHOTOS)/train
	@ln -sfn ../demo/testA $(PHOTOS)/test
	$(BIN)/python train.py --dataroot $(DEMO_DATA) --name demo_$(MODEL) --model $(MODEL) --overwrite \
	    $(SMALL) $(DEMO_$(MODEL))
	$(BIN)/python test.py --dataroot $(DEMO_DATA) --name demo_$(MODEL)
	@echo "Results page: results/demo_$(MODEL)/test_latest/index.html"
	@echo "Loss curves:  checkpoints/demo_$(MODEL)/web/index.html"
	@echo "To run your own commands: source .venv/bin/activate"

draw: known-model setup  ## draw in a browser; the demo's network translates the drawing (MODEL as for demo)
	@test -f $(WEIGHTS) || $(MAKE) demo MODEL=$(MODEL)
	$(BIN)/python scripts/serve.py --name demo_$(MODEL)

known-model:
	$(if $(DEMO_$(MODEL)),,$(error There is no demo of MODEL=$(MODEL): choose pix2pix, cycle_gan or colorization))

test: setup  ## run the tests (one file: PYTEST_ARGS=tests/test_data.py)
	$(BIN)/python -m pytest -rs $(PYTEST_ARGS)

test-gpu:  ## compare recorded with eager steps on an NVIDIA GPU (PYTHON: one that has torch and pytest)
	$(or $(wildcard $(BIN)/python),$(PYTHON)) -m pytest -rs tests/gpu

notebooks: setup  ## run the notebooks from top to bottom
	$(BIN)/python -m pytest -m notebook -n 2 tests/test_notebooks.py

soak: setup  ## slow tests, and a table of them: 100 kills, 2,000 requests, 6,000 steps, 10 minutes of damaged files (docs/reliability.md)
	$(BIN)/python -m pytest -m soak --log-cli-level=INFO

lint: setup  ## check style and types
	$(BIN)/ruff check .
	$(BIN)/mypy .

clean:  ## remove caches; data, checkpoints, results and .venv stay
	rm -rf .mypy_cache .ruff_cache .pytest_cache
	find . -path ./.venv -prune -o -name __pycache__ -exec rm -r {} +
