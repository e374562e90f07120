"""Operations that read objects: rows of a page as objects, and what is shown in the place of pointers."""

# ruff: noqa: S608 (SQL is put together here: of identifiers that were checked, numbers of our own, and parameters)

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any, Final

import orjson

from gateway.errors import Code, GatewayError
from gateway.model.operation import Caller, Find, FindRelated, Get, Result, Scan
from gateway.model.push import INSTALLATION
from gateway.model.query import ANY_TEXT, And, Condition, Filter, Op, RelatedTo, Sort
from gateway.model.query import Column as Path
from gateway.model.schema import Action, Kind
from gateway.model.values import (
    ACL,
    CREATED_AT,
    HIGHLIGHTS,
    ID,
    OWNER,
    SCORE,
    UPDATED_AT,
    Date,
    Fields,
    Pointer,
)
from gateway.store.access import Right, grants, names_user_in, says_more, told
from gateway.store.changes import Doc
from gateway.store.computed import MOST_VALUES, ComputedRows, computes_rows
from gateway.store.cursor import Position, read_cursor, read_place, write_cursor, write_place
from gateway.store.encoding import read_nested, write_json
from gateway.store.expression_sql import Expressions, Operand, computed
from gateway.store.filter_sql import FilterSql
from gateway.store.projection import ALL, exclude, include, included_by, select
from gateway.store.schema import ClassSchema, Column, Schema
from gateway.store.session import Session
from gateway.store.spot import Rows
from gateway.store.text_index import TEXTS
from gateway.store.words import MOST_FRAGMENTS, marked, searched, spoken, texts_of

# rows as objects


def read_object(of: ClassSchema, row: Sequence[Any], *, with_acl: bool = True) -> Fields:
    """Of a row of `ClassSchema.select`. Only what is not its own stored form is touched."""
    text = row[4]
    acl = row[3] if with_acl else None
    return object_of(of, row[0], row[1], row[2], acl, orjson.loads(text), row[5], nested='"@' in text)


def object_of(
    of: ClassSchema,
    known: str,
    created_at: str,
    updated_at: str,
    acl: str | None,
    doc: Doc,
    owner: str | None,
    *,
    nested: bool = True,
) -> Fields:
    """`nested` is whether the document may have tags below its columns."""
    fields: Fields = {ID: known, CREATED_AT: Date(created_at), UPDATED_AT: Date(updated_at), OWNER: owner}
    if acl is not None:
        fields[ACL] = told(orjson.loads(acl)) if says_more(acl) else orjson.loads(acl)
    for name, reader in of.readers:
        stored = doc.get(name)
        if stored is not None:
            doc[name] = reader(stored)
    if nested:
        for name in of.nested:
            stored = doc.get(name)
            if stored is not None:
                doc[name] = read_nested(stored)
    fields.update(doc)
    fields.update(of.relations)
    return fields


def missing(class_name: str, known: str) -> GatewayError:
    return GatewayError(
        Code.OBJECT_NOT_FOUND, f"there is no object {known!r} in {class_name}", class_name=class_name, id=known
    )


# reading


def get(session: Session, op: Get, caller: Caller) -> Result:
    of = session.schema.find_for(caller, op.class_name)
    if op.outputs:
        return _get_computed(session, op, caller)
    row = session.connection.row(of.get, (op.id,))
    if row is None:
        access = session.schema.access(op.class_name, caller)
        if access is not None:
            access.check(Action.GET, caller)  # an object that is not there is refused as one that is
        raise missing(op.class_name, op.id)
    return shown_object(session, of, row, op, caller)


def shown_object(session: Session, of: ClassSchema, row: Sequence[Any], op: Get, caller: Caller) -> Result:
    """Of a row of `ClassSchema.get`. Raises GatewayError(OBJECT_NOT_FOUND) where the caller may not read it."""
    access = session.schema.access(of.name, caller)
    named = access.check(Action.GET, caller) if access is not None else ()
    if not grants(row[3], caller, Right.READ):
        raise missing(op.class_name, op.id)
    fields = read_object(of, row, with_acl=op.with_acl)
    if op.nulls:
        fill_nulls(of, (fields,))
    if access is not None:
        if not names_user_in(fields, named, caller):
            raise missing(op.class_name, op.id)
        access.hide((fields,), caller)
    if op.include or op.exclude or op.select is not None or op.depth:
        (fields,) = _shown(session, of, [fields], op, caller)
    return Result(object=fields)


def _get_computed(session: Session, op: Get, caller: Caller) -> Result:
    """By a query, which for an id and nothing else is permitted as a get is."""
    page = Find(
        class_name=op.class_name,
        limit=2,
        where=Condition(ID, Op.EQ, op.id),
        select=op.select,
        outputs=op.outputs,
        exclude=op.exclude,
        include=op.include,
        with_acl=op.with_acl,
        members=op.members,
        depth=op.depth,
        nulls=op.nulls,
        exact=op.exact,
    )
    if computes_rows(page):
        raise GatewayError(Code.BAD_QUERY, "an aggregate is of many objects, and this is one")
    found = find(session, page, caller).objects or []
    if not found:
        raise missing(op.class_name, op.id)
    return Result(object=_only(found))


def _only(rows: list[Fields]) -> Fields:
    if len(rows) > 1:
        raise GatewayError(Code.BAD_QUERY, "one object is asked for, and what is computed of it has several values")
    return rows[0]


def _shown(
    session: Session, of: ClassSchema, objects: list[Fields], op: Get | Find | FindRelated | Scan, caller: Caller
) -> list[Fields]:
    if isinstance(op, Scan):
        names, exact = op.select, False
    else:
        names, exact = op.select, op.exact
        paths = op.include + included_by(op.select)
        if paths or op.depth:
            source = Included(session, caller, with_acl=op.with_acl, nulls=op.nulls)
            include(objects, paths, of, source, members=op.members, depth=op.depth)
        if names is not None and op.members is not None:
            names += _included(of, op.include, op.depth)
    if names is not None:
        objects = select(objects, names, exact=exact)
    return exclude(objects, op.exclude) if op.exclude else objects


def _included(of: ClassSchema, paths: tuple[str, ...], depth: int) -> tuple[str, ...]:
    """The fields that an include with members fills: a selection keeps them."""
    if depth or ALL in paths:
        return tuple(column.name for column in of.columns.values() if column.type.target is not None)
    return tuple(path.partition(".")[0] for path in paths)


def fill_nulls(of: ClassSchema, objects: Iterable[Fields]) -> None:
    """Has every column in every object, but no pointer that is empty: an include tells of those."""
    columns = [column for column in of.columns.values() if column.type.kind is not Kind.RELATION]
    names = [column.name for column in columns if column.type.kind is not Kind.POINTER]
    pointers = [column.name for column in columns if column.type.kind is Kind.POINTER]
    for fields in objects:
        for name in names:
            fields.setdefault(name, None)
        for name in pointers:
            if name in fields and fields[name] is None:
                del fields[name]


class Included:
    """What a caller's query may include."""

    def __init__(self, session: Session, caller: Caller, *, with_acl: bool, nulls: bool) -> None:
        self._session = session
        self._caller = caller
        self._with_acl = with_acl
        self._nulls = nulls

    def class_named(self, name: str) -> ClassSchema | None:
        if name == INSTALLATION and (access := self._session.schema.access(name, self._caller)) is not None:
            # whoever may not look for devices is not shown one in the place of a pointer either
            try:
                access.check(Action.FIND, self._caller)
            except GatewayError:
                return None
        return self._session.schema.seen_by(self._caller).classes.get(name)

    def hidden(self, class_name: str) -> frozenset[str]:
        access = self._session.schema.access(class_name, self._caller)
        return access.hidden(self._caller) if access is not None else frozenset()

    def by_id(self, class_name: str, ids: Iterable[str]) -> dict[str, Fields]:
        of = self.class_named(class_name)
        if of is None:
            return {}
        sql = FilterSql(self._session.schema, self._caller)
        rows = sql.rows(of, Action.GET)
        source = sql.source(rows, None)
        wanted = sql.bind(write_json(list(ids)).decode())
        text = f"SELECT {of.select.format(rows.alias)} FROM {source}"
        text += f" AND {rows.alias}.id IN (SELECT value FROM json_each({wanted}))"
        found = self._session.connection.rows(text, sql.values)
        return {row[0]: fields for row, fields in zip(found, self._read(of, found), strict=True)}

    def members(self, column: Column, owners: Collection[str], each: int, most: int) -> list[tuple[str, Fields]]:
        of = self.class_named(column.type.target or "")
        if of is None:
            return []
        sql = FilterSql(self._session.schema, self._caller)
        rows, shown = sql.rows(of, Action.GET), sql.rows(of, Action.GET)
        wanted = sql.bind(write_json(list(owners)).decode())
        newest = f"{rows.alias}.created_at DESC, {rows.alias}.seq DESC"
        chosen = (
            f"SELECT m.owner AS held_by, {rows.alias}.seq AS chosen,"
            f" row_number() OVER (PARTITION BY m.owner ORDER BY {newest}) AS place"
            f" FROM member AS m CROSS JOIN {rows.table} ON {rows.alias}.id = m.member"
            f" WHERE m.field = {sql.bind(column.id)} AND m.owner IN (SELECT value FROM json_each({wanted}))"
            f" AND {sql.readable(rows)}"
        )
        page = f"WHERE place <= {sql.bind(each)} ORDER BY held_by, place LIMIT {sql.bind(most)}"
        text = f"SELECT {of.select.format(shown.alias)}, held_by FROM ({chosen}) CROSS JOIN {shown.table}"
        text += f" ON {shown.alias}.seq = chosen {page}"
        found = self._session.connection.rows(text, sql.values)
        return [(row[-1], fields) for row, fields in zip(found, self._read(of, found), strict=True)]

    def _read(self, of: ClassSchema, rows: Iterable[Sequence[Any]]) -> list[Fields]:
        objects = [read_object(of, row, with_acl=self._with_acl) for row in rows]
        if self._nulls:
            fill_nulls(of, objects)
        access = self._session.schema.access(of.name, self._caller)
        if access is not None:
            access.hide(objects, self._caller)
        return objects


def find(session: Session, op: Find, caller: Caller) -> Result:
    if op.text is not None:
        return _search(session, op, op.text, caller)
    of = session.schema.find_for(caller, op.class_name)
    result = Result()
    if op.redirect_key is not None:
        of = _redirected(session.schema.seen_by(caller), of, op.redirect_key)
        result.class_name = of.name
    result.objects = []
    if computes_rows(op):
        return _find_rows(session, of, op, caller, result)
    if op.limit != 0:
        sql = FilterSql(session.schema, caller, text_fields=op.text_fields)
        rows = sql.rows(of, Action.GET if _asks_for_one(of, op.where) else Action.FIND)
        computed = _computed(sql, rows, op)
        outputs = computed.outputs
        order = sql.order(rows, op.order, op.where, computed.order) + computed.ties
        page = f"FROM {rows.table}{computed.joined} WHERE {sql.condition(rows, op.where)}"
        page += f" ORDER BY {order} {sql.page(op.limit, op.skip)}"
        text = f"SELECT {of.select.format(rows.alias)} {page}"
        if outputs or order != f"{rows.alias}.seq":
            # where it sorts, SQLite would write the JSON of every match before it knows which are on the page;
            # a CROSS JOIN keeps the order of its left side: https://sqlite.org/optoverview.html#crossjoin
            shown = sql.rows(of)
            values = "".join(f", {value.shown} AS c{at}" for at, value in enumerate(outputs.values()))
            chosen = f"SELECT {rows.alias}.seq AS chosen{values} {page}"
            columns = "".join(f", c{at}" for at in range(len(outputs)))
            text = f"SELECT {of.select.format(shown.alias)}{columns} FROM ({chosen}) CROSS JOIN {shown.table}"
            text += f" ON {shown.alias}.seq = chosen"
        found = session.connection.rows(text, sql.values)
        objects = [read_object(of, row, with_acl=op.with_acl) for row in found]
        if op.nulls:
            fill_nulls(of, objects)
        access = session.schema.access(of.name, caller)
        if access is not None:
            access.hide(objects, caller)
        result.objects = _shown(session, of, objects, op, caller)
        if outputs:
            for row, fields in zip(found, result.objects, strict=True):
                values_of_row = zip(outputs.items(), row[-len(outputs) :], strict=True)
                fields.update((name, value.read(stored)) for (name, value), stored in values_of_row)
    elif op.order:
        # what may not be sorted by may not be, however little is asked for
        sql = FilterSql(session.schema, caller)
        sql.order(sql.rows(of, Action.COUNT if op.count else Action.FIND), op.order, op.where, {})
    if op.count:
        result.total = _count(session, of, op, caller, Action.COUNT)
    return result


def _search(session: Session, op: Find, text: Filter, caller: Caller) -> Result:
    """Raises GatewayError(BAD_CURSOR) besides what `find` does."""
    if op.redirect_key is not None or computes_rows(op):
        raise GatewayError(Code.BAD_QUERY, "a search finds objects, and those of its own class")
    now_ms = session.clock.now_ms()
    skip = op.skip if op.cursor is None else read_place(session.secret, op, op.cursor, now_ms)
    page = replace(
        op,
        text=None,
        highlights=None,
        cursor=None,
        count=False,
        skip=skip,
        where=text if op.where is None else And((op.where, text)),
        order=op.order or (Sort(SCORE, descending=True),),
    )
    result = find(session, page, caller)
    of = session.schema.find_for(caller, op.class_name)
    objects = result.objects or []
    if op.highlights is not None:
        for fields in objects:
            fields[HIGHLIGHTS] = _highlights(of, fields, text, op)
    total = _count(session, of, page, caller, Action.FIND)
    if op.count:
        result.total = total
    if objects and skip + len(objects) < total:
        result.cursor = write_place(session.secret, op, skip + len(objects), now_ms)
    return result


def _highlights(of: ClassSchema, fields: Fields, text: Filter, op: Find) -> dict[str, list[str]]:
    """Of an object as the caller sees it: what it may not read is not shown here either."""
    found: dict[str, list[str]] = {}
    asked, names = list(searched(text)), op.highlights or ()
    for name, column in of.columns.items():
        if (name not in names and ALL not in names) or column.type.kind not in TEXTS or name not in fields:
            continue
        is_any = op.text_fields is None or name in op.text_fields
        wanted = spoken(
            phrase
            for field, words in asked
            if field == name or (is_any and field == ANY_TEXT)
            for phrase in (*words.every, *words.some)
        )
        parts = (part for held in texts_of(fields[name]) for part in marked(held, wanted))
        if wanted and (first := list(islice(parts, MOST_FRAGMENTS))):
            found[name] = first
    return found


@dataclass(frozen=True, slots=True)
class Computed:
    """What a query takes besides the columns of its objects, as SQL."""

    outputs: Mapping[str, Operand]
    """What is computed of each object, by its name."""
    order: Mapping[str, str]
    """What it may sort by, by its name."""
    joined: str
    ties: str
    """Further terms of the order: an object has a row for each of its members."""


NOTHING_COMPUTED: Final = Computed({}, {}, "", "")


def _computed(sql: FilterSql, rows: Rows, op: Find) -> Computed:
    scored = any(sort.field == SCORE for sort in op.order) or (op.select is not None and SCORE in op.select)
    if not op.outputs and not scored and not any("." in sort.field for sort in op.order):
        return NOTHING_COMPUTED
    if len(op.outputs) > MOST_VALUES:
        raise GatewayError(Code.BAD_QUERY, f"a row has at most {MOST_VALUES} values")
    expressions = Expressions(sql, rows, single=True)
    outputs = {output.name: expressions.operand(output.value) for output in op.outputs}
    order = {name: value.order for name, value in outputs.items()}
    for sort in op.order:
        head, _, rest = sort.field.partition(".")
        column = rows.of.columns.get(head)
        if rest and sort.field not in order and column is not None and column.type.target is not None:
            before = len(expressions.joins.members)
            order[sort.field] = expressions.operand(Path(sort.field)).order
            if len(expressions.joins.members) > before:
                message = f"an object has several {sort.field}, and is sorted by one"
                raise GatewayError(Code.BAD_QUERY, message, field=sort.field)
    ties = "".join(f", {member.alias}.seq" for member in expressions.joins.members)
    joined = expressions.joins.outer
    if scored:
        sql.visible(rows)  # a class that refuses says no more than that
        score, ranked = sql.score(rows, op.where)
        order[SCORE] = score
        joined += ranked
        if op.select is not None and SCORE in op.select:
            outputs[SCORE] = computed(Kind.NUMBER, score)
    return Computed(outputs, order, joined, ties)


def _find_rows(session: Session, of: ClassSchema, op: Find, caller: Caller, result: Result) -> Result:
    if op.limit != 0:
        computed = ComputedRows(session.schema, caller, of, op, Action.FIND)
        result.objects = [computed.read(row) for row in session.connection.rows(*computed.page())]
    if op.count:
        counted = session.connection.row(*ComputedRows(session.schema, caller, of, op, Action.COUNT).count())
        assert counted is not None
        result.total = counted[0]
    return result


def find_related(session: Session, op: FindRelated, caller: Caller) -> Result:
    """Raises GatewayError(NO_SUCH_COLUMN, OBJECT_NOT_FOUND) besides what `find` does."""
    of = session.schema.find_for(caller, op.class_name)
    column = of.columns.get(op.field)
    access = session.schema.access(of.name, caller)
    if column is None or column.type.target is None or (access is not None and op.field in access.hidden(caller)):
        raise GatewayError(
            Code.NO_SUCH_COLUMN,
            f"{of.name}.{op.field} is no relation and no pointer",
            class_name=of.name,
            field=op.field,
        )
    # the owner itself is asked for as by a get, and its refusals are those of one
    owner = get(session, Get(class_name=of.name, id=op.id, select=(op.field,)), caller).object or {}
    target, single = column.type.target, column.type.kind is Kind.POINTER
    result = Result(class_name=target, objects=None if single else [])
    held = owner.get(op.field)
    if held is None or target not in session.schema.seen_by(caller).classes:
        return result
    part = Condition(ID, Op.EQ, held.id) if single else RelatedTo(Pointer(of.name, op.id), op.field)
    page = Find(
        class_name=target,
        limit=min(op.limit, 2) if single else op.limit,
        skip=0 if single else op.skip,
        where=part if op.where is None else And((part, op.where)),
        order=op.order,
        select=op.select,
        outputs=op.outputs,
        exclude=op.exclude,
        include=op.include,
        with_acl=op.with_acl,
        members=op.members,
        depth=op.depth,
        nulls=op.nulls,
        exact=op.exact,
    )
    found = find(session, page, caller).objects or []
    if single:
        result.object = _only(found) if found else None
    else:
        result.objects = found
    return result


def _asks_for_one(of: ClassSchema, where: Filter | None) -> bool:
    """Parse Server: a query for an id and nothing else is a get, which is how its SDKs get an object.

    Not of devices: for these a query is one, whatever it asks for.
    """
    if of.name == INSTALLATION:
        return False
    return isinstance(where, Condition) and where.field == ID and where.op is Op.EQ and type(where.value) is str


def _count(session: Session, of: ClassSchema, op: Find, caller: Caller, action: Action) -> int:
    sql = FilterSql(session.schema, caller, text_fields=op.text_fields)
    rows = sql.rows(of, action)
    joined = _computed(sql, rows, replace(op, order=())).joined if op.outputs else ""
    source = f"{rows.table}{joined} WHERE {sql.condition(rows, op.where)}"
    # a parameter that is always used comes last: SQLite takes no more of them than the highest number in the text
    row = session.connection.row(f"SELECT count(*) FROM {source} LIMIT {sql.bind(1)}", sql.values)
    assert row is not None
    total: int = row[0]
    return total


def _redirected(schema: Schema, of: ClassSchema, key: str) -> ClassSchema:
    column = of.columns.get(key)
    if column is None or column.type.target is None:
        raise GatewayError(
            Code.BAD_QUERY, f"{of.name}.{key} is no relation or pointer to query the class of", field=key
        )
    return schema.find(column.type.target)


def scan(session: Session, op: Scan, caller: Caller) -> Result:
    of = session.schema.seen_by(caller).find(op.class_name)
    if op.limit < 1:
        raise GatewayError(Code.BAD_QUERY, "a page of a scan has at least one object")
    now_ms = session.clock.now_ms()
    sql = FilterSql(session.schema, caller)
    rows = sql.rows(of)
    source = sql.source(rows, op.where)
    key = sql.sort_key(rows, op.key.field) or "NULL"
    if op.cursor is not None:
        source += f" AND {_behind(sql, rows, key, op.key, read_cursor(session.secret, op, op.cursor, now_ms))}"
    order = f"{key} DESC" if op.key.descending else key
    text = f"SELECT {of.select.format(rows.alias)}, {key} FROM {source} ORDER BY {order}, {rows.alias}.id {sql.page(op.limit, 0)}"  # noqa: E501
    found = session.connection.rows(text, sql.values)
    objects = [read_object(of, row, with_acl=op.with_acl) for row in found]
    result = Result(objects=_shown(session, of, objects, op, caller))
    if len(found) == op.limit:
        result.cursor = write_cursor(session.secret, op, Position(found[-1][-1], found[-1][0]), now_ms)
    return result


def _behind(sql: FilterSql, rows: Rows, key: str, sort: Sort, last: Position) -> str:
    """Strictly after a row, by key and then by id; nulls come first, descending last."""
    later = f"{rows.alias}.id > {sql.bind(last.id)}"
    if last.key is None:
        return f"({key} IS NULL AND {later})" if sort.descending else f"({key} IS NOT NULL OR {later})"
    at = sql.bind(last.key)
    if not sort.descending:
        return f"({key} >= {at} AND ({key} > {at} OR {later}))"
    return f"({key} IS NULL OR ({key} <= {at} AND ({key} < {at} OR {later})))"
