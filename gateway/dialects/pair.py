"""A dialect in front and one behind, compiled for each other: what both encode alike is handed through as it stands.

An object of an answer then holds, in the place of a value of such a kind, its wire. Nothing between the two dialects
may look at these values: a pair is for answers that are only passed on.
"""

from __future__ import annotations

from gateway.dialects.dialect import Dialect


def alike(front: Dialect, back: Dialect) -> frozenset[str]:
    """The kinds of values, and the system fields, that have one and the same template in both mappings."""
    ours, theirs = front.file, back.file
    fields = {f"@{name}" for name, wire in ours.fields.items() if theirs.fields.get(name) == wire}
    if ours.value_tag is None or ours.value_tag != theirs.value_tag:
        return frozenset(fields)
    # an object in the place of a pointer has columns of its own, which need not be alike
    kinds = {kind for kind, template in ours.values.items() if theirs.values.get(kind) == template} - {"object"}
    return frozenset(fields | kinds)


def paired(front: Dialect, back: Dialect) -> tuple[Dialect, Dialect]:
    """The two, compiled for each other."""
    same = alike(front, back)
    return Dialect(front.name, front.file, same), Dialect(back.name, back.file, same)
