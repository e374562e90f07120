"""Objects in groups of groups: a page of each level, by one statement, and then the objects that are on a page.

In the statement each object knows the place of its groups among their neighbours (`r0`, `r1`, ...) and its own in the
innermost group (`n`). Of each level the pages are kept, and one place more, which tells that there is one.
"""

# ruff: noqa: S608 (SQL is put together here: of identifiers that were checked, numbers of our own, and parameters)

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from gateway.errors import Code, GatewayError
from gateway.model.groups import Group, Level, Step
from gateway.model.operation import Caller, CountInGroup, Find, FindGroups, Result
from gateway.model.query import Column, Condition, Expression, Op
from gateway.model.schema import Action, Kind
from gateway.model.values import ID, Fields, Value
from gateway.store.connection import SqlValue
from gateway.store.encoding import type_of, write_column, write_number
from gateway.store.expression_sql import NOTHING, Expressions, Operand
from gateway.store.filter_sql import FilterSql
from gateway.store.reading import find
from gateway.store.schema import ClassSchema
from gateway.store.session import Session
from gateway.store.spot import FALSE, SCALARS, Rows, every

MOST_LEVELS: Final = 10
MOST_PLACES: Final = 20_000
"""Of groups and objects in one answer, where each level multiplies the one above."""


def find_groups(session: Session, op: FindGroups, caller: Caller) -> Result:
    """Raises GatewayError(BAD_QUERY, BAD_PAGE, UNSUPPORTED) besides what `find` does."""
    of = session.schema.find_for(caller, op.class_name)
    if op.distinct and op.select is not None:
        raise GatewayError(Code.UNSUPPORTED, "groups are of objects, and not of different rows", name="distinct")
    pages = Pages(session, of, op, caller)
    found = session.connection.rows(*pages.statement())
    if len(found) > MOST_PLACES:
        raise GatewayError(
            Code.BAD_PAGE, f"these are more than {MOST_PLACES} groups and objects at once: ask for smaller pages"
        )
    groups, innermost = pages.read(found)
    ids = [known for level in innermost for known in level.items]
    objects = _objects(session, op, ids, caller)
    by_id = dict(zip(ids, objects, strict=True))
    for level in innermost:
        level.items = [by_id[known] for known in level.items]
    return Result(objects=objects, groups=groups)


def count_in_group(session: Session, op: CountInGroup, caller: Caller) -> Result:
    of = session.schema.find_for(caller, op.class_name)
    sql = FilterSql(session.schema, caller)
    rows = sql.rows(of, Action.COUNT)
    keys = Keys(sql, rows)
    condition = every((keys.inside(op.path), sql.condition(rows, op.where)))
    # a parameter that is always used comes last: SQLite takes no more of them than the highest number in the text
    text = f"SELECT count(*) FROM {rows.table}{keys.joined} WHERE {condition} LIMIT {sql.bind(1)}"
    row = session.connection.row(text, sql.values)
    assert row is not None
    return Result(total=row[0])


def _objects(session: Session, op: FindGroups, ids: list[str], caller: Caller) -> list[Fields]:
    """As a query for them would show them, in the order of their ids."""
    if not ids:
        return []
    page = Find(
        class_name=op.class_name,
        limit=len(ids),
        where=Condition(ID, Op.IN, ids),
        select=None if op.select is None else (*op.select, ID),
        exclude=tuple(name for name in op.exclude if name != ID),
        include=op.include,
        with_acl=op.with_acl,
        outputs=op.outputs,
        members=op.members,
        depth=op.depth,
        nulls=op.nulls,
        exact=op.exact,
    )
    by_id = {fields[ID]: fields for fields in find(session, page, caller).objects or []}
    objects = [by_id[known] for known in ids]
    if ID in op.exclude or (op.exact and op.select is not None and ID not in op.select):
        for fields in objects:
            del fields[ID]
    return objects


def _check_levels(levels: int) -> None:
    if levels > MOST_LEVELS:
        raise GatewayError(Code.BAD_QUERY, f"there are at most {MOST_LEVELS} levels of groups")


class Keys:
    """What groups are told apart by. Each field gives an object one value of few kinds, or none."""

    def __init__(self, sql: FilterSql, rows: Rows) -> None:
        self._sql = sql
        self._expressions = Expressions(sql, rows, single=True)

    @property
    def joined(self) -> str:
        return self._expressions.joins.outer

    def single(self, name: str, expression: Expression) -> Operand:
        """A value of which an object has one. What is hidden of any object raises GatewayError(FORBIDDEN)."""
        members = self._expressions.joins.members
        before = len(members)
        operand = self._expressions.operand(expression)
        if len(members) > before:
            message = f"an object has several {name}, as of a relation, and stands in one place"
            raise GatewayError(Code.BAD_QUERY, message, field=name)
        return operand

    def key(self, field: str) -> Operand:
        operand = self.single(field, Column(field))
        if operand is not NOTHING and (operand.type is None or operand.type.kind not in SCALARS):
            raise GatewayError(Code.BAD_QUERY, f"no groups are made by {field!r}, which is {operand.type}", field=field)
        return operand

    def inside(self, path: Sequence[Step]) -> str:
        """Whether an object is in the group that a path leads to."""
        _check_levels(len(path))
        return every([self._has(self.key(step.field), step.value) for step in path])

    def _has(self, operand: Operand, value: Value) -> str:
        if value is None:
            return f"{operand.key} IS NULL"
        if operand.type is None or type_of(value) != operand.type:
            return FALSE
        kind = operand.type.kind
        stored: SqlValue = int(value) if kind is Kind.BOOLEAN else write_column(kind, value)
        return f"{operand.key} = {self._sql.bind(stored)}"


class Pages:
    """The statement that gives each place on the pages of one query, and what the places come to."""

    def __init__(self, session: Session, of: ClassSchema, op: FindGroups, caller: Caller) -> None:
        _check_levels(len(op.group_by) + len(op.path))
        if op.levels < 0 or min(op.limit, op.skip, op.group_limit, op.object_limit) < 0:
            raise GatewayError(Code.BAD_QUERY, "limits, skip and levels cannot be negative")
        self._op = op
        self._sql = FilterSql(session.schema, caller)
        self._rows = self._sql.rows(of, Action.FIND)
        self._keys = Keys(self._sql, self._rows)
        inside = {step.field for step in op.path}
        fields = [field for field in dict.fromkeys(op.group_by) if field not in inside]
        self._sorts = [sort for sort in op.order if sort.value is not None or sort.field not in fields]
        self._falling = {sort.field for sort in op.order if sort.descending}
        self._opened = op.levels >= len(fields)
        """Whether the innermost groups show their objects."""
        # a field that is too deep to be shown is refused all the same, where it must be
        keys = {field: self._keys.key(field) for field in fields}
        self._shown = {field: keys[field] for field in fields[: op.levels + 1]}
        sizes = [op.limit + op.skip, *[op.group_limit] * (len(self._shown) - 1), op.object_limit]
        self._last = sizes if self._shown else sizes[:1]
        """The last place on the page of each level, the objects' at the end."""
        self._check_outputs(session, of, caller)

    def _check_outputs(self, session: Session, of: ClassSchema, caller: Caller) -> None:
        """In a statement of their own: they are of the objects on the page alone."""
        sql = FilterSql(session.schema, caller)
        outputs = Keys(sql, sql.rows(of, Action.FIND))
        for output in self._op.outputs:
            outputs.single(output.name, output.value)

    def statement(self) -> tuple[str, Sequence[SqlValue]]:
        op, sql, rows = self._op, self._sql, self._rows
        columns, partition = [f"{rows.alias}.id AS id"], ""
        for at, (field, key) in enumerate(self._shown.items()):
            falling = " DESC" if field in self._falling else ""
            columns.append(f"dense_rank() OVER ({partition} ORDER BY {key.order}{falling}, {key.key}) AS r{at}")
            columns.append(f"{key.shown} AS c{at}")
            partition = f"{partition}, {key.key}" if partition else f"PARTITION BY {key.key}"
        columns.append(f"row_number() OVER ({partition} ORDER BY {self._order()}) AS n")
        condition = every((self._keys.inside(op.path), sql.condition(rows, op.where)))
        inner = f"SELECT {', '.join(columns)} FROM {rows.table}{self._keys.joined} WHERE {condition}"
        places = [f"r{at}" for at in range(len(self._shown))]
        told = "".join(f", r{at}, c{at}" for at in range(len(self._shown)))
        text = f"SELECT id, n{told} FROM ({inner}) WHERE {self._kept([*places, 'n'])}"
        return f"{text} ORDER BY {', '.join([*places, 'n'])} LIMIT {sql.bind(MOST_PLACES + 1)}", sql.values

    def _order(self) -> str:
        """Of the objects in a group."""
        computed = {output.name: output.value for output in self._op.outputs}
        named = {}
        for sort in self._sorts:
            if sort.field in computed or "." in sort.field:
                named[sort.field] = self._keys.single(sort.field, computed.get(sort.field, Column(sort.field))).order
        return self._sql.order(self._rows, self._sorts, self._op.where, named)

    def _kept(self, places: list[str]) -> str:
        """The places on the pages, and of each level one more: that of the first object of the first groups in it."""
        tests = []
        for at, (place, last) in enumerate(zip(places, self._last, strict=True)):
            first = every([f"{below} = 1" for below in places[at + 1 :]])
            end, beyond = self._sql.bind(write_number(last)), self._sql.bind(write_number(last + 1))
            tests.append(f"({place} <= {end} OR ({place} = {beyond} AND {first}))")
        if not self._opened:
            tests.append("n = 1")
        if self._op.skip:
            tests.append(f"{places[0]} > {self._sql.bind(write_number(self._op.skip))}")
        return every(tests)

    def read(self, found: Sequence[Sequence[Any]]) -> tuple[Level, list[Level]]:
        """The first level, and all those that have objects: their ids, in the same order as in `found`."""
        root = Level([])
        innermost = [] if self._shown else [root]
        way: list[tuple[int, Group]] = []
        for known, place, *told in found:
            level = root
            for at, (field, key) in enumerate(self._shown.items()):
                rank, stored = told[2 * at : 2 * at + 2]
                if rank > self._last[at]:
                    level.more = True
                    break
                if at == len(way) or way[at][0] != rank:
                    del way[at:]
                    group = Group(field, key.read(stored), Level([]))
                    way.append((rank, group))
                    level.items.append(group)
                    if at == len(self._shown) - 1:
                        innermost.append(group.level)
                level = way[at][1].level
            else:
                level.more = not self._opened or place > self._last[-1]
                if not level.more:
                    level.items.append(known)
        return root, innermost
