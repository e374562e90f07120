"""What watches the logs of all tests finds what it is there to find."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from gateway.store.passwords import NOBODY
from tests.log_watch import WATCH, LogWatch
from tests.process import serving
from tests.store.test_passwords import BCRYPT, LEANCLOUD

TOKEN = "r:0123456789abcdef0123456789abcdef"


SECRETS = ("demo-rest", "demo-master", "hunter2", TOKEN, NOBODY, BCRYPT, LEANCLOUD)


@pytest.mark.parametrize("secret", SECRETS, ids=range(len(SECRETS)))
def test_a_secret_is_found_at_any_level_and_not_told_again(secret: str) -> None:
    log = logging.getLogger("gateway.some.part")
    log.propagate = False  # what is logged here on purpose is not for the watch of the whole run
    for level in (logging.DEBUG, logging.INFO, logging.ERROR):
        watch = LogWatch()
        log.addHandler(watch)
        log.setLevel(logging.DEBUG)
        try:
            log.log(level, "a request ended status=%d", 200)
            assert (watch.leaks, watch.lines) == (set(), 2)
            log.log(level, "the key is %s", secret)
            assert len(watch.leaks) == 2  # the line, and what was put into it
            watch.leaks.clear()
            log.log(level, "something broke", exc_info=ValueError(secret))
            assert len(watch.leaks) == 1
            assert not any(secret in leak for leak in watch.leaks)
        finally:
            log.removeHandler(watch)
    log.propagate = True


def test_everything_that_is_logged_passes_the_watch() -> None:
    before = WATCH.lines
    for name in ("gateway.store.sqlite", "aiohttp.server", "anything"):
        logging.getLogger(name).debug("a line of a test")
    assert WATCH.lines == before + 3


def test_what_a_process_says_passes_the_watch(tmp_path: Path) -> None:
    before = WATCH.lines
    with serving(tmp_path) as gateway:
        gateway.stop()
    assert "stopping" in (tmp_path / "errors.txt").read_text(encoding="utf-8")
    assert WATCH.lines > before
