"""What works on what, told from the tables that do the work: there is no second list to keep true."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gateway.mapping.schema import MappingFile, read_mapping
from gateway.model.catalogue import OPERATIONS

BACKENDS: Mapping[str, frozenset[str]] = {
    "embedded": frozenset(OPERATIONS),  # it executes the model, whole
}
"""The operations that a type of backend executes."""


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


def written_as_markdown(directory: Path) -> str:
    """One table a section, with a column for each mapping of the directory. Raises MappingError."""
    files = {path.stem: read_mapping(path) for path in sorted(directory.glob("*.yaml"))}
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
    return "\n".join(blocks)


def _section(
    title: str, words: Iterable[str], files: Mapping[str, MappingFile], say: Callable[[MappingFile, str], str]
) -> Section:
    rows = {}
    for word in dict.fromkeys(map(str, words)):
        said = {name: say(file, word) for name, file in files.items()}
        rows[word] = {name: text for name, text in said.items() if text}
    return Section(title, rows)


def _routes(file: MappingFile, operation: str) -> str:
    return ", ".join(route.http for route in file.routes if route.op == operation)


def _value(file: MappingFile, kind: str) -> str:
    return _tags(file.values.get(kind), file.value_tag)


def _update(file: MappingFile, change: str) -> str:
    return _tags(file.updates.get(change), file.update_tag)


def _conditions(file: MappingFile) -> Mapping[str, str]:
    return {**file.where.operators, **file.where.logic}


def _condition(file: MappingFile, word: str) -> str:
    return _conditions(file).get(word, "")


def _tags(template: Any, tag: str) -> str:
    """What stands under the tag, in each of the alternatives."""
    alternatives = template if isinstance(template, list) else [template]
    found = (part[tag] for part in alternatives if isinstance(part, dict) and isinstance(part.get(tag), str))
    return ", ".join(dict.fromkeys(found))
