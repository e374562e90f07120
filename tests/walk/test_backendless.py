"""Every endpoint of Backendless' OpenAPI document."""

from __future__ import annotations

import base64
import time
from collections.abc import Mapping
from typing import Any, Final

import pytest

from gateway.backends.emulations import Way
from tests.walk.rows import Row, rows
from tests.walk.world import BACKS, EMBEDDED, Visit, Visitor, World, new_name, walk

BELOW: Final = "/{app-id}/{rest-api-key}"
ROWS: Final = {row.key.replace(BELOW, ""): row for row in rows("backendless")}

NOT_SERVED: Final[Mapping[str, str]] = {}
"""Endpoints that are refused on every backend -> why."""

OTHERWISE: Final[Mapping[tuple[str, str], str]] = {
    (key, "parse"): "PUT /files/binary/.*|POST /files/.*" for key in ("POST /files/{path}", "DELETE /files/{path}")
}
"""(Endpoint, backend) -> what is refused there all the same, though the tables have words for it.

Every file has a name that the server makes, and clients here name theirs.
"""


def person(visitor: Visitor, **columns: Any) -> dict[str, Any]:
    table = visitor.more.setdefault("table", new_name("Person"))
    made: dict[str, Any] = visitor.ask("POST", f"/data/{table}", {"name": "Tom", "age": 30, **columns})
    return made


def save(visitor: Visitor) -> None:
    made = person(visitor)
    assert made["objectId"]
    assert (made["name"], made["age"], made["updated"]) == ("Tom", 30, None)
    assert abs(made["created"] / 1000 - time.time()) < 60


def find(visitor: Visitor) -> None:
    for age in (10, 20, 30):
        person(visitor, age=age)
    table = visitor.more["table"]
    found = visitor.ask("GET", f"/data/{table}", query={"where": "age > 10", "sortBy": "age desc", "pageSize": "5"})
    assert [one["age"] for one in found] == [30, 20]


def get(visitor: Visitor) -> None:
    known = person(visitor)["objectId"]
    assert visitor.ask("GET", f"/data/{visitor.more['table']}/{known}")["name"] == "Tom"


def update(visitor: Visitor) -> None:
    known = person(visitor)["objectId"]
    path = f"/data/{visitor.more['table']}/{known}"
    assert visitor.ask("PUT", path, {"age": 31})["age"] == 31
    assert visitor.ask("GET", path)["age"] == 31


def delete(visitor: Visitor) -> None:
    person(visitor)
    known, table = person(visitor)["objectId"], visitor.more["table"]
    assert abs(visitor.ask("DELETE", f"/data/{table}/{known}")["deletionTime"] / 1000 - time.time()) < 60
    assert [one["objectId"] for one in visitor.ask("GET", f"/data/{table}")] != [known]


def count(visitor: Visitor) -> None:
    for age in (10, 20, 30):
        person(visitor, age=age)
    assert visitor.ask("GET", f"/data/{visitor.more['table']}/count", query={"where": "age > 10"}) == 2


def register(visitor: Visitor) -> None:
    email = visitor.more["email"] = f"{new_name('ann')}@example.com"
    user = visitor.ask("POST", "/users/register", {"email": email, "password": "secret", "name": "Ann"})
    assert user["objectId"]
    assert user["name"] == "Ann"
    assert "password" not in user


def log_in(visitor: Visitor) -> None:
    register(visitor)
    user = visitor.ask("POST", "/users/login", {"login": visitor.more["email"], "password": "secret"})
    visitor.more["token"] = user["user-token"]
    assert visitor.ask("GET", f"/users/isvalidusertoken/{user['user-token']}") is True


def log_out(visitor: Visitor) -> None:
    log_in(visitor)
    token = visitor.more["token"]
    visitor.ask("GET", "/users/logout", headers={"user-token": token})
    assert visitor.ask("GET", f"/users/isvalidusertoken/{token}") is False


def restore_password(visitor: Visitor) -> None:
    register(visitor)
    visitor.ask("GET", f"/users/restorepassword/{visitor.more['email']}")
    assert "http" in visitor.mail_to(visitor.more["email"]).text


def upload(visitor: Visitor) -> None:
    name = visitor.more["file"] = f"{new_name('note')}.txt"
    part = f'--B\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\nhello\r\n--B--\r\n'
    answer = visitor.ask(
        "POST", f"/files/walk/{name}", data=part.encode(), content_type="multipart/form-data; boundary=B"
    )
    assert answer["fileURL"].endswith(f"/walk/{name}")
    assert visitor.ask("GET", visitor.here(answer["fileURL"])) == b"hello"


def delete_file(visitor: Visitor) -> None:
    name = f"{new_name('note')}.txt"
    content = base64.b64encode(b"hello")
    visitor.ask("PUT", f"/files/binary/walk/{name}", data=content, content_type="text/plain")
    visitor.ask("DELETE", f"/files/walk/{name}")
    assert visitor.ask("GET", f"/files/walk/{name}", query={"action": "exists"}) is False


def publish(visitor: Visitor) -> None:
    told = visitor.ask("POST", f"/messaging/{new_name('channel')}", {"message": "hi"})
    assert told["messageId"]
    assert told["errorMessage"] is None


def poll(visitor: Visitor) -> None:
    channel = new_name("channel")
    visitor.ask("POST", f"/messaging/{channel}", {"message": "too early"})
    known = visitor.ask("POST", f"/messaging/{channel}/subscribe", {})["subscriptionId"]
    visitor.ask("POST", f"/messaging/{channel}", {"message": {"n": 1}, "headers": {"h": "1"}})
    [message] = visitor.ask("GET", f"/messaging/{channel}/{known}")["messages"]
    assert (message["data"], message["headers"]["h"]) == ({"n": 1}, "1")
    assert visitor.ask("GET", f"/messaging/{channel}/{known}")["messages"] == []


def send_email(visitor: Visitor) -> None:
    to = f"{new_name('bob')}@example.com"
    visitor.ask("POST", "/messaging/email", {"subject": "S", "bodyparts": {"textmessage": "Hello"}, "to": [to]})
    mail = visitor.mail_to(to)
    assert (mail.subject, mail.text.strip()) == ("S", "Hello")


def save_geo_point(visitor: Visitor) -> None:
    category = visitor.more["category"] = new_name("category")
    point = {"latitude": 48.2, "longitude": 16.4, "categories": [category], "metadata": {"a": 1}}
    told = visitor.ask("POST", "/geo/points", point)["geopoint"]
    assert told["objectId"]
    assert (told["latitude"], told["metadata"]) == (48.2, {"a": 1})


def find_geo_points(visitor: Visitor) -> None:
    save_geo_point(visitor)
    around = {"categories": visitor.more["category"], "lon": "16.4", "radius": "50", "units": "KILOMETERS"}
    [near] = visitor.ask("GET", "/geo/points", query={**around, "lat": "48.3"})
    assert near["distance"] == pytest.approx(11.1, abs=0.1)
    assert visitor.ask("GET", "/geo/points", query={**around, "lat": "49.3"}) == []


def put_in_cache(visitor: Visitor) -> None:
    key = visitor.more["key"] = new_name("key")
    visitor.ask("PUT", f"/cache/{key}", {"x": [1]}, query={"timeout": "60"})
    assert visitor.ask("GET", f"/cache/{key}") == {"x": [1]}


def has_in_cache(visitor: Visitor) -> None:
    put_in_cache(visitor)
    assert visitor.ask("GET", f"/cache/{visitor.more['key']}/check") is True
    assert visitor.ask("GET", f"/cache/{new_name('none')}/check") is False


def remove_from_cache(visitor: Visitor) -> None:
    put_in_cache(visitor)
    visitor.ask("DELETE", f"/cache/{visitor.more['key']}")
    assert visitor.ask("GET", f"/cache/{visitor.more['key']}") is None


def count_up(visitor: Visitor) -> None:
    name = visitor.more["counter"] = new_name("counter")
    assert [visitor.ask("PUT", f"/counters/{name}/increment/get") for _ in range(2)] == [1, 2]


def count_up_by(visitor: Visitor) -> None:
    name = new_name("counter")
    assert visitor.ask("PUT", f"/counters/{name}/incrementby/get", query={"value": "5"}) == 5
    assert visitor.ask("PUT", f"/counters/{name}/incrementby/get", query={"value": "-7"}) == -2


def get_counter(visitor: Visitor) -> None:
    count_up(visitor)
    assert visitor.ask("GET", f"/counters/{visitor.more['counter']}/get") == 2


def reset_counter(visitor: Visitor) -> None:
    count_up(visitor)
    visitor.ask("PUT", f"/counters/{visitor.more['counter']}/reset")
    assert visitor.ask("GET", f"/counters/{visitor.more['counter']}/get") == 0


def call_service(visitor: Visitor) -> None:
    assert visitor.ask("POST", "/services/shop/order", {"n": 2})["given"] == {"n": 2}


VISITS: Final[Mapping[str, Visit]] = {
    "POST /data/{table-name}": save,
    "GET /data/{table-name}": find,
    "GET /data/{table-name}/{object-id}": get,
    "PUT /data/{table-name}/{object-id}": update,
    "DELETE /data/{table-name}/{object-id}": delete,
    "GET /data/{table-name}/count": count,
    "POST /users/register": register,
    "POST /users/login": log_in,
    "GET /users/logout": log_out,
    "GET /users/restorepassword/{identity}": restore_password,
    "POST /files/{path}": upload,
    "DELETE /files/{path}": delete_file,
    "POST /messaging/{channel-name}": publish,
    "GET /messaging/{channel-name}/{subscription-id}": poll,
    "POST /messaging/email": send_email,
    "GET /geo/points": find_geo_points,
    "POST /geo/points": save_geo_point,
    "PUT /cache/{key}": put_in_cache,
    "GET /cache/{key}": put_in_cache,
    "DELETE /cache/{key}": remove_from_cache,
    "GET /cache/{key}/check": has_in_cache,
    "PUT /counters/{counter-name}/increment/get": count_up,
    "PUT /counters/{counter-name}/incrementby/get": count_up_by,
    "GET /counters/{counter-name}/get": get_counter,
    "PUT /counters/{counter-name}/reset": reset_counter,
    "POST /services/{service-name}/{method-name}": call_service,
}


def test_every_endpoint_of_the_list_is_visited() -> None:
    assert VISITS.keys() | NOT_SERVED.keys() == ROWS.keys()
    assert not VISITS.keys() & NOT_SERVED.keys()
    assert (len(VISITS), len(ROWS)) == (26, 26)


@pytest.mark.parametrize("back", BACKS)
@pytest.mark.parametrize("key", VISITS)
def test_it_does_what_it_is_there_for(world: World, key: str, back: str) -> None:
    row: Row = ROWS[key]
    visitor = world.visitor(back, f"/on-{back}/a-rest-key", {})
    way = Way.REFUSED if (key, back) in OTHERWISE else world.way(row, back)
    assert back != EMBEDDED or way is not Way.REFUSED
    walk(VISITS[key], visitor, way, row, before=OTHERWISE.get((key, back)))
