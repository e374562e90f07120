"""Pointers and relations, before a vendor that has relations of tables in their place: `Pointers`.

Such a vendor tells what is related only where that is asked for, and changes it by calls of its own. Here every answer
has the pointers and relations of its objects, and a save with some is one transaction: the object, then what is related
to it. A transaction makes no columns; with `relations_apart` a save that needs one is several requests.

A column without a value is null there, in every answer, where here such a field is not there. Its numbers are SQL's,
where nothing and a number are nothing: a count begins with 0 here as everywhere. And it refuses a query about a column
that nobody has made: see `missing_columns`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, Final

from gateway.backends.columns import BETWEEN, SYSTEM, Columns, Registry
from gateway.backends.completing import Completing
from gateway.backends.conditions import NOTHING
from gateway.backends.missing_columns import classes_of, is_there, without_missing
from gateway.backends.remote import Remote, UnsaidError
from gateway.errors import Code, GatewayError
from gateway.model.account import USER, LogIn, LogInAs, SignUp
from gateway.model.operation import (
    Batch,
    Caller,
    Create,
    Deferred,
    Delete,
    Find,
    Get,
    Operation,
    Relate,
    Relating,
    Result,
    Returning,
    Update,
    UpdateMany,
)
from gateway.model.query import And, Condition, Not, Op
from gateway.model.schema import Kind, Type
from gateway.model.update import AddRelation, Change, Changes, Increment, RemoveRelation, Set, Several, Unset
from gateway.model.values import ID, Fields, Object, Pointer, Relation, ResultOf, Value

AT_ONCE: Final = 100
"""Ids in one query: they may go in a URL, and a page may have no more."""
MOST_ATTEMPTS: Final = 20
"""How often what others have counted meanwhile is counted anew."""
MOST_LEVELS: Final = 5
"""Of what is included: each is a path that the vendor follows."""
_SAVED: Final = "saved{}"

Shown = Get | Find
Saved = Create | Update


@dataclass(frozen=True, slots=True)
class _Tie:
    """A change of what is related; `known` is the column, where there is one."""

    field: str
    how: Relating
    target: str
    ids: tuple[str, ...]
    known: Type | None

    def relate(self, class_name: str, known_as: str) -> Relate:
        """By itself it makes the column where there is none (REST guide, "Relations": `column:Table:1`)."""
        made: dict[str, Any] = {}
        if self.known is None:
            made = {"target": self.target, "single": self.how is Relating.SET}
        return Relate(class_name=class_name, id=known_as, field=self.field, how=self.how, ids=self.ids, **made)


class Pointers(Completing):
    """`does` are the emulations that are allowed: `pointers`, `relations_apart`, `transactions`."""

    def __init__(self, remote: Remote, registry: Registry, does: frozenset[str]) -> None:
        super().__init__(remote)
        self._registry = registry
        self._does = does

    async def execute(self, op: Operation, caller: Caller) -> Result:
        result = await self._execute(op, caller)
        if not op.untyped and not getattr(op, "nulls", False):
            _drop_nulls(op, result)
        return result

    async def _execute(self, op: Operation, caller: Caller) -> Result:
        if isinstance(op, Find) and op.redirect_key is not None and not op.untyped:
            known = (await self._columns(op.class_name)).get(op.redirect_key)
            if known is not None and known.target is not None:
                result = await self.execute(replace(op, class_name=known.target, redirect_key=None), caller)
                result.class_name = known.target
                return result
        if isinstance(op, Find) and not op.untyped and _is_of_objects(replace(op, limit=1)):
            op = await self._without_missing(op)
            if op.where == NOTHING:
                return Result(objects=[], total=0 if op.count else None)
        match op:
            case Get() | Find() if _is_of_objects(op):
                return await self._read(op, caller)
            case Create() | Update() if not op.untyped:
                return await self._save(op, caller)
            case UpdateMany() if not op.untyped and _counts(op.changes):
                return await self._count_many(op, caller)
            case Batch() if not op.untyped and any(isinstance(item, Saved) for item in op.items):
                return await self._transaction(op, caller)
            case LogIn() | LogInAs() | SignUp() if not op.untyped:
                return await self._with_relations_of_user(await super().execute(op, caller), caller)
            case _:
                return await super().execute(op, caller)

    # --- reading ---

    async def _without_missing(self, op: Find) -> Find:
        """The vendor refuses a query about a column that nobody has made: what is unknown is looked up once more."""
        wanted = dict.fromkeys(classes_of(op))
        known = self._registry.known() or {}
        if wanted.keys() <= known.keys() and without_missing(op, known) == op:
            return op
        return without_missing(op, await self._registry.learned(wanted))

    async def _read(self, op: Shown, caller: Caller) -> Result:
        """A column that is no more, though it is still believed to be there, is no reason to fail."""
        view = await self._view(op)
        try:
            result = await super().execute(view.asked(op), caller)
        except GatewayError as error:
            if error.code is not Code.NO_SUCH_COLUMN or not view.loads:
                raise
            self._registry.outdated()
            view = await self._view(op)
            result = await super().execute(view.asked(op), caller)
        for fields in (*(result.objects or ()), *((result.object,) if result.object is not None else ())):
            view.show(fields, op.class_name)
        return result

    async def _view(self, op: Shown) -> _View:
        view = _View()
        await self._know(view, op.class_name)
        dotted = [path for path in op.select or () if view.kind(op.class_name, path.partition(".")[0]) is Kind.POINTER]
        for path in (*op.include, *(path.rpartition(".")[0] for path in dotted if "." in path)):
            await self._follow(view, op.class_name, path)
        view.select = None if op.select is None else frozenset(op.select)
        view.exclude = frozenset(op.exclude)
        for place, class_name in list(view.included.items()):
            for name in view.pointers(class_name):
                if place or view.is_shown(name):
                    view.loads.add(f"{place}.{name}" if place else name)
        return view

    async def _follow(self, view: _View, class_name: str, path: str) -> None:
        """As far as it leads through pointers: what else is included has no objects to show."""
        heads = path.split(".")
        if len(heads) > MOST_LEVELS:
            raise GatewayError(Code.UNSUPPORTED, f"objects are shown {MOST_LEVELS} levels deep at the most here")
        if heads[0] == "*":
            for name in view.pointers(class_name):
                await self._follow(view, class_name, name)
            return
        place = ""
        for head in heads:
            known = view.columns(class_name).get(head)
            if known is None or known.kind is not Kind.POINTER or known.target is None:
                return
            place, class_name = f"{place}.{head}" if place else head, known.target
            await self._know(view, class_name)
            view.included[place] = class_name

    async def _know(self, view: _View, class_name: str) -> None:
        if not view.included:
            view.included[""] = class_name
        if class_name not in view.classes:
            view.classes[class_name] = await self._columns(class_name)

    async def _columns(self, class_name: str) -> Columns:
        columns = (self._registry.known() or {}).get(class_name)
        if columns is None:
            columns = (await self._registry.learned((class_name,))).get(class_name)
        return columns or {}

    async def _with_relations_of_user(self, result: Result, caller: Caller) -> Result:
        """The answer to a log-in is of the vendor's own making, and has none of them."""
        known = result.id or (result.object or {}).get(ID)
        columns = await self._columns(USER)
        if result.object is None or not isinstance(known, str) or not _related(columns):
            return result
        as_user = caller if result.session is None else replace(caller, session=result.session)
        with suppress(GatewayError):  # who is logged in is told so, whatever follows
            found = (await self.execute(Get(class_name=USER, id=known), as_user)).object or {}
            result.object |= {name: value for name, value in found.items() if name in _related(columns)}
        return result

    # --- writing ---

    async def _save(self, op: Saved, caller: Caller) -> Result:
        ties, rest = await self._parted(op)
        if not ties:
            if isinstance(op, Update) and op.where is None and _counts(op.changes):
                result = await self._counted(replace(op, changes=rest), caller)
            else:
                result = await super().execute(op if rest == op.changes else replace(op, changes=rest), caller)
            if isinstance(op, Create) and op.returning is Returning.COMPUTED:
                counts = {name: change.by for name, change in op.changes.items() if isinstance(change, Increment)}
                result.object = {**(result.object or {}), **counts}
            shown = op.returning in (Returning.EVERYTHING, Returning.CHANGED)
            return await self._told(op, result, caller) if shown and await self._is_related(op.class_name) else result
        self._check_allowed(op, ties)
        await self._check_there(ties, caller)
        alone = isinstance(op, Update) and not rest and len(ties) == 1
        if not alone and await self._in_one(op, ties, rest):
            (result,) = await self._at_once([op], Batch(items=(op,), atomic=True), caller)
        elif alone:
            assert isinstance(op, Update)
            result = Result(id=op.id)
            await super().execute(ties[0].relate(op.class_name, op.id), caller)
        else:
            result = await self._apart(op, ties, rest, caller)
        if any(tie.known is None for tie in ties):
            self._registry.outdated()
        return await self._told(op, result, caller)

    async def _is_related(self, class_name: str) -> bool:
        return bool(_related(await self._columns(class_name)))

    async def _counted(self, op: Update, caller: Caller) -> Result:
        """In SQL nothing and a number are nothing: then the number is put there, unless somebody else has done so."""
        told = op.returning is Returning.COMPUTED
        result = await super().execute(op if told else replace(op, returning=Returning.EVERYTHING), caller)
        for field in _counts(op.changes):
            change, attempts = op.changes[field], 0
            assert isinstance(change, Increment)
            while (result.object or {}).get(field) is None:
                attempts += 1
                if attempts > MOST_ATTEMPTS:
                    raise GatewayError(Code.UNAVAILABLE, "others change the object all the time", id=op.id)
                if (await super().execute(_put(op, field, change.by), caller)).total:
                    result.object = {**(result.object or {}), field: change.by}
                else:
                    again = replace(op, changes={field: change}, returning=Returning.COMPUTED)
                    counted = (await super().execute(again, caller)).object or {}
                    result.object = {**(result.object or {}), field: counted.get(field)}
        match op.returning:
            case Returning.NOTHING:
                result.object = None
            case Returning.CHANGED:
                touched = {field.partition(".")[0] for field in op.changes}
                result.object = {name: value for name, value in (result.object or {}).items() if name in touched}
        return result

    async def _count_many(self, op: UpdateMany, caller: Caller) -> Result:
        """Those that have a number, then those that have none, whom the first change does not touch: all at once."""
        (field, *more) = _counts(op.changes)
        if more or op.where is None:
            raise GatewayError(Code.UNSUPPORTED, "one number can be counted up on a condition here, and no more")
        count = op.changes[field]
        assert isinstance(count, Increment)
        nothing = Condition(field, Op.EQ, None)
        first = replace(op, where=And((op.where, Not(nothing))))
        then = replace(op, where=And((op.where, nothing)), changes={**op.changes, field: Set(count.by)})
        batch = Batch(items=(first, then), atomic=True, fixed_schema=True)
        answers = (await super().execute(batch, caller)).items or []
        return Result(total=sum(answer.total or 0 for answer in answers if isinstance(answer, Result)))

    def _check_allowed(self, op: Saved, ties: Sequence[_Tie]) -> None:
        if "pointers" not in self._does:
            raise UnsaidError(f"pointers and relations cannot be told here (on {ties[0].field!r})")
        if isinstance(op, Update) and op.where is not None:
            raise GatewayError(
                Code.UNSUPPORTED, f"what is related is not changed on a condition here (on {ties[0].field!r})"
            )

    async def _parted(self, op: Saved) -> tuple[list[_Tie], Changes]:
        """What is related, and the rest. Raises GatewayError(TYPE_MISMATCH) where a column is of another kind."""
        columns: Columns | None = None
        ties: list[_Tie] = []
        rest: dict[str, Change] = {}
        for field, change in op.changes.items():
            if field[:1] == "@" or "." in field:
                rest[field] = change
                continue
            if columns is None:
                columns = await self._columns(op.class_name)
            known = columns.get(field)
            if isinstance(change, Increment) and isinstance(op, Create):
                rest[field] = Set(change.by)
                continue
            parts = change.changes if isinstance(change, Several) else (change,)
            if (known is None or known.kind not in BETWEEN) and not any(map(_ties, parts)):
                rest[field] = change
                continue
            ties += (
                tie
                for part in parts
                if (tie := _tie(op.class_name, field, part, known, new=isinstance(op, Create))) is not None
            )
        return ties, rest

    async def _check_there(self, ties: Iterable[_Tie], caller: Caller) -> None:
        """A vendor passes over what is not there, where a pointer would lead to nothing: nobody would be told."""
        wanted: dict[str, dict[str, None]] = {}
        for tie in ties:
            if tie.how is not Relating.REMOVE:
                wanted.setdefault(tie.target, {}).update(dict.fromkeys(tie.ids))
        for class_name, named in wanted.items():
            ids = list(named)
            for at in range(0, len(ids), AT_ONCE):
                some: list[Value] = list(ids[at : at + AT_ONCE])
                find = Find(
                    class_name=class_name, limit=len(some), where=Condition(ID, Op.IN, some), select=(ID,), exact=True
                )
                try:
                    found = {fields[ID] for fields in (await super().execute(find, caller)).objects or ()}
                except GatewayError as error:
                    if error.code is not Code.CLASS_NOT_FOUND:
                        raise
                    found = set()
                for known in some:
                    if known not in found:
                        raise GatewayError(
                            Code.BAD_POINTER,
                            f"there is no {known} in {class_name}, and only what is there can be related here",
                            class_name=class_name,
                            id=str(known),
                        )

    async def _in_one(self, op: Saved, ties: Sequence[_Tie], rest: Changes) -> bool:
        """Whether one transaction takes it: it makes no columns (the vendor's own words), and no users."""
        if op.class_name == USER:
            return False
        columns = await self._columns(op.class_name)
        if all(tie.known is not None for tie in ties) and self._are_there(rest, columns):
            return True
        columns = (await self._registry.learned((op.class_name,))).get(op.class_name, {})
        return all(tie.field in columns for tie in ties) and self._are_there(rest, columns)

    @staticmethod
    def _are_there(changes: Changes, columns: Columns) -> bool:
        return all(field in columns or field in SYSTEM for field in changes)

    async def _apart(self, op: Saved, ties: Sequence[_Tie], rest: Changes, caller: Caller) -> Result:
        """The object, then what is related: of what is made nothing stays, where that fails."""
        if "relations_apart" not in self._does:
            fields = ", ".join(tie.field for tie in ties)
            why = "users are part of no transaction" if op.class_name == USER else "a transaction makes no columns"
            raise GatewayError(
                Code.UNSUPPORTED, f"{fields} cannot be saved at once with the rest, as {why}: see relations_apart"
            )
        if isinstance(op, Create) or rest:
            result = await super().execute(replace(op, changes=rest), caller)
        else:
            result = Result(id=op.id)
        known = result.id if isinstance(op, Create) else op.id
        assert known is not None
        try:
            for tie in ties:
                await super().execute(tie.relate(op.class_name, known), caller)
        except GatewayError:
            if isinstance(op, Create):
                with suppress(GatewayError):
                    await super().execute(Delete(class_name=op.class_name, ids=(known,)), caller)
            raise
        return result

    async def _transaction(self, op: Batch, caller: Caller) -> Result:
        """Each object of a transaction, and what is related to it, one after the other."""
        ties: list[_Tie] = []
        counts = False
        for item in op.items:
            if isinstance(item, Saved):
                tied, rest = await self._parted(item)
                counts |= op.atomic and bool(_counts(item.changes))
                if tied:
                    self._check_allowed(item, tied)
                    if not op.atomic or "transactions" not in self._does or not await self._in_one(item, tied, rest):
                        raise UnsaidError("a transaction makes no columns for what is related, and no users")
                ties += tied
        if not ties and not counts:
            return await super().execute(op, caller)
        await self._check_there(ties, caller)
        results = await self._at_once(op.items, op, caller)
        items: list[Result | GatewayError] = []
        for item, result in zip(op.items, results, strict=True):
            items.append(await self._told(item, result, caller) if isinstance(item, Saved) else result)
        return Result(items=items)

    async def _at_once(self, items: Sequence[Operation], op: Batch, caller: Caller) -> list[Result]:
        """In one transaction. Raises GatewayError, of an object that is not there as well as elsewhere."""
        whole: list[Operation] = []
        names: list[str | None] = []
        heads: list[int | None] = []
        for at, item in enumerate(items):
            name = op.names[at] if op.names else None
            if not isinstance(item, Saved):
                heads.append(len(whole))
                whole.append(item)
                names.append(name)
                continue
            ties, rest = await self._parted(item)
            saves = isinstance(item, Create) or bool(rest)
            heads.append(None)
            name = name or _SAVED.format(at)
            if isinstance(item, Update):
                zeros = [_put(item, field, 0) for field in _counts(rest)]
                whole += zeros
                names += [None] * len(zeros)
            heads[-1] = len(whole) if saves else None
            if saves:
                whole.append(replace(item, changes=rest))
                names.append(name if isinstance(item, Create) else None)
            for tie in ties:
                known = tie if tie.known is not None else replace(tie, known=Type(Kind.POINTER))
                if isinstance(item, Create):
                    whole.append(
                        Deferred(item=known.relate(item.class_name, ""), fields={"id": ResultOf(name, None, ID)})
                    )
                else:
                    whole.append(known.relate(item.class_name, item.id))
                names.append(None)
        batch = replace(op, items=tuple(whole), names=tuple(names), fixed_schema=True)
        try:
            answers = (await super().execute(batch, caller)).items or []
        except GatewayError as error:
            if error.code is Code.UNSUPPORTED:
                raise
            for item in items:
                if isinstance(item, Update):  # such an answer is a sentence, without a number
                    await super().execute(Get(class_name=item.class_name, id=item.id, select=(ID,)), caller)
            raise GatewayError(error.code, error.message) from error
        found = []
        for item, head in zip(items, heads, strict=True):
            answer = Result(id=getattr(item, "id", None)) if head is None else answers[head]
            if isinstance(answer, GatewayError):
                raise answer
            found.append(answer)
        return found

    async def _told(self, op: Saved, result: Result, caller: Caller) -> Result:
        """What the answer to a write shows, once what is related has been changed as well."""
        known = result.id if isinstance(op, Create) else op.id
        everything = op.returning is Returning.EVERYTHING
        touched = {field.partition(".")[0] for field in op.changes}
        changed = op.returning is Returning.CHANGED
        if known is None or not (everything or changed or result.updated_at is None):
            return result
        if isinstance(op, Create) and op.returning in (Returning.NOTHING, Returning.COMPUTED):
            return result
        try:
            found = await self.execute(Get(class_name=op.class_name, id=known), caller)
        except GatewayError:  # it is done, and can be read by somebody else
            return result
        fields = found.object or {}
        result.updated_at = fields.get(_UPDATED) or result.updated_at
        if everything:
            result.object = fields
        elif changed:
            told = {name: value for name, value in fields.items() if name in touched or isinstance(value, Relation)}
            result.object = {**(result.object or {}), **told}
        return result


_UPDATED: Final = "@updated_at"


class _View:
    """What an answer shows of what is related: which paths are asked for, and which lead to ids alone."""

    def __init__(self) -> None:
        self.classes: dict[str, Columns] = {}
        self.included: dict[str, str] = {}
        """Path -> its class, of the objects that are shown whole: the object itself at the empty path."""
        self.loads: set[str] = set()
        self.select: frozenset[str] | None = None
        self.exclude: frozenset[str] = frozenset()

    def columns(self, class_name: str) -> Columns:
        return self.classes.get(class_name, {})

    def kind(self, class_name: str, name: str) -> Kind | None:
        known = self.columns(class_name).get(name)
        return None if known is None else known.kind

    def pointers(self, class_name: str) -> Iterator[str]:
        return (name for name, known in self.columns(class_name).items() if known.kind is Kind.POINTER)

    def is_shown(self, name: str) -> bool:
        if name in self.exclude:
            return False
        return self.select is None or name in self.included or any(_head(path) == name for path in self.select)

    def asked(self, op: Shown) -> Shown:
        """The same, in the vendor's words: what is related is loaded, and no column that could be selected."""
        related = _related(self.columns(op.class_name))
        select = op.select
        if select is not None:
            columns = self.columns(op.class_name)
            there = (path for path in select if is_there(path, op.class_name, columns))
            select = tuple(path for path in there if _head(path) not in related) or (ID,)
        exclude = tuple(name for name in op.exclude if name not in related)
        return replace(op, include=tuple(sorted(self.loads)), select=select, exclude=exclude)

    def show(self, fields: Fields, class_name: str, place: str = "") -> None:
        for name, known in self.columns(class_name).items():
            if known.kind not in BETWEEN or known.target is None:
                continue
            value, path = fields.pop(name, None), f"{place}.{name}" if place else name
            if not place and not self.is_shown(name):
                continue
            if known.kind is Kind.RELATION:
                fields[name] = Relation(known.target)
            elif isinstance(value, Object) and path in self.included:
                fields[name] = value
                self.show(value.fields, known.target, path)
                self._trim(value.fields, path)
            elif isinstance(value, Object):
                fields[name] = Pointer(known.target, str(value.fields[ID]))

    def _trim(self, fields: Fields, path: str) -> None:
        """What a selection names of an included object is all of it that is shown, beside what is always there."""
        if self.select is None or path in self.select:
            return
        named = {rest for each in self.select if (rest := each.removeprefix(f"{path}.")) != each}
        if named:
            heads = {_head(each) for each in named}
            for name in [name for name in fields if name[:1] != "@" and name not in heads]:
                del fields[name]


def _head(path: str) -> str:
    return path.partition(".")[0]


def _drop_nulls(op: Operation, result: Result) -> None:
    """A column without a value is null there, in every answer: such a field is not there."""
    if isinstance(op, Batch):
        for item, answer in zip(op.items, result.items or [], strict=True):
            if isinstance(answer, Result) and not item.untyped and not getattr(item, "nulls", False):
                _drop_nulls(item, answer)
        return
    if isinstance(op, Find) and (op.group_by or op.distinct):
        return
    for fields in (*(result.objects or ()), *((result.object,) if result.object is not None else ())):
        _drop(fields)


def _drop(fields: Fields) -> None:
    for name in [name for name, value in fields.items() if value is None and name[:1] != "@"]:
        del fields[name]
    for value in fields.values():
        if isinstance(value, Object):
            _drop(value.fields)


def _is_of_objects(op: Shown) -> bool:
    """Whether it shows objects, to somebody who is told of pointers: clients of tables are told what they ask for."""
    if op.untyped or op.members is not None or op.depth or op.outputs:
        return False
    return isinstance(op, Get) or bool(op.limit and not op.group_by and not op.distinct)


def _related(columns: Columns) -> Mapping[str, Type]:
    return {name: known for name, known in columns.items() if known.kind in BETWEEN}


def _counts(changes: Changes) -> list[str]:
    return [field for field, change in changes.items() if isinstance(change, Increment)]


def _put(op: Update, field: str, number: float) -> UpdateMany:
    """In the place of nothing; what has a number keeps it."""
    where = And((Condition(ID, Op.EQ, op.id), Condition(field, Op.EQ, None)))
    return UpdateMany(class_name=op.class_name, changes={field: Set(number)}, where=where)


def _ties(change: Change) -> bool:
    return isinstance(change, AddRelation | RemoveRelation) or (
        isinstance(change, Set) and isinstance(change.value, Pointer)
    )


def _tie(class_name: str, field: str, change: Change, known: Type | None, *, new: bool) -> _Tie | None:
    """None where there is nothing to be changed. Raises GatewayError(TYPE_MISMATCH)."""
    if isinstance(change, Unset) or (isinstance(change, Set) and change.value is None):
        if new or known is None or known.target is None:
            return None
        return _Tie(field, Relating.SET, known.target, (), known)
    found: Type | None = None
    tie: _Tie | None = None
    match change:
        case Set(Pointer(target, id_)):
            found, tie = Type(Kind.POINTER, target), _Tie(field, Relating.SET, target, (id_,), known)
        case AddRelation(members) | RemoveRelation(members):
            pointers = [member for member in members if isinstance(member, Pointer)]
            if len(pointers) < len(members):
                told = f"what is made in the same request cannot be related here (on {field!r})"
                raise GatewayError(Code.UNSUPPORTED, told, field=field)
            if not pointers:
                return None
            target = pointers[0].class_name
            if any(pointer.class_name != target for pointer in pointers):
                raise GatewayError(Code.TYPE_MISMATCH, f"{field} holds objects of one class", field=field)
            how = Relating.ADD if isinstance(change, AddRelation) else Relating.REMOVE
            found = Type(Kind.RELATION, target)
            tie = _Tie(field, how, target, tuple(pointer.id for pointer in pointers), known)
    if tie is None or (known is not None and found != known):
        raise GatewayError(
            Code.TYPE_MISMATCH,
            f"schema mismatch for {class_name}.{field}; expected {known} but got {found or 'another value'}",
            class_name=class_name,
            field=field,
            expected=str(known),
        )
    removes_nothing = tie.how is Relating.REMOVE and (known is None or new)
    return None if removes_nothing else tie
