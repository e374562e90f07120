"""Users and queries for users, as JSON objects or as parameters with such a text in them."""

from __future__ import annotations

from typing import Any, Final

import orjson

from gateway.dialects.lists import orders
from gateway.dialects.names import FieldNames
from gateway.dialects.scalars import bad_value, read_text
from gateway.errors import Code, GatewayError
from gateway.mapping.shape import Codec
from gateway.model.account import USER
from gateway.model.query import Subquery
from gateway.model.values import Pointer
from gateway.wire import read_json

KEYS: Final = frozenset({"className", "where", "keys", "limit", "skip", "order", "include"})
"""What SDKs keep a query as; what is included nobody is shown."""


def social_codecs(names: FieldNames, value: Codec, where: Codec) -> dict[str, Codec]:
    """`user` is the id of a user, told as a pointer, and `user_text` as the text of one; `recipients` is a query."""

    def read_user(wire: Any) -> str:
        found = value.read(_json(wire))
        if not isinstance(found, Pointer) or found.class_name != USER:
            raise bad_value("a user", wire)
        return found.id

    def write_user(id_: str) -> Any:
        return value.write(Pointer(USER, id_))

    recipients = _Recipients(names, where)
    return {
        "user": Codec(read_user, write_user),
        "user_text": Codec(read_user, lambda id_: orjson.dumps(write_user(id_)).decode()),
        "recipients": Codec(recipients.read, recipients.write),
    }


class _Recipients:
    def __init__(self, names: FieldNames, where: Codec) -> None:
        self._names, self._where, self._order = names, where, orders(names)

    def read(self, wire: Any) -> Subquery:
        query = _json(wire)
        if type(query) is not dict or type(query.get("className")) is not str:
            raise GatewayError(Code.BAD_QUERY, "a query for recipients needs a className")
        if unknown := query.keys() - KEYS:
            raise GatewayError(Code.BAD_QUERY, f"a query for recipients has no {', '.join(sorted(unknown))}")
        given = {name: told for name, told in query.items() if told is not None}
        limit, skip = given.get("limit"), given.get("skip", 0)
        if any(type(number) is not int or number < 0 for number in (0 if limit is None else limit, skip)):
            raise GatewayError(Code.BAD_QUERY, "limit and skip of a query for recipients are whole numbers")
        if skip and limit is None:
            raise GatewayError(Code.BAD_QUERY, "a query for recipients that skips some has a limit")
        return Subquery(
            self._names.read_class(given["className"]),
            self._where.read(given["where"]) if "where" in given else None,
            self._names.read(read_text(given["keys"])) if "keys" in given else None,
            limit,
            skip,
            self._order.read(given["order"]) if "order" in given else (),
        )

    def write(self, query: Subquery) -> dict[str, Any]:
        told = {
            "className": self._names.write_class(query.class_name),
            "where": None if query.where is None else self._where.write(query.where),
            "keys": None if query.key is None else self._names.write(query.key),
            "limit": query.limit,
            "skip": query.skip or None,
            "order": self._order.write(query.order),
        }
        return {name: part for name, part in told.items() if part is not None}


def _json(wire: Any) -> Any:
    return read_json(wire) if type(wire) is str else wire
