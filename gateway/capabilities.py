"""What works on what, told from the tables that do the work: there is no second list to keep true."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gateway.backends.emulations import FAMILIES, OF_THE_GATEWAY, Ability, Way, abilities
from gateway.dialects.dialect import Dialect, load_dialects
from gateway.mapping.schema import MappingFile
from gateway.model.catalogue import OPERATIONS
from gateway.model.update import JsonEdit

BARE: Mapping[str, str] = {
    "geopoint": "GeoJSON Point",
    "linestring": "GeoJSON LineString",
    "polygon": "GeoJSON Polygon",
    "object": "an object",
}
"""How values without a tag are told; the others are known by their column alone."""

SQL: Mapping[str, str] = {
    "eq": "=",
    "ne": "!=",
    "lt": "<",
    "le": "<=",
    "gt": ">",
    "ge": ">=",
    "in": "in",
    "not_in": "not in",
    "exists": "is not null",
    "like": "like",
    "in_query": "in (Table[...].column)",
    "select": "in (Table[...].column)",
    "near": "distance(...)",
    "within": "Within(...)",
    "and": "and",
    "or": "or",
    "not": "not",
    "related_to": "Table[column].objectId",
}
"""How `where_sql` says conditions: by its grammar, and not by a mapping."""

EMBEDDED: Mapping[str, Ability] = {
    **dict.fromkeys((*OPERATIONS, *FAMILIES.values()), Ability(Way.NATIVE)),
    **OF_THE_GATEWAY,
}
"""It executes the model, whole."""


@dataclass(frozen=True, slots=True)
class Section:
    """Words of the model, each with how every dialect says it; a dialect that has no word for it is not there."""

    title: str
    rows: Mapping[str, Mapping[str, str]]


def sections(files: Mapping[str, MappingFile]) -> Iterator[Section]:
    yield _section("Operations", OPERATIONS, files, _routes)
    yield _section("Values", (name for file in files.values() for name in file.values), files, _value)
    yield _section("Changes", (name for file in files.values() for name in file.updates), files, _update)
    yield _section("Conditions", (name for file in files.values() for name in _conditions(file)), files, _condition)


def of_backend(
    dialect: Dialect | None, emulate: Iterable[str] = (), refuse: Iterable[str] = ()
) -> Mapping[str, Ability]:
    """What a backend can do: of the dialect that it speaks, or of the gateway's own store."""
    return EMBEDDED if dialect is None else abilities(dialect, emulate, refuse)


def told(found: Mapping[str, Ability]) -> dict[str, dict[str, str]]:
    """The same as JSON: how each thing is done, and why or by what means where there is more to say."""
    return {
        name: {"way": ability.way.value} | ({"told": ability.told} if ability.told else {})
        for name, ability in found.items()
    }


def written_as_markdown(directory: Path) -> str:
    """One table a section, with a column for each mapping of the directory. Raises MappingError."""
    dialects = load_dialects(directory)
    files = {name: dialect.file for name, dialect in dialects.items()}
    blocks = []
    for section in sections(files):
        lines = [
            f"| {section.title} | {' | '.join(file.title for file in files.values())} |",
            "|---" * (len(files) + 1) + "|",
        ]
        for word, said in section.rows.items():
            cells = (f"`{said[name]}`" if name in said else "not there" for name in files)
            lines.append(f"| {word.replace('_', ' ')} | {' | '.join(cells)} |")
        blocks.append("\n".join(lines) + "\n")
    return "\n".join([*blocks, _behind(dialects)])


def _behind(dialects: Mapping[str, Dialect]) -> str:
    """What a server of each vendor can do as a backend, by default."""
    found = {name: abilities(dialect) for name, dialect in dialects.items()}
    lines = [
        f"| As a backend | embedded | {' | '.join(dialect.title for dialect in dialects.values())} |",
        "|---" * (len(dialects) + 2) + "|",
    ]
    for word in dict.fromkeys(word for each in found.values() for word in each):
        cells = (each[word].way.value if word in each else "-" for each in found.values())
        lines.append(
            f"| {word.replace('_', ' ')} | {EMBEDDED.get(word, Ability(Way.NATIVE)).way} | {' | '.join(cells)} |"
        )
    return "\n".join(lines) + "\n"


def _section(
    title: str, words: Iterable[str], files: Mapping[str, MappingFile], say: Callable[[MappingFile, str], str]
) -> Section:
    rows = {}
    for word in dict.fromkeys(map(str, words)):
        said = {name: say(file, word) for name, file in files.items()}
        rows[word] = {name: text for name, text in said.items() if text}
    return Section(title, rows)


def _routes(file: MappingFile, operation: str) -> str:
    return ", ".join(dict.fromkeys(route.http for route in file.routes if route.op == operation))


def _value(file: MappingFile, kind: str) -> str:
    template = file.values.get(kind)
    if file.value_tag is not None:
        return _tags(template, file.value_tag)
    return BARE.get(kind, "by its column") if template is not None else ""


def _update(file: MappingFile, change: str) -> str:
    if change not in file.updates:
        # a sum is said as what is computed, where there is no word of its own for it
        return "an expression" if change == "increment" and "compute" in file.updates else ""
    template = file.updates[change]
    if template is None:
        return "null"
    tags = (file.update_tag,) if isinstance(file.update_tag, str) else file.update_tag
    if change == "edit_json":
        return ", ".join(f"JSON_{edit.upper()}" for edit in JsonEdit)
    return ", ".join(filter(None, (_tags(template, tag) for tag in tags)))


def _conditions(file: MappingFile) -> Mapping[str, str]:
    if file.where is None:
        return SQL
    return {**file.where.operators, **file.where.logic}


def _condition(file: MappingFile, word: str) -> str:
    return _conditions(file).get(word, "")


def _tags(template: Any, tag: str) -> str:
    """What stands under the tag, in each of the alternatives."""
    alternatives = template if isinstance(template, list) else [template]
    found = (part[tag] for part in alternatives if isinstance(part, dict) and isinstance(part.get(tag), str))
    return ", ".join(dict.fromkeys(found))
