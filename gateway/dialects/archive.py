"""How a vendor writes all of an application to files: a line of JSON an object, by a mapping's `export: archive:`.

Passwords are told in the form in which they are kept. Where the vendor knows that form they stand under its own keys;
a hash of the gateway's own (argon2id) has a key of its own, which says what it is, so that nobody takes it for another.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

import orjson

from gateway.dialects.addresses import ADDRESSES, Addresses
from gateway.errors import Code, GatewayError
from gateway.mapping.schema import ArchiveSection, Exported, ExportSection
from gateway.mapping.shape import Codec
from gateway.model.schema import ClassSchema
from gateway.model.values import ACL, Fields

_SALTED: Final = re.compile(r"\$sha512x513\$(?P<salt>[^$]{1,200})\$(?P<hash>[A-Za-z0-9+/]{86}==)")
PUBLIC: Final[Mapping[str, Any]] = {"*": {"read": True, "write": True}}


class ArchiveWriter:
    """Names and contents of the files of one archive."""

    def __init__(self, section: ExportSection, archive: ArchiveSection, codecs: Mapping[str, Codec]) -> None:
        self._archive = archive
        self._object, self._columns, self._names = codecs["object"], codecs["schema"], codecs["class_name"]
        self._keys = {part: key for key, part in section.fields.items()}

    def class_told(self, class_name: str) -> str:
        """What a class is called there, as the methods below are asked."""
        return str(self._names.write(class_name))

    def members_told(self, class_name: str, field: str) -> str:
        """The same of the class that the members of a relation are told as."""
        return self._archive.members.replace("{class_name}", self.class_told(class_name)).replace("{field}", field)

    def name(self, told: str) -> str:
        """The file with the objects of a class."""
        return self._archive.objects.replace("{class_name}", told)

    def columns_name(self, told: str) -> str:
        return self._archive.columns.replace("{class_name}", told)

    def head(self, told: str) -> bytes:
        """What such a file begins with."""
        return (self._archive.head.replace("{class_name}", told) + "\n").encode()

    def line(self, fields: Fields, kept: str | None = None, addresses: Addresses | None = None) -> bytes:
        """An object, which is the writer's from then on. `kept` is a user's password as it is kept.

        `addresses` are for files in it; without them only their names are told.
        """
        fields.setdefault(ACL, PUBLIC)
        before = ADDRESSES.set(addresses)
        try:
            wire = self._object.write(fields)
        finally:
            ADDRESSES.reset(before)
        if kept is not None:
            wire |= self._password(kept)
        return orjson.dumps(wire) + b"\n"

    def member_line(self, owner: str, member: str) -> bytes:
        return orjson.dumps({self._archive.owner: owner, self._archive.member: member}) + b"\n"

    def columns(self, schema: ClassSchema) -> bytes:
        return orjson.dumps(self._columns.write(schema), option=orjson.OPT_INDENT_2) + b"\n"

    def _password(self, kept: str) -> dict[str, str]:
        if found := _SALTED.fullmatch(kept):
            return {self._keys[Exported.HASH]: found["hash"], self._keys[Exported.SALT]: found["salt"]}
        part = Exported.BCRYPT if kept.startswith("$2") else Exported.ARGON2
        return {self._keys[part]: kept}


def archive_of(section: ExportSection | None, codecs: Mapping[str, Codec]) -> ArchiveWriter | None:
    """Raises GatewayError(BAD_VALUE) where the keys for passwords are not all there."""
    if section is None or section.archive is None:
        return None
    told = set(section.fields.values())
    for part in (Exported.HASH, Exported.SALT, Exported.BCRYPT, Exported.ARGON2):
        if part not in told:
            raise GatewayError(Code.BAD_VALUE, f"export.fields: an archive needs a key for {part}")
    return ArchiveWriter(section, section.archive, codecs)
