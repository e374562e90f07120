"""Encrypts what is kept and must be told again later, so that a copy of the store's file alone is of no use.

A token of a session is such a text: the vendors' interfaces give it back. AES-256-GCM with a nonce of 96 random bits,
under a key that is derived from one of the configuration. What is sealed reads

    $sealed$<SHA-256 of the text, hexadecimal>$<base64 of key number, nonce and ciphertext>

The digest finds a session by its token, with and without the key; it is authenticated as well, so that a sealed text
cannot be moved into another's place. A text without the prefix was kept before there was a key, and is as it stands.
"""

from __future__ import annotations

import binascii
import hmac
import logging
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from hashlib import sha256
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

log = logging.getLogger(__name__)

PREFIX: Final = "$sealed$"
_NUMBER: Final = 4
_NONCE: Final = 12


class Seal:
    """`keys` are texts of 32 characters or more: the first one seals, each one opens. Without keys nothing is."""

    def __init__(self, keys: Sequence[str] = ()) -> None:
        derived = [hmac.digest(key.encode(), b"tokens of sessions", sha256) for key in keys]
        # a key is told by a digest of itself, so that its place in the list means nothing
        self._keys = {sha256(key).digest()[:_NUMBER]: AESGCM(key) for key in derived}
        self._warned = False

    def seal(self, text: str) -> str:
        if not self._keys:
            return text
        number, key = next(iter(self._keys.items()))
        digest, nonce = digest_of(text), secrets.token_bytes(_NONCE)
        sealed = key.encrypt(nonce, text.encode(), digest.encode())
        return f"{PREFIX}{digest}${urlsafe_b64encode(number + nonce + sealed).decode()}"

    def opened(self, kept: str) -> str | None:
        """The text, or None where its key is not among ours; the log has a warning then, once."""
        if not kept.startswith(PREFIX):
            return kept
        digest, _, sealed = kept.removeprefix(PREFIX).partition("$")
        try:
            parts = urlsafe_b64decode(sealed)
            key = self._keys[parts[:_NUMBER]]
            return key.decrypt(parts[_NUMBER : _NUMBER + _NONCE], parts[_NUMBER + _NONCE :], digest.encode()).decode()
        except (KeyError, InvalidTag, ValueError, binascii.Error):
            if not self._warned:
                log.warning("tokens of sessions cannot be told: their key is not in server.token_keys")
                self._warned = True
            return None


def digest_of(text: str) -> str:
    """The digest of a text, or of what is sealed."""
    if text.startswith(PREFIX):
        return text.removeprefix(PREFIX).partition("$")[0]
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
