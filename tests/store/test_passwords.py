"""Every form that passwords come in verifies, and nothing else does."""

from __future__ import annotations

import bcrypt
import pytest
from argon2 import PasswordHasher

from gateway.store.passwords import NOBODY, hashed, outdated, salted_sha512, sha512_digest, verifies

SALT, DIGEST = (
    "h60d8x797d3oa0naxybxxv9bn7xpt2yiowz68mpiwou7gwr2",
    "tA7BLW+NK0UeARng0693gCaVnljkglCB9snqlpCSUKjx2RgYp8VZZOQt0S5iUtlDrkJXfT3gknS4rRqjYsd/Ug==",
)
"""LeanCloud's published example, of the password `password`."""

LEANCLOUD = salted_sha512(SALT, DIGEST)
# made with bcrypt at cost 10, as Parse Server does (bcryptjs writes $2a$ or $2b$, PHP $2y$)
BCRYPT = "$2b$10$hBZBZxbXMJh7a2tcHAv9bezRWUK76S8t6pathdqi8yVFk2p.m4zAa"
CHEAP_ARGON = PasswordHasher(time_cost=1, memory_cost=1024, parallelism=1).hash("password")

KEPT = {
    "LeanCloud": (LEANCLOUD, True),
    "Parse Server": (BCRYPT, True),
    "Parse Server of old": (BCRYPT.replace("$2b$", "$2a$"), True),
    "PHP": (BCRYPT.replace("$2b$", "$2y$"), True),
    "argon2id, with less work": (CHEAP_ARGON, True),
    "today's": (hashed("password"), False),
}


@pytest.mark.parametrize("form", KEPT)
def test_a_password_verifies_in_the_form_it_is_kept_in(form: str) -> None:
    kept, old = KEPT[form]
    assert (verifies("password", kept), outdated(kept)) == (True, old)
    for wrong in ("Password", "password ", "passwor", "", "password\0", "pass\0word", "\ud800", "\u6f22"):
        assert not verifies(wrong, kept), wrong


def test_the_digest_is_leanclouds() -> None:
    assert sha512_digest(SALT, "password") == DIGEST


NO_FORMS = (
    "",
    "password",
    "$",
    "$argon2",
    "$argon2id$",
    "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAA$\u00e9",
    "$argon2id$v=19$m=1,t=0,p=0$YQ$YQ",
    "$argon2id$v=19$m=99999999999,t=2,p=1$AAAAAAAAAAA$AAAAAAAA",
    CHEAP_ARGON[:-5],
    "$2b$",
    "$2b$03$" + BCRYPT[7:],
    "$2b$99$" + BCRYPT[7:],
    BCRYPT[:-1],
    BCRYPT + "a",
    BCRYPT[:28] + "9" + BCRYPT[29:],
    "$sha512x513$",
    "$sha512x513$$" + DIGEST,
    "$sha512x513$salt$",
    LEANCLOUD[:-1],
    LEANCLOUD.replace("/", "*"),
    DIGEST,
)


@pytest.mark.parametrize("kept", NO_FORMS, ids=range(len(NO_FORMS)))
def test_what_is_damaged_fits_no_password(kept: str) -> None:
    for password in ("password", "", kept):
        assert not verifies(password, kept)
    assert outdated(kept) in (True, False)


def test_bcrypt_looks_at_72_bytes() -> None:
    # 72 bytes of a password that was longer; Parse Server's bcrypt has never looked further
    kept = bcrypt.hashpw(b"x" * 72, bcrypt.gensalt(4)).decode()
    assert verifies("x" * 100, kept)
    assert not verifies("x" * 71, kept)


def test_the_same_password_is_kept_in_another_text_each_time() -> None:
    first, second = hashed("password"), hashed("password")
    assert first != second
    assert first.startswith("$argon2id$v=19$m=19456,t=2,p=1$")


def test_nobodys_password_is_kept_as_todays_are() -> None:
    assert not outdated(NOBODY)
