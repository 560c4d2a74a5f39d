# Every command sets up what it needs (see .ci/setup) and is quick when nothing is missing.

PYTHON_IN_VENV := .venv/bin/python
ARGS ?=
MINUTES ?= 10
NODES ?= 3
SEEDS ?= 300

.DEFAULT_GOAL := help
.PHONY: help run test style types bench bench-log bench-resume bench-moderation bench-curve bench-store simulate seen off-loopback autobahn fuzz bench-window bench-window-size pictures faults chaos

help:  ## show this list
	@echo 'make run      open the console; ARGS="..." passes options, such as ARGS="node --port 0" or ARGS="--help"'
	@echo 'make test     style, types and all tests; ARGS="..." passes options to pytest'
	@echo 'make style    ruff: rules and format'
	@echo 'make types    mypy, strict'
	@echo 'make simulate   play schedules of faults under virtual time; SEEDS=10000 so many, SEED=123 tells what happens in one'
	@echo 'make faults   break processes and networks under real nodes with people on them; ARGS="--row 7" is one fault, ARGS="--save" keeps the report'
	@echo 'make chaos    kill nodes at random while people talk, MINUTES=10 NODES=3; ARGS="--help" lists options'
	@echo 'make bench    measure this machine: our nodes beside two reference servers; ARGS="--help" lists options'
	@echo 'make bench-log   measure what the log promises: casts, records, texts, joining, voice beside them; ARGS="--only sent" is one'
	@echo 'make bench-resume   measure 2,000 sessions that resume at one node at once, because theirs was killed'
	@echo 'make fuzz     feed every decoder with bytes that nobody wrote, by coverage, for MINUTES=60; what fails is kept in build/fuzz'
	@echo 'make autobahn   the Autobahn suite against our gateway and against the library; needs Python 2.7; ARGS="--save" keeps the report'
	@echo 'make seen   act out a bad minute before a console and two browsers, as root; ARGS="--into FOLDER" for pictures'
	@echo 'make off-loopback   three nodes with a key and TLS, people at two browsers, and strangers who try everything; ARGS="--save" keeps the report'
	@echo 'make pictures   take the pictures of the console from a demo, and read them for faults'
	@echo 'make bench-moderation   measure how fast a mute, kick or ban silences on another node, and 500 at once'
	@echo 'make bench-curve   measure what the key of a mesh costs: casts with it and without'
	@echo 'make bench-store   measure what the store costs a node, and looks into an audit of a million lines'
	@echo 'make bench-window   measure what the window costs the people whom its node serves'
	@echo 'make bench-window-size   measure how long the window holds the loop with 5,000 sessions in 300 rooms'

run:
	@.ci/setup run
	@$(PYTHON_IN_VENV) main.py $(ARGS)

test:
	@.ci/setup test
ifeq ($(strip $(ARGS)),)
	@$(MAKE) --no-print-directory style
	@.ci/tests
else
	@$(MAKE) --no-print-directory style types
	@$(PYTHON_IN_VENV) -m pytest $(ARGS)
endif

style:
	@.ci/setup check
	@$(PYTHON_IN_VENV) -m ruff check --quiet
	@$(PYTHON_IN_VENV) -m ruff format --check --quiet

types:
	@.ci/setup check
	@$(PYTHON_IN_VENV) -m mypy

bench:
	@.ci/setup bench
	@$(PYTHON_IN_VENV) tests/bench/run.py $(ARGS)

bench-log:
	@.ci/setup bench
	@$(PYTHON_IN_VENV) tests/bench/promises.py $(ARGS)

bench-resume:
	@.ci/setup bench
	@$(PYTHON_IN_VENV) tests/bench/bench_resume.py $(ARGS)

bench-moderation:
	@.ci/setup bench
	@$(PYTHON_IN_VENV) tests/bench/bench_moderation.py $(ARGS)

bench-curve:
	@.ci/setup bench
	@$(PYTHON_IN_VENV) tests/bench/bench_curve.py $(ARGS)

bench-store:
	@.ci/setup bench
	@.ci/setup test
	@$(PYTHON_IN_VENV) tests/bench/bench_store.py $(ARGS)

bench-window-size:
	@.ci/setup bench
	@$(PYTHON_IN_VENV) tests/bench/bench_window.py $(ARGS)

bench-window:
	@.ci/setup bench
	@$(PYTHON_IN_VENV) tests/bench/window_load.py $(ARGS)

pictures:
	@.ci/setup pictures
	@$(PYTHON_IN_VENV) tests/pictures/take.py $(ARGS)

simulate:
	@.ci/setup check
	@$(PYTHON_IN_VENV) -m tests.simulation $(if $(SEED),--seed $(SEED),--seeds $(SEEDS)) $(ARGS)

seen:
	@.ci/setup test
	@$(PYTHON_IN_VENV) -m tests.faults.seen $(ARGS)

off-loopback:
	@.ci/setup test
	@$(PYTHON_IN_VENV) -m tests.faults.off_loopback $(ARGS)

faults:
	@.ci/setup faults
	@$(PYTHON_IN_VENV) -m tests.faults $(ARGS)

fuzz: MINUTES = 60
fuzz:
	@.ci/setup check
	@$(PYTHON_IN_VENV) -m tests.fuzz --minutes $(MINUTES) $(ARGS)

autobahn:
	@.ci/setup check
	@$(PYTHON_IN_VENV) -m tests.autobahn $(ARGS)

chaos:
	@.ci/setup check
	@$(PYTHON_IN_VENV) -m tests.chaos --minutes $(MINUTES) --nodes $(NODES) $(ARGS)
