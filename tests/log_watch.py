"""Reads along in every log of a run of the tests, at any level, for what must not be there: keys, tokens, passwords.

`conftest` watches this process's own logging; `process` and the SDKs' gateway hand over what their processes said on
standard error. What is looked for are the keys of the test configurations, the passwords that tests choose so that they
are unlike any other word, and whatever has the form of a token or of a password as it is kept.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Final

KEYS: Final = ("demo-rest", "demo-js", "demo-client", "demo-master", "demo-key", "open-key", "open-master")
PASSWORDS: Final = (
    "password!",
    "hunter2",
    "'s password",
    "secret & more",
    "that-nobody-sees",
    "password of tom",
    "p_n7!",
)
FORMS: Final = (
    r"\br:[0-9a-f]{32}\b",  # a token of ours
    r"\$sealed\$",
    r"\$argon2id?\$",
    r"\$2[abxy]\$\d\d\$",
    r"\$sha512x513\$",
)
_SECRET = re.compile("|".join([*map(re.escape, (*KEYS, *PASSWORDS)), *FORMS]))

OF_THE_TESTS: Final = ("mail.log", "hypothesis")
"""Loggers of what only the tests have: a mail server that shows each letter, say."""


class LogWatch(logging.Handler):
    """A handler that keeps the lines with a secret in them, with the secret itself shortened."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.setFormatter(logging.Formatter("%(levelname)s %(name)s %(message)s"))
        self.lines = 0
        self.leaks: set[str] = set()

    def emit(self, record: logging.LogRecord) -> None:
        if not record.name.startswith(OF_THE_TESTS):
            # the arguments as well: another format would show them
            self.take([*self.format(record).splitlines(), *map(str, record.args or ())])

    def take(self, lines: Iterable[str]) -> None:
        for line in lines:
            self.lines += 1
            if _SECRET.search(line):
                self.leaks.add(_SECRET.sub(lambda found: f"{found[0][:6]}...", line))

    @contextmanager
    def of_everything(self) -> Iterator[None]:
        """This process's logs, until the block ends."""
        root = logging.getLogger()
        level = root.level
        root.addHandler(self)
        root.setLevel(logging.DEBUG)
        try:
            yield
        finally:
            root.removeHandler(self)
            root.setLevel(level)


WATCH: Final = LogWatch()
"""The one of this run."""
