# check  lint, format, types, layers          bench  measure against docker compose
# test   unit tests and scenarios             demo   a tour on a private dockerd; TOUR=only ends after it
# e2e    all scenarios, the slow ones too
# install, uninstall   put the product on this host with a systemd unit, or take it away (deploy/install); as root
# Each of the first five sets up what it needs first (deploy/bootstrap).

SHELL := /bin/sh
BIN := .venv/bin

.PHONY: check test e2e bench demo install uninstall

check:
	@deploy/bootstrap --python
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

test:
	@deploy/bootstrap
	$(BIN)/pytest -m "not e2e" -n auto
	$(BIN)/pytest -m "e2e and not slow" -n 2 --dist loadfile

e2e:
	@deploy/bootstrap
	$(BIN)/pytest -m e2e -n 2 --dist loadfile

bench:
	@deploy/bootstrap
	$(BIN)/python -m tests.bench

demo:
	@deploy/bootstrap
	$(BIN)/python deploy/demo.py $(if $(TOUR),--tour $(TOUR))

install:
	@deploy/install

uninstall:
	@deploy/install --remove
