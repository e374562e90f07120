"""Full-text search of a class: its index, what keeps it right, and the SQL that asks it.

A class has an index from when it is first searched; until then nothing of this costs its writes anything. The index is
a table of FTS5 (https://sqlite.org/fts5.html) without contents of its own. It has a row for each field of an object
that may hold text, so a column that is new, or goes, concerns nothing else, and a search sees only the fields that its
caller may read. The number of a row is that of the column and of the object in one.

Triggers keep it right: whatever writes the class's table, by whatever way, writes the index in the same transaction. A
new index has triggers from the beginning, and gets the objects that were there a part at a time, as jobs of their own
that hold nobody up; it answers when all of them are in.

A match is worth what its own words are worth, and not how rare these are elsewhere: numbers such as those of FTS5's
bm25() tell what stands in objects that the caller may not read.
"""

# ruff: noqa: S608 (SQL is put together here: of identifiers that were checked, numbers of our own, and parameters)

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from gateway.model.query import Phrase
from gateway.model.schema import Kind
from gateway.store.connection import Connection
from gateway.store.schema import TEXT_TRIGGERS, ClassSchema, Schema, set_text_index
from gateway.store.words import spoken

TEXTS: Final = frozenset({Kind.STRING, Kind.ARRAY, Kind.OBJECT})
"""Columns that texts may stand in."""

OBJECT_BITS: Final = 40
"""Of the number of a row those that are the object's: a trillion of them, and eight million columns."""

_OBJECT: Final = (1 << OBJECT_BITS) - 1

PART: Final = 500
PART_BYTES: Final = 1_000_000
"""Objects that go into a new index at once, and what they may weigh together: the writer has others to look after."""

_IN_FIELDS: Final = f"type IN ({', '.join(repr(kind.value) for kind in sorted(TEXTS))})"


class Unindexed(Exception):  # noqa: N818 (a state of affairs, which who runs the statement mends)
    """A class is searched that has no index, or one that is not complete."""

    def __init__(self, class_name: str) -> None:
        super().__init__(class_name)
        self.class_name = class_name


class Rank(Protocol):
    """What FTS5 tells of a row that matches (https://rogerbinns.github.io/apsw/textsearch.html)."""

    @property
    def phrase_count(self) -> int: ...
    def phrase_locations(self, phrase: int, /) -> Sequence[Sequence[int]]: ...
    def column_size(self, column: int = -1, /) -> int: ...


def worth(row: Rank, *_: object) -> float:
    """More where more of the phrases are there, more often, in a shorter text; each is worth less than 1."""
    length = 0.5 + row.column_size(0) / 100
    times = (len(row.phrase_locations(phrase)[0]) for phrase in range(row.phrase_count))
    return sum(found / (found + length) for found in times)


@dataclass(frozen=True, slots=True)
class TextIn:
    """The texts of a class in some columns, or (`columns` is None) in all of them."""

    of: ClassSchema
    columns: tuple[int, ...] | None

    def match(self, phrases: Iterable[Phrase]) -> str | None:
        """Some of these phrases, in the language of FTS5; None where there is no word in any of them.

        Between the quotes are words as `words_of` makes them: no quote is in them, and nothing else of its syntax.
        """
        said = [f'"{" ".join(words)}"{"*" if prefix else ""}' for words, prefix in spoken(phrases)]
        return " OR ".join(said) or None

    def select(self, match: str) -> str:
        """The objects with such a text; `match` is a parameter."""
        return f"SELECT rowid & {_OBJECT} {self._source(match)}"

    def ranked(self, match: str) -> str:
        """The same, as `hit`, each with what it is `worth`."""
        # materialized: FTS5 answers its own functions where a row is found, and not in what is made of many
        # cast: only a number that is known as one is looked up by an index that SQLite makes for the statement
        hit = f"CAST(rowid & {_OBJECT} AS INTEGER) AS hit"
        rows = f"SELECT {hit}, worth({self.of.text_table}) AS worth {self._source(match)}"
        return f"WITH found AS MATERIALIZED ({rows}) SELECT hit, sum(worth) AS worth FROM found GROUP BY hit"

    def _source(self, match: str) -> str:
        table = self.of.text_table
        source = f"FROM {table} WHERE {table} MATCH {match}"
        if self.columns is None:
            return source
        if len(self.columns) == 1:
            first = self.columns[0] << OBJECT_BITS
            return f"{source} AND rowid BETWEEN {first} AND {first + _OBJECT}"
        return f"{source} AND (rowid >> {OBJECT_BITS}) IN ({', '.join(map(str, self.columns))})"


def extend(connection: Connection, schema: Schema, class_name: str) -> tuple[Schema, bool]:
    """Makes the index of a class, or puts a part of its objects in. Returns whether it is complete."""
    of = schema.classes.get(class_name)
    if of is None or of.is_indexed:
        return schema, True
    row = connection.row("SELECT filled, until FROM text_index WHERE class = ?", (of.id,))
    if row is None:
        _make(connection, of)
        filled, until = 0, (connection.row(f"SELECT max(seq) FROM {of.table}") or (None,))[0] or 0
        connection.run("INSERT INTO text_index(class, filled, until) VALUES (?, ?, ?)", (of.id, filled, until))
    else:
        filled, until = row
    page = f"SELECT seq, octet_length(doc) AS weight FROM {of.table} WHERE seq > ?1 AND seq <= ?2"
    page += f" ORDER BY seq LIMIT {PART}"
    weighed = f"SELECT seq, sum(weight) OVER (ORDER BY seq) - weight AS before FROM ({page})"
    part = f"SELECT seq FROM ({weighed}) WHERE before < {PART_BYTES}"
    (reached,) = connection.row(f"SELECT max(seq) FROM ({part})", (filled, until)) or (None,)
    if reached is not None:
        rows = f"{of.table} AS t"
        connection.run(
            _put_in(of, "t", rows, "t.seq > ?1 AND t.seq <= ?2", verb="INSERT OR REPLACE"), (filled, reached)
        )
    if reached is not None and reached < until:
        connection.run("UPDATE text_index SET filled = ? WHERE class = ?", (reached, of.id))
        return schema, False
    connection.run("UPDATE text_index SET filled = until WHERE class = ?", (of.id,))
    return set_text_index(connection, schema, of), True


def _make(connection: Connection, of: ClassSchema) -> None:
    table = of.text_table
    # `ascii` parts what is joined by spaces, and nothing else: our words have no other separator of its in them
    connection.run(
        f"CREATE VIRTUAL TABLE {table} USING fts5(words, content='', contentless_delete=1, tokenize='ascii')"
    )
    every = f"SELECT (id << {OBJECT_BITS}) | old.seq FROM field WHERE class = {of.id} AND {_IN_FIELDS}"
    changed = "(old.doc -> ('$.' || name)) IS NOT (new.doc -> ('$.' || name))"
    added, gone, updated = (f"CREATE TRIGGER {table}_{moment} AFTER" for moment in TEXT_TRIGGERS)
    connection.run(f"{added} INSERT ON {of.table} BEGIN {_put_in(of, 'new', '', '1')}; END")
    connection.run(f"{gone} DELETE ON {of.table} BEGIN DELETE FROM {table} WHERE rowid IN ({every}); END")
    connection.run(
        f"{updated} UPDATE OF doc ON {of.table} BEGIN"
        f" DELETE FROM {table} WHERE rowid IN ({every} AND {changed});"
        f" {_put_in(of, 'new', '', changed)}; END"
    )


def _put_in(of: ClassSchema, row: str, source: str, condition: str, *, verb: str = "INSERT") -> str:
    """A statement that gives the index the fields of rows that have a value."""
    value = f"{row}.doc -> ('$.' || name)"
    tables = f"field, {source}" if source else "field"
    return (
        f"{verb} INTO {of.text_table}(rowid, words) SELECT (field.id << {OBJECT_BITS}) | {row}.seq, indexed({value})"
        f" FROM {tables} WHERE class = {of.id} AND {_IN_FIELDS} AND {value} IS NOT NULL AND {condition}"
    )
