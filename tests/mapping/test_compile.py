# ruff: noqa: E501 - one damage, one line
"""A good mapping with one thing wrong in it is refused before anything starts, with the file, the key and the reason."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import yaml

from gateway.app import mappings_directory
from gateway.dialects.dialect import load_dialects
from gateway.errors import MappingError
from gateway.model.catalogue import OPERATIONS
from gateway.model.operation import Create, Result, Update

GOOD = load_dialects(mappings_directory())
FILES = [name for name in sorted(GOOD) if GOOD[name].file.value_tag is not None]
BARE = [name for name in sorted(GOOD) if GOOD[name].file.value_tag is None]

Damage = Callable[[Any], object]


def at(raw: Any, *keys: Any) -> Any:
    for key in keys:
        raw = raw[key]
    return raw


def put(*keys: Any, value: Any) -> Damage:
    return lambda raw: at(raw, *keys[:-1]).__setitem__(keys[-1], value)


def drop(*keys: Any) -> Damage:
    return lambda raw: at(raw, *keys[:-1]).__delitem__(keys[-1])


def add(*keys: Any, value: Any) -> Damage:
    return lambda raw: at(raw, *keys).append(value)


def fields_of(cls: type) -> str:
    return ", ".join(field.name for field in dataclasses.fields(cls))


CREATE, UPDATE = "routes.0 (POST /classes/{class_name})", "routes.3 (PUT /classes/{class_name}/{id})"
RESULT = ", ".join(sorted({field.name for field in dataclasses.fields(Result)} - {"created"}))

# what is done -> what is said; the same in each of the mappings
ANYWHERE: tuple[tuple[str, Damage, str], ...] = (
    ("no title", drop("title"), "title: Field required"),
    ("a title that is a number", put("title", value=1), "title: Input should be a valid string"),
    ("an unknown key", put("tiitle", value="x"), "tiitle: Extra inputs are not permitted"),
    ("no mounts", drop("mounts"), "mounts: Field required"),
    ("no credentials", drop("credentials"), "credentials: Field required"),
    ("no proof", drop("credentials", "proves"), "credentials.proves: Field required"),
    ("no limits", drop("limits"), "limits: Field required"),
    ("a limit as text", put("limits", "batch", value="50"), "limits.batch: Input should be a valid integer"),
    ("a page of nothing", put("limits", "page", "default", value=0), "limits.page.default: Input should be greater than or equal to 1"),
    (
        "a limit with an unknown rule",
        put("limits", "page", "negative", value="explode"),
        "limits.page.negative: Input should be 'default', 'cap' or 'refuse'",
    ),
    ("no pattern of classes", drop("names", "class"), "names.class: Field required"),
    ("a route without an operation", drop("routes", 0, "op"), "routes.0.op: Field required"),
    ("a route without a reply", drop("routes", 0, "reply"), "routes.0.reply: Field required"),
    ("a route with an unknown key", put("routes", 0, "refuses", value=[]), "routes.0.refuses: Extra inputs are not permitted"),
    (
        "a method that is none",
        put("routes", 0, "http", value="FETCH /classes/{class_name}"),
        "routes.0.http: String should match pattern '^(GET|POST|PUT|PATCH|DELETE) /\\S*$'",
    ),
    ("an error without a status", drop("errors", "rows", "internal", "status"), "errors.rows.internal.status: Field required"),
    ("an error number as text", put("errors", "rows", "internal", "code", value="1"), "errors.rows.internal.code: Input should be a valid integer"),
    ("a path beside the mounts where nothing is", put("beside", value=["/no/where"]), "beside: nothing is served or refused at '/no/where'"),
    ("a path that is refused openly, and not refused", put("refused_openly", value=["GET /no"]), "refused_openly: 'GET /no' is not refused"),
    ("an application named by nothing", put("routes", 0, "keyless", value="app"), "routes.0 ({first}).keyless: must be a hole of the path, or a parameter, that binds nothing"),
    ("no answer to a preflight", drop("cors"), "cors: Field required"),
    ("a bad regular expression", put("names", "class", value="("), "names: is no regular expression: missing ), unterminated subpattern at position 0"),
    ("an unknown system field", put("fields", "idd", value="x"), "fields.idd: is no system field; there are @id, @created_at, @updated_at, @acl, @owner"),
    ("a system field with an unknown codec", put("fields", "acl", value="ACL|ackl"), "fields.acl: there is no codec 'ackl'"),
    ("two system fields of one name", put("fields", "acl", value="objectId"), "fields.acl: objectId is the name of @id already"),
    ("a header in capitals", put("credentials", "headers", "X-Key", value="$key"), "credentials.headers.X-Key: names of headers are lower case here"),
    ("a proof that no header holds", put("credentials", "proves", "client", value=["secret"]), "credentials.proves.client: no header holds a secret"),
    ("no application id", put("credentials", value={"headers": {"x": "$k"}, "proves": {"client": [], "master": []}}), "credentials.headers: none holds the $app_id"),
    ("a header with an unknown codec", put("credentials", "headers", "x", value="$k|nope"), "credentials.headers.x: there is no codec 'nope'; there are {codecs}"),
    ("a table with the name of a codec", put("tables", value={"text": {"a": "b"}}), "tables.text: is the name of a codec"),
    ("two classes of one name", put("names", "classes", value={"_User": "Users", "_Role": "Users"}), "names.classes: two classes have one name"),
    ("a code that nothing tells", drop("errors", "rows", "timeout"), "errors.rows: nothing says how to tell timeout"),
    ("an error with neither a code nor a body", put("errors", "rows", "timeout", value={"status": 503}), "errors.rows.timeout: needs a code, or a body of its own"),
    ("a sentence with an unknown detail", put("errors", "rows", "timeout", "text", value="{seconds} s"), "errors.rows.timeout.text: there is no {seconds}; there are action, class_name, expected, field, found, id, message, minutes, name, trigger"),
    ("a sentence with half a hole", put("errors", "rows", "timeout", "text", value="}"), "errors.rows.timeout.text: Single '}' encountered in format string: '}'"),
)  # fmt: skip

# the same, of mappings whose values have a tag
DAMAGES: tuple[tuple[str, Damage, str], ...] = (
    # the schema: every key at fault is named
    ("no value tag", drop("value_tag"), "value_tag: Field required"),
    ("no operators", drop("where", "operators"), "where.operators: Field required"),
    ("no radius", drop("where", "miles"), "where.miles: Field required"),
    ("a subquery with a word of its own", put("where", "subquery_binds", value=["where"]), "where.subquery_binds.0: Input should be 'limit', 'skip' or 'order'"),
    # names
    # credentials
    # values and updates
    ("an unknown kind of value", put("values", "color", value={"__type": "Color"}), "values.color: there is no kind of value 'color'; there are date, pointer, relation, file, geopoint, linestring, polygon, bytes, object"),
    ("a value without a tag", put("values", "date", value={"iso": "$iso|iso_text"}), "values.date: must be an object with the constant '__type'"),
    ("a value that is no object", put("values", "date", value="$iso"), "values.date: must be an object with the constant '__type'"),
    ("a value that binds too little", put("values", "date", value={"__type": "Date"}), "values.date: does not bind iso"),
    ("a value that binds too much", put("values", "date", "zone", value="$zone"), "values.date: a date has no zone"),
    ("two values of one tag", put("values", "date", "__type", value="Bytes"), "values.bytes: __type 'Bytes' reads as two kinds of value"),
    ("a value with an unknown codec", put("values", "date", "iso", value="$iso|iso_tekst"), "values.date.iso: there is no codec 'iso_tekst'; there are {codecs}"),
    ("an unknown change", put("updates", "double", value={"__op": "Double"}), "updates.double: there is no change 'double'; there are set_on_insert, unset, increment, bit_and, bit_or, bit_xor, add, add_unique, remove, add_relation, remove_relation, several, compute, edit_json"),
    ("a change without a tag", put("updates", "unset", value={"delete": True}), "updates.unset: must be an object with the constant '__op'"),
    ("a change that binds too little", put("updates", "add", value={"__op": "Add"}), "updates.add: must bind values"),
    ("a change that binds too much", put("updates", "unset", "by", value="$by"), "updates.unset: must bind nothing"),
    ("two changes of one tag", put("updates", "add", "__op", value="AddUnique"), "updates.add_unique: __op 'AddUnique' reads as two kinds of change"),
    # where
    ("an unknown operator", put("where", "operators", "like", value="$like"), "where.operators: there is no like"),
    ("an unknown piece of logic", put("where", "logic", "xor", value="$xor"), "where.logic: there is no xor"),
    ("two operators of one name", put("where", "operators", "gt", value="$lt"), "where.operators: two operators have one name"),
    # tables
    # routes
    (
        "an unknown operation",
        put("routes", 0, "op", value="teleport"),
        CREATE + f".op: there is no operation 'teleport'; there are {', '.join(OPERATIONS)}",
    ),
    ("a hole that is not a segment", put("routes", 0, "http", value="POST /classes/x{class_name}"), "routes.0 (POST /classes/x{class_name}).http: a hole must be a whole segment of the path, not 'x{class_name}'"),
    ("a hole twice", put("routes", 3, "http", value="PUT /{id}/{id}"), "routes.3 (PUT /{id}/{id}).http: a hole is there twice in '/{id}/{id}'"),
    ("an encoding of a hole that is not there", put("routes", 0, "path", value={"ids": "$ids|ids"}), CREATE + ".path.ids: there is no such hole in /classes/{class_name}"),
    ("a path for what the operation lacks", put("routes", 0, "http", value="POST /classes/{class_name}/{limit}"), "routes.0 (POST /classes/{class_name}/{limit}): create has no limit; it has " + fields_of(Create)),
    ("a slot that the operation lacks", put("routes", 3, "body", value={"+": "$object|changes"}), UPDATE + ": update has no object; it has " + fields_of(Update)),
    ("a required slot that nothing binds", put("routes", 0, "body", value={"objectId": "$id|text"}), CREATE + ": create needs changes, and nothing binds it"),
    ("a slot of the path in the body again", put("routes", 3, "body", "objectId", value="$id|text"), UPDATE + ": id is bound by the path, and once more"),
    ("an unknown codec", put("routes", 3, "body", "+", value="$changes|chamges"), UPDATE + ".body.+: there is no codec 'chamges'; there are {codecs}"),
    ("a rest that is no slot", put("routes", 3, "body", "+", value="all"), UPDATE + ".body.+: must be a slot, such as $object|object"),
    ("a body that is a constant", put("routes", 3, "body", value="changes"), UPDATE + ".body: must be an object, or a slot"),
    ("a body with the parameters in it", put("routes", 3, "query_in_body", value=True), UPDATE + ".body: has the parameters already"),
    ("a parameter that is not there, more than once", put("routes", 3, "repeated", value=["x"]), UPDATE + ".repeated: there is no parameter x"),
    ("a parameter that is not there, as if sent", put("routes", 1, "given", value={"x": 1}), "routes.1 (GET /classes/{class_name}).given.x: there is no parameter x"),
    ("a parameter as if sent, that cannot be read", put("routes", 1, "given", value={"skip": "x"}), "routes.1 (GET /classes/{class_name}).given.skip: skip must be a whole number, not 'x'"),
    ("parameters apart that are not there", put("routes", 3, "apart", value=["a"]), UPDATE + ".apart: there is no parameter a"),
    ("a need that nothing meets", put("routes", 3, "needs", value=["limit"]), UPDATE + ".needs: nothing binds limit"),
    ("a refused route that is served", put("refused", value={"POST /classes/{any}": "no"}), "refused.POST /classes/{any}: POST /classes/{any} is served by a route"),
    ("a slot that is none", put("routes", 3, "body", "x", value="$Changes"), UPDATE + ".body.x: '$Changes' is not a slot: expected $name or $name|codec"),
    ("a codec without a slot", put("routes", 3, "body", "x", value="$|text"), UPDATE + ".body.x: '$|text' names no slot, and its codec does not bind several"),
    ("a slot for a codec of several", put("routes", 3, "body", "x", value="$select|signed_fields"), UPDATE + ".body.x: signed_fields binds several slots of its own: write $|signed_fields"),
    ("no alternatives", put("routes", 3, "body", "x", value=[]), UPDATE + ".body.x: no alternative is left to choose from"),
    ("a parameter with two fates", put("routes", 3, "ignore", value=["a", "b", "a"]), UPDATE + ": the parameter a has two fates"),
    ("a parameter refused and ignored", lambda raw: raw["routes"][3].update(ignore=["a"], refuse=["a"]), UPDATE + ": the parameter a has two fates"),
    ("a spelling of a parameter that is not there", put("routes", 3, "also", value={"new": "fetch"}), UPDATE + ".also.new: there is no parameter fetch"),
    ("a default for what the operation lacks", put("routes", 0, "defaults", "limit", value=1), CREATE + ": create has no limit; it has " + fields_of(Create)),
    ("a default that is no member", put("routes", 0, "defaults", "returning", value="all"), CREATE + ".defaults.returning: expected one of nothing, computed, changed, everything"),
    ("a default of another type", put("routes", 1, "defaults", "limit", value="100"), "routes.1 (GET /classes/{class_name}).defaults.limit: expected a value of the type int, not '100'"),
    ("a part that a result lacks", put("routes", 3, "reply", "x", value="$count"), UPDATE + ".reply: a result has no count; it has " + RESULT),
    ("a reply with an unknown key", put("routes", 0, "reply", "header", value={}), CREATE + ".reply.header: Extra inputs are not permitted"),
    ("a reply with a status as text", put("routes", 0, "reply", "status", value="201"), CREATE + ".reply.status: Input should be a valid integer"),
    ("a header with an unknown hole", put("routes", 0, "reply", "headers", "Location", value="/{limit}"), CREATE + ".reply.headers.Location: there is no {limit}; there are base, class_name, file_url, id, mount"),
    ("a header with half a hole", put("routes", 0, "reply", "headers", "Location", value="/{id"), CREATE + ".reply.headers.Location: expected '}' before end of string: '/{id'"),
    ("two routes of one path", put("routes", 2, "http", value="GET /classes/{class_name}"), "routes.2 (GET /classes/{class_name}): get needs id, and nothing binds it"),
    ("one route twice", lambda raw: raw["routes"].append(deepcopy(raw["routes"][0])), "routes.{count} (POST /classes/{class_name}): POST /classes/{class_name} is served by another route already"),
    ("a batch that says nothing of its requests", lambda raw: [route.pop("batch", None) for route in raw["routes"]], "{batch}.batch: belongs to a batch, and to nothing else"),
    ("a key of the body that is refused", lambda raw: raw["routes"][0].update(refuse=["objectId"], body={"objectId": "$id", "+": "$changes|changes"}), CREATE + ".refuse: objectId is a key of the body"),
    ("a statement in the place of a parameter", lambda raw: raw["routes"][1].update(statement={"text": "order", "values": "v"}), "routes.1 (GET /classes/{class_name}): the parameter order has two fates"),
    ("a statement of an unknown operation", lambda raw: raw["routes"][1].update(statement={"text": "q", "values": "v", "kinds": {"insert": {"op": "make", "reply": {}}}}), "routes.1 (GET /classes/{class_name}).statement.kinds.insert.op: there is no operation 'make'; there are " + ", ".join(OPERATIONS)),
    ("a statement of an unknown kind", lambda raw: raw["routes"][1].update(statement={"text": "q", "values": "v", "kinds": {"merge": {"op": "create", "reply": {}}}}), "routes.1.statement.kinds.merge.[key]: Input should be 'insert', 'update' or 'delete'"),
    # webhooks
    ("a webhook that binds too little", put("registered_hooks", value={"function": {"url": "$url"}, "trigger": {}, "warnings": {"function": "", "trigger": ""}}), "registered_hooks.function: must bind name, url, warning"),
    ("a warning with another hole", put("registered_hooks", value={"function": {"n": "$name", "u": "$url", "w": "$warning"}, "trigger": {"c": "$class_name", "n": "$name", "u": "$url", "w": "$warning"}, "warnings": {"function": "{url}", "trigger": ""}}), "registered_hooks.warnings.function: can have {name} and {class_name} in it, and no other hole"),
    # errors
    ("a number that reads as two codes", put("errors", "rows", "timeout", "also_read", value=[137]), "errors.rows: 137 reads as both duplicate_value and timeout"),
    ("an error without a message", drop("errors", "shape", "error"), "errors.shape: must bind $code and $message"),
)  # fmt: skip


UNIT = "routes.{unit} (POST /transaction/unit-of-work).unit"


def unit(*keys: Any, value: Any) -> Damage:
    def damage(raw: Any) -> None:
        route = next(route for route in raw["routes"] if "unit" in route)
        at(route["unit"], *keys[:-1])[keys[-1]] = value

    return damage


# the same, of what only mappings with bare values say
BARE_DAMAGES: tuple[tuple[str, Damage, str], ...] = (
    ("conditions in two manners", put("where_sql", value=None), ": Value error, values with a tag go with where, and values without one with where_sql"),
    ("a tag without a where", put("value_tag", value="__type"), ": Value error, values with a tag go with where, and values without one with where_sql"),
    ("an unknown kind of value", put("values", "color", value="$value"), "values.color: there is no kind of value 'color'; there are date, pointer, relation, file, geopoint, linestring, polygon, bytes, object"),
    ("a value that binds nothing", put("values", "date", value={"a": 1}), "values.date: binds nothing"),
    ("a value that binds too much", put("values", "file", value="$size"), "values.file: a file has no size"),
    ("an unknown change", put("updates", "double", value="$by"), "updates.double: there is no change 'double'; there are set_on_insert, unset, increment, bit_and, bit_or, bit_xor, add, add_unique, remove, add_relation, remove_relation, several, compute, edit_json"),
    ("a change without a tag", put("updates", "compute", value={"value": "$expression"}), "updates.compute: must be an object with one of ___operation, ___class"),
    ("a change that binds too little", put("updates", "compute", value={"___class": "X"}), "updates.compute: must bind expression"),
    ("a change that binds too much", put("updates", "unset", value="$by"), "updates.unset: must bind nothing"),
    ("a type of column that is none", put("columns", "types", "X", value="Color"), "columns.types.X.str-enum[Kind]: Input should be 'String', 'Number', 'Boolean', 'Date', 'Object', 'Array', 'Pointer', 'Relation', 'File', 'GeoPoint', 'LineString', 'Polygon', 'Geometry' or 'Bytes'\n{path}: columns.types.X.tuple[str-enum[Kind], ...]: Input should be a valid array"),
    ("a column that tells what it has not", put("columns", "told", "size", value="$size"), "columns.told: a column has no size; it has default, key, name, required, target, type"),
    ("two routes told apart by one key", lambda raw: raw["routes"].append(deepcopy(raw["routes"][0])), "routes.{count} (PUT /data/{class_name}): PUT /data/{class_name} is served by another route already"),
    ("a kind of an unknown operation", unit("kinds", "CREATE", "op", value="make"), UNIT + ".kinds.CREATE.op: there is no operation 'make'; there are " + ", ".join(OPERATIONS)),
    ("a kind that binds too little", unit("kinds", "CREATE", "body", value={"objectId": None}), UNIT + ".kinds.CREATE: create needs changes, and nothing binds it"),
    ("a kind that needs what nothing binds", unit("kinds", "CREATE", "needs", value=["id"]), UNIT + ".kinds.CREATE.needs: nothing binds id"),
    ("a reference without its field", unit("reference", value={"___ref": True, "opResultId": "$item"}), UNIT + ".reference: must bind field, index, item"),
    ("an answer without its failure", unit("answer", value={"success": "$success"}), UNIT + ".answer: must bind failure, results, success"),
)  # fmt: skip


def expected(message: str, name: str, raw: Any) -> str:
    """The message with what differs from one good mapping to another: its codecs, how many routes it has, its batch."""
    codecs = ", ".join(sorted(GOOD[name]._compiler.codecs))
    batch = next(f"routes.{at} ({route['http']})" for at, route in enumerate(raw["routes"]) if route["op"] == "batch")
    first = raw["routes"][0]["http"]
    for hole, text in (
        ("{codecs}", codecs),
        ("{count}", str(len(raw["routes"]))),
        ("{batch}", batch),
        ("{first}", first),
    ):
        message = message.replace(hole, text)
    return message


@pytest.mark.parametrize(
    ("name", "damage", "message"),
    [
        pytest.param(name, *row[1:], id=f"{row[0]}-{name}")
        for names, rows in ((sorted(GOOD), ANYWHERE), (FILES, DAMAGES))
        for row in rows
        for name in names
    ],
)
def test_one_thing_wrong_is_refused_with_its_reason(name: str, damage: Damage, message: str, tmp_path: Path) -> None:
    good = yaml.safe_load((mappings_directory() / f"{name}.yaml").read_text(encoding="utf-8"))
    bad = deepcopy(good)
    damage(bad)
    path = tmp_path / f"{name}.yaml"
    path.write_text(yaml.safe_dump(bad, sort_keys=False), encoding="utf-8")
    with pytest.raises(MappingError) as refused:
        load_dialects(tmp_path)
    assert str(refused.value) == f"{path}: {expected(message, name, good)}"


@pytest.mark.parametrize("name", BARE)
@pytest.mark.parametrize(("damage", "message"), [pytest.param(*row[1:], id=row[0]) for row in BARE_DAMAGES])
def test_one_thing_wrong_with_bare_values_is_refused_with_its_reason(
    name: str, damage: Damage, message: str, tmp_path: Path
) -> None:
    good = yaml.safe_load((mappings_directory() / f"{name}.yaml").read_text(encoding="utf-8"))
    bad = deepcopy(good)
    damage(bad)
    path = tmp_path / f"{name}.yaml"
    path.write_text(yaml.safe_dump(bad, sort_keys=False), encoding="utf-8")
    with pytest.raises(MappingError) as refused:
        load_dialects(tmp_path)
    at_unit = next(at for at, route in enumerate(good["routes"]) if "unit" in route)
    for hole, text in (("{count}", str(len(good["routes"]))), ("{unit}", str(at_unit)), ("{path}", str(path))):
        message = message.replace(hole, text)
    assert str(refused.value) == f"{path}: {message}"


@pytest.mark.parametrize("name", sorted(GOOD))
def test_two_things_wrong_are_both_named(name: str, tmp_path: Path) -> None:
    raw = yaml.safe_load((mappings_directory() / f"{name}.yaml").read_text(encoding="utf-8"))
    del raw["title"]
    raw["limits"]["batch"] = 0
    path = tmp_path / f"{name}.yaml"
    path.write_text(yaml.safe_dump(raw), encoding="utf-8")
    with pytest.raises(MappingError) as refused:
        load_dialects(tmp_path)
    assert str(refused.value).splitlines() == [
        f"{path}: title: Field required",
        f"{path}: limits.batch: Input should be greater than or equal to 1",
    ]


TEXTS = (
    ("a key twice", "title: a\ntitle: b\n", "is not YAML: 'title' stands here twice\n"),
    ("a key twice, inside", "a: {b: 1, b: 2}\n", "is not YAML: 'b' stands here twice\n"),
    ("not YAML", "a: [\n", "is not YAML: while parsing a flow node\n"),
    ("a list", "- a\n", "must be a mapping of keys"),
    ("nothing", "", "must be a mapping of keys"),
    ("not text", b"\xff", "cannot be read: 'utf-8' codec can't decode byte 0xff"),
)


@pytest.mark.parametrize(("text", "message"), [pytest.param(*row[1:], id=row[0]) for row in TEXTS])
def test_a_file_that_is_no_mapping_is_refused(text: str | bytes, message: str, tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(MappingError) as refused:
        load_dialects(tmp_path)
    assert str(refused.value).startswith(f"{path}: {message}")


def test_a_directory_without_mappings_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MappingError, match=r"holds no mapping \(\*\.yaml\)$"):
        load_dialects(tmp_path)
