"""Passwords as they are kept: argon2id, and the forms that come with users from elsewhere.

Whatever form a password was kept in, it verifies; one that is not in today's form is `outdated`, and is kept anew when
its user next logs in. Everything here takes CPU on purpose: tens of milliseconds that belong on another thread.
"""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from hashlib import sha512
from hmac import compare_digest

import bcrypt
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

# OWASP Password Storage Cheat Sheet: argon2id with 19 MiB, two passes, one lane
_ARGON2ID = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)

_BCRYPT = re.compile(r"\$2[abxy]\$[0-9]{2}\$[./A-Za-z0-9]{53}")
_BCRYPT_BYTES = 72  # bcrypt has never looked further, and Parse Server's neither
_SHA512 = re.compile(r"\$sha512x513\$(?P<salt>[^$]{1,200})\$(?P<digest>[A-Za-z0-9+/]{86}==)")

# what an unknown user's password is compared with, so that it takes the time of a known one's
NOBODY = _ARGON2ID.hash("nobody's password")


def hashed(password: str) -> str:
    """A password in the form that it is kept in."""
    return _ARGON2ID.hash(password)


def salted_sha512(salt: str, digest: str) -> str:
    """How a user of LeanCloud's export (`salt`, `password`) is kept until the next log-in.

    LeanCloud, dashboard guide: SHA-512 of salt and password, then 512 times SHA-512 of that, in base64.
    """
    return f"$sha512x513${salt}${digest}"


def verifies(password: str, kept: str) -> bool:
    """Whether it is the password, in any form that is known; an unknown or a damaged form fits none."""
    try:
        if kept.startswith("$argon2"):
            return _ARGON2ID.verify(kept, password)
        if _BCRYPT.fullmatch(kept):
            return bcrypt.checkpw(password.encode()[:_BCRYPT_BYTES], kept.encode())
    except (VerificationError, InvalidHashError, ValueError):  # ValueError: damaged, or half a character in a password
        return False
    if found := _SHA512.fullmatch(kept):
        return compare_digest(_sha512(found["salt"], password), b64decode(found["digest"]))
    return False


def outdated(kept: str) -> bool:
    try:
        return not kept.startswith("$argon2id$") or _ARGON2ID.check_needs_rehash(kept)
    except InvalidHashError:
        return True


def _sha512(salt: str, password: str) -> bytes:
    digest = sha512((salt + password).encode("utf-8", "surrogatepass")).digest()
    for _ in range(512):
        digest = sha512(digest).digest()
    return digest


def sha512_digest(salt: str, password: str) -> str:
    return b64encode(_sha512(salt, password)).decode("ascii")
