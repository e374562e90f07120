"""Codecs of single values, each a pair. What one cannot read is BAD_VALUE, said with the value at fault."""

from __future__ import annotations

import math
import re
from base64 import b64decode, b64encode
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import orjson

from gateway.dialects.date_texts import read_date_text
from gateway.errors import Code, GatewayError
from gateway.mapping.shape import Codec
from gateway.model.values import Date

_INTEGER = re.compile(r"-?[0-9]{1,18}")


def shown(wire: Any) -> str:
    """A piece of a client's wire in an error message: short, whatever it was."""
    text = repr(wire)
    return text if len(text) <= 60 else text[:57] + "..."


def bad_value(expected: str, wire: Any) -> GatewayError:
    return GatewayError(Code.BAD_VALUE, f"expected {expected}, found {shown(wire)}")


def read_text(wire: Any) -> str:
    if type(wire) is not str:
        raise bad_value("text", wire)
    return wire


def read_any_text(wire: Any) -> str:
    """Text, or anything else as the JSON that it is: an error object of JavaScript comes as `{}`."""
    return wire if type(wire) is str else orjson.dumps(wire).decode()


def read_number(wire: Any) -> int | float:
    if type(wire) is int:
        return wire
    if type(wire) is float and math.isfinite(wire):
        return wire
    raise bad_value("a number", wire)


def read_integer(wire: Any) -> int:
    """A whole number, or the text of one, as parameters of a URL are text."""
    if type(wire) is int:
        return wire
    if type(wire) is str and _INTEGER.fullmatch(wire):
        return int(wire)
    raise bad_value("a whole number", wire)


def read_number_text(wire: Any) -> int | float:
    """A number, or the text of one, as parameters of a URL are text."""
    if type(wire) is str and len(wire) <= 40:
        try:
            return read_number(int(wire) if _INTEGER.fullmatch(wire) else float(wire))
        except ValueError:
            raise bad_value("a number", wire) from None
    return read_number(wire)


def read_bits(wire: Any) -> int:
    if type(wire) is not int:
        raise bad_value("a whole number", wire)
    return wire


def read_bool(wire: Any) -> bool:
    if type(wire) is not bool:
        raise bad_value("true or false", wire)
    return wire


def read_flag(wire: Any) -> bool:
    """JSON's true and false, 1 and 0, and their texts, as parameters of a URL are text."""
    if wire in (True, "true", "1"):
        return True
    if wire in (False, "false", "0", ""):
        return False
    raise bad_value("true or false", wire)


def read_date(wire: Any) -> Date:
    if type(wire) is str:
        try:
            return Date.read(wire)
        except ValueError:
            pass
    raise bad_value("a date in ISO 8601", wire)


def read_from_day(wire: Any) -> Date:
    """A date as people write it; without a time of day the midnight that begins it."""
    found = read_date_text(read_text(wire))
    if found is None:
        raise bad_value("a date such as 2015-09-20", wire)
    return found


def read_to_day(wire: Any) -> Date:
    """The same; without a time of day the last moment of it."""
    found = read_from_day(wire)
    return found if re.search(r"[T:]", wire) else Date.from_ms(found.ms + 86_400_000 - 1)


def read_comma_separated(wire: Any) -> tuple[str, ...]:
    return tuple(name for part in read_text(wire).split(",") if (name := part.strip()))


def read_epoch(wire: Any) -> Date:
    """Milliseconds since 1970."""
    try:
        return Date.from_ms(read_integer(wire))
    except ValueError:
        raise bad_value("milliseconds since 1970", wire) from None


def read_epoch_any(wire: Any) -> Date | None:
    """Seconds or milliseconds since 1970, as clients of one vendor send either; 0 is none."""
    number = read_number(wire)
    if not number:
        return None
    return read_epoch(int(number * 1000) if abs(number) < MOST_SECONDS else int(number))


def read_bytes(wire: Any) -> bytes:
    try:
        return b64decode(read_text(wire), validate=True)
    except ValueError:
        raise bad_value("base64", wire) from None


def read_ids(wire: Any) -> tuple[str, ...]:
    """`id1,id2`, as it stands in a path."""
    ids = tuple(part for part in read_text(wire).split(",") if part)
    if not ids:
        raise GatewayError(Code.MISSING_ID, "expected the id of an object, or several with commas between them")
    return ids


def write_ids(ids: tuple[str, ...]) -> str | None:
    return None if any("," in part for part in ids) else ",".join(ids) or None


MOST_SECONDS = 10**11
"""As seconds it is the year 5138; as milliseconds, 1973."""
MOST_TEXTS, LONGEST_TEXT = 50, 1000


def read_texts(wire: Any) -> dict[str, str] | None:
    """An object of texts, numbers and flags, each as text; None where it is empty."""
    if type(wire) is not dict:
        raise bad_value("an object", wire)
    texts = {}
    for name, value in wire.items():
        if type(value) not in (str, int, float, bool):
            raise bad_value(f"text for {name!r}", value)
        texts[name] = str(value).lower() if type(value) is bool else str(value)
    if len(texts) > MOST_TEXTS or any(len(text) > LONGEST_TEXT for pair in texts.items() for text in pair):
        raise GatewayError(Code.BAD_VALUE, f"expected {MOST_TEXTS} texts of {LONGEST_TEXT} characters, at most")
    return texts or None


def read_flags(wire: Any) -> dict[str, bool]:
    if type(wire) is not dict or not all(type(flag) is bool for flag in wire.values()):
        raise bad_value("an object of flags", wire)
    return wire


def read_names(wire: Any) -> tuple[str, ...]:
    """A list of texts, or one alone."""
    if type(wire) is str:
        return (wire,)
    if type(wire) is not list or not all(type(name) is str for name in wire):
        raise bad_value("a list of texts", wire)
    return tuple(wire)


def read_list(wire: Any) -> list[Any]:
    if type(wire) is not list:
        raise bad_value("a list", wire)
    return wire


def read_acl(wire: Any) -> dict[str, dict[str, bool]]:
    """Who may read and write: `{"*": {"read": true}}`. An entry that is false says nothing, so it is left out."""
    if type(wire) is not dict:
        raise GatewayError(Code.BAD_ACL, f"an ACL must be an object, not {shown(wire)}")
    acl: dict[str, dict[str, bool]] = {}
    for who, rights in wire.items():
        if who.startswith("*") and who != "*":
            # Parse Server: `*unresolved` is a user that its SDK has not saved yet
            raise GatewayError(Code.BAD_ACL, f"an ACL cannot have {shown(who)} in it")
        if type(rights) is not dict or not all(
            right in ("read", "write") and type(given) is bool for right, given in rights.items()
        ):
            raise GatewayError(Code.BAD_ACL, f"the ACL of {who!r} must hold read and write, each true or false")
        if granted := {right: True for right, given in rights.items() if given}:
            acl[who] = granted
    return acl


SCALARS: Mapping[str, Codec] = {
    "text": Codec(read_text, lambda value: value),
    "upper": Codec(lambda wire: read_text(wire).lower(), str.upper),  # in lower case with us
    "any_text": Codec(read_any_text, lambda value: value),
    # SDKs of LeanCloud put the scheme before it: app-router.js of JavaScript's
    "host": Codec(lambda wire: f"https://{read_text(wire)}", lambda url: urlsplit(url).netloc),
    "number": Codec(read_number, lambda value: value),
    "negated": Codec(lambda wire: -read_number(wire), lambda value: -value),
    "bits": Codec(read_bits, lambda value: value),
    "bool": Codec(read_bool, lambda value: value),
    "int": Codec(read_integer, lambda value: value),
    "number_text": Codec(read_number_text, str),
    "epoch_ms_text": Codec(lambda wire: read_epoch(read_integer(wire)), lambda value: str(value.ms)),
    "flag": Codec(read_flag, lambda value: "true" if value else None),
    "flag_json": Codec(read_flag, lambda value: True if value else None),
    "yes_no": Codec(read_flag, lambda value: value),  # where nothing said is no answer to it
    "flag01": Codec(read_flag, lambda value: 1 if value else None),
    # Parse REST guide, "Data Types"; LeanCloud storage REST guide, "Advanced Data Types": UTC with milliseconds
    "iso_ms": Codec(read_date, lambda value: value.iso),
    "from_day": Codec(read_from_day, lambda value: value.iso),
    "to_day": Codec(read_to_day, lambda value: value.iso),
    "epoch_ms": Codec(read_epoch, lambda value: value.ms),
    "epoch_any": Codec(read_epoch_any, lambda value: value.ms),
    "iso_text": Codec(lambda wire: read_date(wire).iso, lambda value: value),
    "base64": Codec(read_bytes, lambda value: b64encode(value).decode("ascii")),
    "acl": Codec(read_acl, lambda value: value),
    "texts": Codec(read_texts, lambda value: value),
    "flags": Codec(read_flags, lambda value: value or None),
    "names": Codec(read_names, list),
    "names_csv": Codec(
        lambda wire: tuple(filter(None, read_text(wire).split(","))), lambda names: ",".join(names) or None
    ),
    "list": Codec(read_list, lambda value: value),
    "one_id": Codec(lambda wire: (wire,), lambda value: value[0] if len(value) == 1 else None),
    "ids": Codec(read_ids, write_ids),
}
