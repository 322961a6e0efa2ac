# make play     set up what is missing, then start nnplay
# make test     ruff, mypy, import-linter and pytest
# make install  the set-up alone: .venv, packages, the compiled kernels
# make bench    how fast things are on this machine
# make cuda-compile  every CUDA kernel, for all architectures: warnings, registers, spills; needs nvcc and no GPU
# make gpu      on a machine with a GPU: build, prove and measure the CUDA side; writes docs/gpu-results.md
# make sanitize the tests of kernels (CUDA's on the host) and native runs under AddressSanitizer and UndefinedBehaviorSanitizer
# make picture  draw the README's picture of the app anew
# make clean    remove what was built

PYTHON ?= python3
TORCH  := torch==2.13.0
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/ready
KERNELS := $(VENV)/kernels
SANITIZE := address,undefined
SANITIZED := build/sanitized
SANITIZED_TESTS := tests/kernels $(addprefix tests/backends/test_,epochs.py native.py population.py state.py)
SANITIZED_PYTEST = LD_PRELOAD="$$(g++ -print-file-name=libasan.so) $$(g++ -print-file-name=libubsan.so)" \
	ASAN_OPTIONS=detect_leaks=0 UBSAN_OPTIONS=print_stacktrace=1 PYTHONSAFEPATH=1 PYTHONPATH=$(SANITIZED) \
	$(BIN)/python -m pytest -n 2 --dist worksteal $(PYTEST_OPTIONS) -p no:cacheprovider -o timeout=600
SOURCES := setup.py setup_cuda.py $(shell find csrc -type f)

# The tests take the lecture's credit table from here, where a checkout has it beside it.
CREDIT := $(wildcard ../shared/data/CreditData.csv)
ifneq ($(CREDIT),)
export NNPLAY_TEST_CREDIT ?= $(abspath $(CREDIT))
endif

.PHONY: play test install bench cuda-compile gpu sanitize picture clean
.SILENT:

play: $(KERNELS)
	$(BIN)/nnplay

test: $(KERNELS)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/pytest -n 2 --dist worksteal

# By name it builds again whatever is there: NNPLAY_CUDA, the toolkit or torch may be others than before.
install: $(READY)
	$(BUILD)

bench: $(KERNELS)
	$(BIN)/nnplay bench ops

# Needs a GPU, a torch with CUDA and a toolkit, and installs nothing: see tests/cuda/prove.py.
gpu:
	$(PYTHON) tests/cuda/prove.py $(STAGES)

cuda-compile:
	$(PYTHON) csrc/cuda/compile.py

# The tests of all compiled code in a build of their own, in which every stray read and undefined operation is an
# error. (-O1, and nothing flattened: the instrumented kernels take GCC four times as long at -O2, and twice as long
# again where all that a function calls is inlined.) Then those of CUDA's kernels, which run on the host.
sanitize: $(KERNELS)
	mkdir -p $(SANITIZED) && cp -r engine $(SANITIZED)/ && rm -f $(SANITIZED)/engine/_C*.so
	NNPLAY_CXXFLAGS="-fsanitize=$(SANITIZE) -fno-sanitize-recover=undefined -fno-sanitize=vptr -O1 -g1 -Dflatten=noinline" \
	NNPLAY_LDFLAGS="-fsanitize=$(SANITIZE)" \
	$(BIN)/python setup.py build_ext --build-lib $(SANITIZED) --build-temp $(SANITIZED)/objects
	$(SANITIZED_PYTEST) $(SANITIZED_TESTS) -k "not inductor and not million and not memory"
	NNPLAY_ON_HOST_SANITIZER=$(SANITIZE) $(SANITIZED_PYTEST) $(addprefix tests/cuda/test_,layers.py training.py faults.py)

picture: $(KERNELS)
	$(BIN)/python tests/picture.py docs/nnplay.svg

clean:
	rm -rf $(VENV) build *.egg-info .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis .grimp_cache snapshot_report.html
	find csrc engine tui tests -name __pycache__ -prune -exec rm -rf {} +
	rm -f engine/_C.*.so

# A machine that has torch keeps it (a GPU box has one for its driver); else the CPU build is small and quick.
$(VENV)/bin/python:
	command -v $(PYTHON) >/dev/null || { echo "nnplay needs Python 3.11 or newer: install it, or name one: make PYTHON=..."; exit 1; }
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "nnplay needs Python 3.11 or newer, and $(PYTHON) is $$($(PYTHON) -V 2>&1): name another, make PYTHON=python3.12"; exit 1; }
	command -v $${CXX:-g++} >/dev/null || { echo "nnplay builds its kernels with a C++ compiler: install g++ (Debian: apt install g++)"; exit 1; }
	$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { echo "nnplay makes a virtual environment: install Python's venv (Debian: apt install python3-venv)"; exit 1; }
	if $(PYTHON) -c 'import torch' 2>/dev/null; then \
	  $(PYTHON) -m venv --system-site-packages $(VENV); \
	else \
	  $(PYTHON) -m venv $(VENV) && echo "installing $(TORCH)" && $(BIN)/pip install --quiet $(TORCH); \
	fi

$(READY): $(VENV)/bin/python
	$(BIN)/python -c 'import torch' 2>/dev/null || { echo "installing $(TORCH)"; $(BIN)/pip install --quiet $(TORCH); }
	$(BIN)/python -c 'import sys, torch; v = torch.__version__; sys.exit(not (2, 11) <= tuple(map(int, v.split(".")[:2])) <= (2, 13) and f"nnplay works with torch 2.11 to 2.13, and $(PYTHON) has {v}: install one of those")'
	$(BIN)/pip install --quiet -c constraints.txt 'setuptools>=80' 'pybind11>=3'
	touch $@

$(KERNELS): $(READY) $(SOURCES) pyproject.toml constraints.txt
	$(BUILD)

# setup.py first says by itself, in a line, what is missing. Not isolated: an isolated build would fetch another torch.
define BUILD
$(BIN)/python setup.py --version >/dev/null
echo "building the kernels and installing nnplay (a few minutes the first time)"
$(BIN)/pip install --quiet --no-build-isolation -c constraints.txt -e '.[dev]'
touch $(KERNELS)
endef
