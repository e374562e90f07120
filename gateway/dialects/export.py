"""Users and their sessions as a vendor's export has them: a JSON object a line, by a mapping's `export` section."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Final

import orjson

from gateway.dialects.mongo_json import read_mongo
from gateway.dialects.names import FieldNames
from gateway.dialects.scalars import read_acl, read_text, shown
from gateway.dialects.values_json import ValuesJson, refuse_nested_names
from gateway.errors import Code, GatewayError
from gateway.mapping.schema import Exported, ExportSection, PasswordForm, Prefixed
from gateway.model.account import ExportedSession, ExportedUser
from gateway.model.update import Change, Set
from gateway.model.values import ACL, Date, Pointer

# an own form, as a bcrypt hash is one: `store.passwords` verifies both
_FORMS: Final = {PasswordForm.BCRYPT: "{hash}", PasswordForm.SHA512_513: "$sha512x513${salt}${hash}"}
_VALID: Final = {
    # the cost is an exponent: what is dearer than 15 would take seconds for each log-in, and an hour soon
    PasswordForm.BCRYPT: re.compile(r"\$2[abxy]\$(0[4-9]|1[0-5])\$[./A-Za-z0-9]{53}"),
    PasswordForm.SHA512_513: re.compile(r"\$sha512x513\$[^$]{1,200}\$[A-Za-z0-9+/]{86}=="),
}
_ARGON2: Final = re.compile(
    # what the gateway writes has 19 MiB and two passes; more than a GiB would stop the log-ins of all others
    r"\$argon2id\$v=19\$m=[1-9][0-9]{1,5},t=[1-9],p=[1-8]\$[A-Za-z0-9+/]{11,86}\$[A-Za-z0-9+/]{16,86}"
)


class ExportReader:
    """Reads the lines of one vendor's export."""

    def __init__(self, section: ExportSection, names: FieldNames, values: ValuesJson) -> None:
        self._section = section
        self._names = names
        self._values = values

    def read(self, line: str) -> ExportedUser | ExportedSession | None:
        """What a line holds; None for one that holds nothing. Raises GatewayError, never with a hash or a token."""
        text = line.strip().removeprefix("\ufeff")
        if not text or text.startswith(self._section.comment):
            return None
        try:
            wire = orjson.loads(text)
        except orjson.JSONDecodeError:
            raise GatewayError(Code.BAD_JSON, "this is not JSON; expected one object a line") from None
        if type(wire) is not dict:
            raise GatewayError(Code.BAD_JSON, "expected an object")
        parts: dict[Exported, Any] = {}
        changes: dict[str, Change] = {}
        auth: dict[str, Any] = {}
        for key, value in wire.items():
            if key in self._section.ignored or value is None:
                continue
            if (part := self._section.fields.get(key)) is not None:
                parts[part] = read_mongo(value) if self._section.mongo else value
            elif (
                prefix := next((prefix for prefix in self._section.prefixes if key.startswith(prefix)), None)
            ) is None:
                changes[self._names.read_new(key)] = Set(self._value(value))
            elif self._section.prefixes[prefix] is Prefixed.AUTH_DATA:
                auth[key.removeprefix(prefix)] = self._value(value)
            else:
                changes[self._names.read_new(key.removeprefix(prefix))] = Set(_pointer(value))
        if Exported.OWNER in parts:
            return self._session(parts, changes)
        if auth:
            changes["authData"] = Set(auth)
        if (acl := _acl(parts)) is not None:
            changes[ACL] = Set(acl)
        token = _text(parts, Exported.SHARED_SESSION) or _text(parts, Exported.SESSION)
        return ExportedUser(
            id=_needed(parts, Exported.ID),
            changes=changes,
            kept=self._kept(parts),
            token=token,
            shared=Exported.SHARED_SESSION in parts,
            created_at=_date(parts, Exported.CREATED_AT),
            updated_at=_date(parts, Exported.UPDATED_AT),
        )

    def _session(self, parts: dict[Exported, Any], changes: dict[str, Change]) -> ExportedSession:
        own = {name: change.value for name, change in changes.items() if isinstance(change, Set)}
        installation, created_with = own.get("installationId"), own.get("createdWith")
        return ExportedSession(
            user_id=_pointer(parts[Exported.OWNER]).id,
            token=_needed(parts, Exported.SESSION),
            expires=_date(parts, Exported.EXPIRES) if Exported.EXPIRES in parts else None,
            created_with=created_with if type(created_with) is dict else None,
            installation_id=installation if type(installation) is str else None,
            restricted=own.get("restricted") is True,
        )

    def _value(self, wire: Any) -> Any:
        value = read_mongo(wire) if self._section.mongo else wire
        refuse_nested_names(value)
        return self._values.read(value)

    def _kept(self, parts: dict[Exported, Any]) -> str | None:
        for part, valid in ((Exported.ARGON2, _ARGON2), (Exported.BCRYPT, _VALID[PasswordForm.BCRYPT])):
            if (kept := _text(parts, part)) is not None:
                if not valid.fullmatch(kept):
                    raise GatewayError(Code.BAD_VALUE, f"the password is not kept as {part}, as its key says")
                return kept
        digest = _text(parts, Exported.HASH)
        if digest is None:
            return None  # a user of another service has none
        form = self._section.password
        kept = _FORMS[form].format(hash=digest, salt=_text(parts, Exported.SALT) or "")
        if not _VALID[form].fullmatch(kept):
            raise GatewayError(Code.BAD_VALUE, f"the password is not kept as {form}, which this format has")
        return kept


def _text(parts: dict[Exported, Any], part: Exported) -> str | None:
    value = parts.get(part)
    if value is None or value == "":
        return None
    if type(value) is not str:
        raise GatewayError(Code.BAD_VALUE, f"the {part} must be text")
    return value


def _needed(parts: dict[Exported, Any], part: Exported) -> str:
    value = _text(parts, part)
    if value is None:
        raise GatewayError(Code.BAD_VALUE, f"the {part} is missing")
    return value


def _date(parts: dict[Exported, Any], part: Exported) -> Date:
    value = parts.get(part)
    if value is None:
        raise GatewayError(Code.BAD_VALUE, f"the {part} is missing")
    try:
        match value:
            case Date():
                return value
            case str():
                return Date.read(value)
            case {"__type": "Date", "iso": str(iso)}:
                return Date.read(iso)
    except ValueError:
        pass
    raise GatewayError(Code.BAD_VALUE, f"the {part} must be a date, not {shown(value)}")


def _pointer(wire: Any) -> Pointer:
    """`Class$id`, or a pointer as it is."""
    if isinstance(wire, Pointer):
        return wire
    class_name, dollar, id_ = read_text(wire).partition("$")
    if not dollar or not id_:
        raise GatewayError(Code.BAD_POINTER, f"expected Class$id, not {shown(wire)}")
    return Pointer(class_name, id_)


def _acl(parts: dict[Exported, Any]) -> dict[str, dict[str, bool]] | None:
    if Exported.ACL in parts:
        return read_acl(parts[Exported.ACL])
    if Exported.READERS not in parts and Exported.WRITERS not in parts:
        return None
    acl: dict[str, dict[str, bool]] = {}
    for part, right in ((Exported.READERS, "read"), (Exported.WRITERS, "write")):
        for who in _names_in(parts.get(part, ())):
            acl.setdefault(who, {})[right] = True
    return acl


def _names_in(wire: Any) -> Iterable[str]:
    if not isinstance(wire, list | tuple) or not all(type(who) is str for who in wire):
        raise GatewayError(Code.BAD_ACL, f"expected a list of names, not {shown(wire)}")
    return wire
