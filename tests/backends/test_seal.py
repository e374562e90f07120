"""What is sealed is of no use without its key, and opens with it."""

from __future__ import annotations

import logging
from base64 import urlsafe_b64decode, urlsafe_b64encode
from hashlib import sha256

import pytest

from gateway.backends.seal import PREFIX, Seal, digest_of

OLD, NEW = "an old key of thirty-two characters", "a new key of thirty-two characters!"
TOKEN = "r:0123456789abcdef0123456789abcdef"


def test_what_is_sealed_opens_with_its_key_and_tells_nothing_else() -> None:
    seal = Seal([NEW])
    kept = seal.seal(TOKEN)
    assert seal.opened(kept) == TOKEN
    assert TOKEN[2:] not in kept
    assert kept != seal.seal(TOKEN)
    assert kept.startswith(PREFIX)
    assert digest_of(kept) == digest_of(TOKEN) == sha256(TOKEN.encode()).hexdigest()


def test_without_a_key_nothing_is_sealed_and_with_one_what_was_not_is_as_it_was() -> None:
    assert Seal().seal(TOKEN) == TOKEN
    assert Seal([NEW]).opened(TOKEN) == TOKEN


def test_every_key_opens_and_the_first_one_seals() -> None:
    old = Seal([OLD]).seal(TOKEN)
    both = Seal([NEW, OLD])
    assert both.opened(old) == TOKEN
    assert Seal([NEW]).opened(both.seal(TOKEN)) == TOKEN


def damaged(kept: str, at: int) -> str:
    head, digest, sealed = kept.removeprefix("$").split("$")
    raw = bytearray(urlsafe_b64decode(sealed))
    raw[at] ^= 1
    return f"${head}${digest}${urlsafe_b64encode(raw).decode()}"


def test_what_cannot_be_opened_is_nothing_and_the_log_says_so_once(caplog: pytest.LogCaptureFixture) -> None:
    kept, other = Seal([NEW]).seal(TOKEN), Seal([NEW]).seal("another")
    moved = f"{PREFIX}{digest_of(other)}${kept.rpartition('$')[2]}"
    caplog.set_level(logging.WARNING)
    seal = Seal([NEW])
    for text in (
        damaged(kept, 0),
        damaged(kept, 5),
        damaged(kept, 20),
        damaged(kept, -1),
        moved,
        PREFIX,
        f"{PREFIX}x$!",
    ):
        assert seal.opened(text) is None, text
    assert Seal().opened(kept) is None
    assert Seal([OLD]).opened(kept) is None
    assert [record.getMessage() for record in caplog.records] == [
        "tokens of sessions cannot be told: their key is not in server.token_keys"
    ] * 3
