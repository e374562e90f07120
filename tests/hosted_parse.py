"""The hosted Parse of 2016, as far as its REST guide tells: it takes what stands there, and refuses everything else."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from aiohttp import web

from gateway.app import address_of, listen

APP: Final = "hosted-app"
REST_KEY: Final = "hosted-rest"
MASTER_KEY: Final = "hosted-master"
MOST_IN_A_BATCH: Final = 50  # "Batch Operations"
LARGEST_PAGE: Final = 1000  # "Queries"
LARGEST_UNTOLD: Final = 100
PARAMETERS: Final = frozenset(
    {"where", "order", "limit", "skip", "keys", "include", "count", "redirectClassNameForKey"}
)
COMPARED: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    "$lt": lambda one, other: one is not None and one < other,
    "$lte": lambda one, other: one is not None and one <= other,
    "$gt": lambda one, other: one is not None and one > other,
    "$gte": lambda one, other: one is not None and one >= other,
    "$ne": lambda one, other: one != other,
    "$in": lambda one, other: one in other,
    "$nin": lambda one, other: one not in other,
    "$exists": lambda one, other: (one is not None) is other,
    "$regex": lambda one, other: isinstance(one, str) and re.search(other, one) is not None,
}
"""Of "Query Constraints" those that the tests ask for; $inQuery and $or stand apart."""


class RefusedError(Exception):
    def __init__(self, code: int, error: str, status: int = 400) -> None:
        super().__init__(error)
        self.code, self.error, self.status = code, error, status


@dataclass
class Hosted:
    url: str = ""
    objects: dict[str, dict[str, dict[str, Any]]] = field(default_factory=dict)
    sessions: dict[str, str] = field(default_factory=dict)
    batches: list[int] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    ids: Any = field(default_factory=lambda: itertools.count(1))

    # --- HTTP ---

    async def handle(self, request: web.Request) -> web.Response:
        self.asked.append(f"{request.method} {request.path}")
        try:
            body = await self._body(request)
            if request.path == "/1/batch":
                return web.json_response(self._batch(request, body))
            status, answer = self._do(request.method, request.path, dict(request.query), body, request.headers)
        except RefusedError as refused:
            return web.json_response({"code": refused.code, "error": refused.error}, status=refused.status)
        return web.json_response(answer, status=status)

    async def _body(self, request: web.Request) -> Any:
        headers = request.headers
        if headers.get("X-Parse-Application-Id") != APP:
            raise RefusedError(0, "unauthorized", 401)
        if headers.get("X-Parse-REST-API-Key") != REST_KEY and headers.get("X-Parse-Master-Key") != MASTER_KEY:
            raise RefusedError(0, "unauthorized", 401)
        # "the JavaScript key is for headers of no request"
        if "X-Parse-JavaScript-Key" in headers:
            raise RefusedError(0, "unauthorized", 401)
        if request.method == "GET" or not request.can_read_body:
            return {}
        if request.content_type != "application/json":
            raise RefusedError(107, "the Content-Type of a request must be application/json")
        return await request.json()

    def _batch(self, request: web.Request, body: Any) -> list[Any]:
        if request.method != "POST" or body.keys() != {"requests"} or len(body["requests"]) > MOST_IN_A_BATCH:
            raise RefusedError(154, "a batch has at most 50 requests, and nothing besides")
        self.batches.append(len(body["requests"]))
        answers = []
        for each in body["requests"]:
            try:
                answers.append({"success": self._item(each, request.headers)})
            except RefusedError as refused:
                answers.append({"error": {"code": refused.code, "error": refused.error}})
        return answers

    def _item(self, item: Any, headers: Any) -> Any:
        if not item["path"].startswith("/1/") or item.keys() - {"method", "path", "body"}:
            raise RefusedError(107, "a path of a batch begins with /1/")
        return self._do(item["method"], item["path"], {}, item.get("body"), headers)[1]

    # --- what is done ---

    def _do(self, method: str, path: str, query: dict[str, str], body: Any, headers: Any) -> tuple[int, Any]:
        session = headers.get("X-Parse-Session-Token")
        if session is not None and session not in self.sessions:
            raise RefusedError(209, "invalid session token")
        parts = path.removeprefix("/1/").split("/")
        match method, parts:
            case "POST", ["users"]:
                return self._signed_up(body, headers)
            case "GET", ["login"]:
                return self._logged_in(query, headers)
            case "GET", ["users", "me"]:
                if session is None:
                    raise RefusedError(209, "invalid session token")
                return 200, self._shown("_User", self.sessions[session])
            case "POST", ["logout"]:
                self.sessions.pop(session or "", None)
                return 200, {}
            case "GET", ["schemas"]:
                if headers.get("X-Parse-Master-Key") != MASTER_KEY:
                    raise RefusedError(119, "unauthorized", 401)
                return 200, {"results": [self._schema(class_name) for class_name in self.objects]}
        return self._of_objects(method, parts, query, body)

    def _of_objects(self, method: str, parts: list[str], query: dict[str, str], body: Any) -> tuple[int, Any]:
        match method, parts:
            case "POST", ["classes", class_name]:
                return 201, self._created(class_name, body)
            case "GET", ["classes", class_name]:
                return 200, self._found(class_name, query)
            case "GET", ["classes", class_name, known]:
                if query.keys() - {"include"}:
                    raise RefusedError(102, f"there is no parameter {sorted(query)}")
                return 200, self._shown(class_name, known)
            case "PUT", ["classes", class_name, known]:
                return 200, self._updated(class_name, known, body)
            case "DELETE", ["classes", class_name, known]:
                self._object(class_name, known)
                del self.objects[class_name][known]
                return 200, {}
        raise RefusedError(0, f"there is nothing at {method} {'/'.join(parts)}", 404)

    def _schema(self, class_name: str) -> dict[str, Any]:
        kinds = {bool: "Boolean", int: "Number", float: "Number", str: "String", list: "Array"}
        values = {name: value for fields in self.objects[class_name].values() for name, value in fields.items()}
        known = {name: {"type": kinds[type(value)]} for name, value in values.items() if type(value) in kinds}
        times = {"createdAt": {"type": "Date"}, "updatedAt": {"type": "Date"}, "ACL": {"type": "ACL"}}
        return {"className": class_name, "fields": {**known, **times}}

    def _signed_up(self, body: Any, headers: Any) -> tuple[int, Any]:
        if any(user["username"] == body["username"] for user in self.objects.get("_User", {}).values()):
            raise RefusedError(202, f"username {body['username']} already taken")
        told = self._created("_User", body)
        return 201, {**told, "sessionToken": self._session(told["objectId"], headers)}

    def _logged_in(self, query: Mapping[str, str], headers: Any) -> tuple[int, Any]:
        for known, user in self.objects.get("_User", {}).items():
            if (user["username"], user["password"]) == (query["username"], query["password"]):
                return 200, {**self._shown("_User", known), "sessionToken": self._session(known, headers)}
        raise RefusedError(101, "invalid login parameters", 404)

    def _session(self, known: str, headers: Any) -> str:
        if headers.get("X-Parse-Revocable-Session") != "1":
            raise RefusedError(1, "this would make a token of the old kind")
        token = f"r:{next(self.ids)}"
        self.sessions[token] = known
        return token

    def _created(self, class_name: str, body: Any) -> dict[str, Any]:
        if "objectId" in body:
            raise RefusedError(105, "objectId is an invalid field name.")
        known = f"id{next(self.ids):08d}"
        at = (datetime(2016, 1, 1, tzinfo=UTC) + timedelta(milliseconds=next(self.ids))).isoformat()
        now = f"{at[:23]}Z"
        fields = {"objectId": known, "createdAt": now, "updatedAt": now}
        self.objects.setdefault(class_name, {})[known] = fields
        self._write(fields, body)
        return {"objectId": known, "createdAt": now}

    def _updated(self, class_name: str, known: str, body: Any) -> dict[str, Any]:
        fields = self._object(class_name, known)
        computed = self._write(fields, body)
        return {"updatedAt": fields["updatedAt"], **computed}

    def _write(self, fields: dict[str, Any], body: Any) -> dict[str, Any]:
        computed = {}
        for name, value in body.items():
            match value:
                case {"__op": "Increment", "amount": by}:
                    computed[name] = fields[name] = fields.get(name, 0) + by
                case {"__op": "AddUnique", "objects": values}:
                    there = fields.setdefault(name, [])
                    there += [each for each in values if each not in there]
                    computed[name] = there
                case {"__op": "Delete"}:
                    fields.pop(name, None)
                case {"__op": str(strange)}:
                    raise RefusedError(111, f"{strange} is none of the operations that there are")
                case _:
                    fields[name] = value
        return computed

    def _object(self, class_name: str, known: str) -> dict[str, Any]:
        try:
            return self.objects[class_name][known]
        except KeyError:
            raise RefusedError(101, "object not found for get", 404) from None

    def _shown(self, class_name: str, known: str) -> dict[str, Any]:
        return {name: value for name, value in self._object(class_name, known).items() if name != "password"}

    # --- queries ---

    def _found(self, class_name: str, query: dict[str, str]) -> dict[str, Any]:
        if strange := query.keys() - PARAMETERS:
            raise RefusedError(102, f"there is no parameter {sorted(strange)}")
        limit = int(query.get("limit", LARGEST_UNTOLD))
        if not 0 <= limit <= LARGEST_PAGE:
            raise RefusedError(102, "a limit is up to 1000")
        found = self._matching(class_name, json.loads(query.get("where", "{}")))
        for key in reversed(query.get("order", "createdAt").split(",")):
            name = key.removeprefix("-")
            found.sort(key=lambda fields: (fields.get(name) is not None, fields.get(name)), reverse=key[0] == "-")
        skip = int(query.get("skip", "0"))
        told: dict[str, Any] = {
            "results": [self._shown(class_name, fields["objectId"]) for fields in found[skip : skip + limit]]
        }
        if keys := query.get("keys"):
            always = {"objectId", "createdAt", "updatedAt", *keys.split(",")}
            told["results"] = [{name: each[name] for name in each if name in always} for each in told["results"]]
        return {**told, "count": len(found)} if query.get("count") == "1" else told

    def _matching(self, class_name: str, where: Any) -> list[dict[str, Any]]:
        return [fields for fields in self.objects.get(class_name, {}).values() if self._matches(fields, where)]

    def _matches(self, fields: dict[str, Any], where: Any) -> bool:
        for name, condition in where.items():
            if name == "$or":
                if not any(self._matches(fields, part) for part in condition):
                    return False
            elif name[0] == "$":
                raise RefusedError(102, f"{name} is no constraint")
            elif type(condition) is dict and any(key[0] == "$" for key in condition):
                if not all(self._holds(fields.get(name), key, value) for key, value in condition.items()):
                    return False
            elif fields.get(name) != condition:
                return False
        return True

    def _holds(self, found: Any, operator: str, operand: Any) -> bool:
        if operator == "$inQuery":
            limit = operand.get("limit", LARGEST_UNTOLD)  # "Relational Queries"
            if operand.keys() - {"className", "where", "limit"} or limit > LARGEST_PAGE:
                raise RefusedError(102, "a query inside a query has a limit up to 1000")
            inner = self._matching(operand["className"], operand["where"])[:limit]
            return isinstance(found, dict) and found["objectId"] in {each["objectId"] for each in inner}
        if operator not in COMPARED:
            raise RefusedError(102, f"{operator} is no constraint")
        return COMPARED[operator](found, operand)


@asynccontextmanager
async def hosted_parse() -> AsyncIterator[Hosted]:
    hosted = Hosted()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", hosted.handle)
    runner = web.AppRunner(app)
    await runner.setup()
    with listen("127.0.0.1", 0) as listening:
        await web.SockSite(runner, listening).start()
        hosted.url = f"{address_of(listening)}/1"
        try:
            yield hosted
        finally:
            await runner.cleanup()
