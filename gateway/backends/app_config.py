"""An application's parameters: each is a row of the ledger, so that two who change different ones do not collide."""

from __future__ import annotations

import re
from typing import Final

from gateway.backends.ledger import Ledger
from gateway.errors import Code, GatewayError
from gateway.model.administration import GetConfig, UpdateConfig
from gateway.model.operation import Caller, Find, Operation, Result, Returning, Upsert
from gateway.model.query import Sort
from gateway.model.update import Change, Set, Unset

CONFIG: Final = "@config"
"""The name of a parameter -> its value (`kept.value`, where it has one), and whether it is the master's alone."""

NAME: Final = re.compile(r"(?!__)[A-Za-z_][A-Za-z0-9_]{0,127}", re.ASCII)
"""No two `_` begin one: `__type` is how a value of Parse's says of which kind it is."""
MOST_PARAMS: Final = 1000


class AppConfig:
    """What each operation answers is said in `model.administration`."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    async def get(self, _op: GetConfig, caller: Caller) -> Result:
        result = Result(params={}, master_only={})
        assert result.params is not None
        assert result.master_only is not None
        for row in (await self._rows()).objects or []:
            kept = row.get("kept") or {}
            if caller.unrestricted or not row["master_only"]:
                # one that was taken away stands here still: Parse Server, recorded
                result.master_only[row["@id"]] = row["master_only"]
                if "value" in kept:
                    result.params[row["@id"]] = kept["value"]
        return result

    async def update(self, op: UpdateConfig, _caller: Caller) -> Result:
        """All of it or nothing. Raises GatewayError(BAD_FIELD_NAME, BAD_REQUEST)."""
        for name in (*op.params, *op.master_only):
            if not NAME.fullmatch(name):
                raise GatewayError(
                    Code.BAD_FIELD_NAME,
                    f"a parameter has a name of letters, digits and _, not {name[:50]!r}",
                    field=name,
                )
        there = {row["@id"] for row in (await self._rows(limit=MOST_PARAMS + 1)).objects or []}
        if len(there | op.params.keys()) > MOST_PARAMS:
            raise GatewayError(Code.BAD_REQUEST, f"there can be {MOST_PARAMS} parameters, at the most")
        items = [_kept(name, change, op.master_only.get(name, False)) for name, change in op.params.items()]
        # Parse Server: what is said of others than those that are sent is theirs all the same
        items += [_guarded(name, only) for name, only in op.master_only.items() if name in there - op.params.keys()]
        await self._ledger.together(items)
        return Result(value=True)

    async def _rows(self, limit: int = MOST_PARAMS) -> Result:
        try:
            return await self._ledger.execute(Find(class_name=CONFIG, limit=limit, order=(Sort("@id"),)))
        except GatewayError as error:
            if error.code is not Code.CLASS_NOT_FOUND:
                raise
            return Result(objects=[])


def _kept(name: str, change: Set | Unset, master_only: bool) -> Operation:
    # in an object of its own: a parameter may be a number today and text tomorrow
    kept = {} if isinstance(change, Unset) else {"value": change.value}
    changes: dict[str, Change] = {
        "kept": Set(kept),
        "master_only": Set(master_only and not isinstance(change, Unset)),
    }
    return Upsert(class_name=CONFIG, id=name, changes=changes, returning=Returning.NOTHING)


def _guarded(name: str, master_only: bool) -> Operation:
    changes: dict[str, Change] = {"master_only": Set(master_only)}
    return Upsert(class_name=CONFIG, id=name, changes=changes, returning=Returning.NOTHING)
