"""The mapping of a vendor's servers as they were at another time: the same, less what these did not have."""

from __future__ import annotations

from collections.abc import Iterable

from gateway.errors import MappingError
from gateway.mapping.schema import Edition, MappingFile, RouteSection, Template


def edition_of(file: MappingFile, name: str) -> MappingFile:
    """Raises KeyError where there is no such edition, and MappingError where it takes away what is not there."""
    edition = file.editions[name]
    limits = file.limits.model_copy(
        update={
            "batch": edition.batch,
            "page": file.limits.page.model_copy(update={"largest": edition.largest_page}),
        }
    )
    return file.model_copy(
        update={
            "routes": tuple(_routes(file, name, edition)),
            "where": _where(file, name, edition),
            "limits": limits,
            "never_asked": tuple(known for known in file.never_asked if known not in edition.operations),
            "sent_headers": edition.headers,
        }
    )


def _routes(file: MappingFile, name: str, edition: Edition) -> Iterable[RouteSection]:
    _expect(name, "operations", edition.operations, {route.op for route in file.routes})
    _expect(name, "routes", edition.routes, {route.http for route in file.routes})
    _expect(name, "parameters", edition.parameters, {key for route in file.routes for key in route.query})
    _expect(name, "keys", edition.keys, {route.http for route in file.routes if isinstance(route.body, dict)})
    templates = [template for route in file.routes for template in route.query.values() if isinstance(template, str)]
    _expect(name, "codecs", edition.codecs, {template.partition("|")[2] for template in templates})
    for route in file.routes:
        if route.op in edition.operations or route.http in edition.routes:
            continue
        body = route.body
        if route.http in edition.keys and isinstance(body, dict):
            _expect(name, f"keys.{route.http}", edition.keys[route.http], body.keys())
            body = {key: part for key, part in body.items() if key not in edition.keys[route.http]}
        query = {key: _encoded(part, edition) for key, part in route.query.items() if key not in edition.parameters}
        yield route.model_copy(update={"query": query, "body": body})


def _encoded(template: Template, edition: Edition) -> Template:
    if not isinstance(template, str):
        return template
    slot, _, codec = template.partition("|")
    return f"{slot}|{edition.codecs[codec]}" if codec in edition.codecs else template


def _where(file: MappingFile, name: str, edition: Edition) -> object:
    where = file.where
    if where is None:
        return None
    _expect(name, "operators", edition.operators, where.operators.keys() | where.logic.keys())
    without = frozenset(edition.operators)
    return where.model_copy(
        update={
            "operators": {key: word for key, word in where.operators.items() if key not in without},
            "logic": {key: word for key, word in where.logic.items() if key not in without},
            "subquery_binds": ("limit",) if edition.subquery_most is not None else where.subquery_binds,
            "subquery_ignores": tuple(key for key in where.subquery_ignores if key != "limit"),
            "subquery_most": edition.subquery_most,
        }
    )


def _expect(name: str, key: str, taken: Iterable[str], there: Iterable[str]) -> None:
    known = frozenset(there)
    for each in taken:
        if each not in known:
            raise MappingError(f"editions.{name}.{key}: there is no {each}")
