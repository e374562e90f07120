"""Every endpoint of Parse's REST guide."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

import pytest

from gateway.backends.emulations import Way
from tests.walk.rows import Row, rows
from tests.walk.world import BACKS, EMBEDDED, KEYS, OWNER, RefusedError, Visit, Visitor, World, new_name, walk

ROWS: Final = {row.key.replace(" /1/", " /"): row for row in rows("parse")}
MASTER: Final = {"X-Parse-Master-Key": KEYS["parse"]["master_key"]}
ACCOUNT: Final = {"X-Parse-Email": OWNER[0], "X-Parse-Password": OWNER[1]}

OTHERWISE: Final[Mapping[tuple[str, str], str]] = {("POST /files/{fileName}", "backendless"): r"POST /classes/\w+"}
"""(Endpoint, backend) -> what is refused there all the same, though the tables have words for it.

A file is uploaded, but a column for files has to be made in the console.
"""

SENT: Final[Mapping[str, Mapping[str, Any]]] = {
    "POST /push": {"where": {}, "data": {"alert": "x"}},
    "PUT /hooks/functions/{functionName}": {"url": "https://example.com/x"},
    "PUT /hooks/triggers/{className}/{triggerName}": {"url": "https://example.com/x"},
}
"""What an endpoint needs to be asked for by itself."""


def session(token: str) -> dict[str, str]:
    return {"X-Parse-Session-Token": token}


# objects


def score(visitor: Visitor, **fields: Any) -> str:
    name = visitor.more.setdefault("class", new_name("GameScore"))
    made = visitor.ask("POST", f"/classes/{name}", {"score": 1337, "playerName": "Sean", **fields})
    assert made["createdAt"].endswith("Z")
    visitor.more["path"] = f"/classes/{name}/{made['objectId']}"
    return str(made["objectId"])


def create(visitor: Visitor) -> None:
    score(visitor)
    read = visitor.ask("GET", visitor.more["path"])
    assert (read["score"], read["playerName"]) == (1337, "Sean")


def update(visitor: Visitor) -> None:
    score(visitor)
    assert "updatedAt" in visitor.ask("PUT", visitor.more["path"], {"score": {"__op": "Increment", "amount": 2}})
    assert visitor.ask("GET", visitor.more["path"])["score"] == 1339


def find(visitor: Visitor) -> None:
    for points in (10, 20, 30):
        score(visitor, score=points)
    query = {"where": {"score": {"$gt": 10}}, "order": "-score", "count": 1}
    found = visitor.ask("GET", f"/classes/{visitor.more['class']}", query=query)
    assert ([one["score"] for one in found["results"]], found["count"]) == ([30, 20], 2)


def delete(visitor: Visitor) -> None:
    known = score(visitor)
    assert visitor.ask("DELETE", visitor.more["path"]) == {}
    found = visitor.ask("GET", f"/classes/{visitor.more['class']}", query={"where": {"objectId": known}})
    assert found["results"] == []


def batch(visitor: Visitor) -> None:
    name = new_name("GameScore")
    one = {"method": "POST", "path": f"/1/classes/{name}", "body": {"score": 1}}
    bad = {"method": "DELETE", "path": f"/1/classes/{name}/nothing"}
    done, failed = visitor.ask("POST", "/batch", {"requests": [one, bad]})
    assert done["success"]["objectId"]
    assert failed["error"]["code"] == 101
    assert len(visitor.ask("GET", f"/classes/{name}")["results"]) == 1


# users and their sessions


def sign_up(visitor: Visitor) -> dict[str, Any]:
    name = new_name("cooldude")
    user = {"username": name, "password": "p_n7!-e8", "email": f"{name}@example.com", "phone": "415"}
    made: dict[str, Any] = visitor.ask("POST", "/users", user)
    assert made["sessionToken"]
    return {**user, **made}


def signed_up(visitor: Visitor) -> None:
    user = sign_up(visitor)
    assert visitor.ask("GET", f"/users/{user['objectId']}", headers=MASTER)["username"] == user["username"]


def log_in(visitor: Visitor) -> dict[str, Any]:
    user = sign_up(visitor)
    query = {"username": user["username"], "password": user["password"]}
    found: dict[str, Any] = visitor.ask("GET", "/login", query=query)
    assert (found["objectId"], found["phone"]) == (user["objectId"], "415")
    return found


def logged_in(visitor: Visitor) -> None:
    log_in(visitor)


def log_out(visitor: Visitor) -> None:
    user = sign_up(visitor)
    token = session(user["sessionToken"])
    path = f"/users/{user['objectId']}"
    visitor.ask("PUT", path, {"phone": "1"}, headers=token)
    visitor.ask("POST", "/logout", headers=token)
    with pytest.raises(RefusedError, match=r"209|101"):  # a session, or a user, that is not known any more
        visitor.ask("PUT", path, {"phone": "2"}, headers=token)


def current_user(visitor: Visitor) -> None:
    user = sign_up(visitor)
    assert visitor.ask("GET", "/users/me", headers=session(user["sessionToken"]))["username"] == user["username"]


def update_user(visitor: Visitor) -> None:
    user = sign_up(visitor)
    path, token = f"/users/{user['objectId']}", session(user["sessionToken"])
    visitor.ask("PUT", path, {"phone": "416"}, headers=token)
    assert visitor.ask("GET", path, headers=token)["phone"] == "416"


def find_users(visitor: Visitor) -> None:
    user = sign_up(visitor)
    query = {"where": {"username": user["username"]}}
    [found] = visitor.ask("GET", "/users", query=query, headers=MASTER)["results"]
    assert found["objectId"] == user["objectId"]


def delete_user(visitor: Visitor) -> None:
    user = sign_up(visitor)
    visitor.ask("DELETE", f"/users/{user['objectId']}", headers=session(user["sessionToken"]))
    query = {"where": {"username": user["username"]}}
    assert visitor.ask("GET", "/users", query=query, headers=MASTER)["results"] == []


def reset_password(visitor: Visitor) -> None:
    user = sign_up(visitor)
    assert visitor.ask("POST", "/requestPasswordReset", {"email": user["email"]}) == {}
    assert "http" in visitor.mail_to(user["email"]).text


def current_session(visitor: Visitor) -> dict[str, Any]:
    user = sign_up(visitor)
    visitor.more["token"] = token = session(user["sessionToken"])
    found: dict[str, Any] = visitor.ask("GET", "/sessions/me", headers=token)
    assert found["user"]["objectId"] == user["objectId"]
    return found


def get_current_session(visitor: Visitor) -> None:
    current_session(visitor)


def create_session(visitor: Visitor) -> None:
    current_session(visitor)
    made = visitor.ask("POST", "/sessions", {"customField": "value"}, headers=visitor.more["token"])
    assert made["createdWith"]
    assert visitor.ask("GET", "/users/me", headers=session(made["sessionToken"]))["objectId"]


def get_session(visitor: Visitor) -> None:
    found = current_session(visitor)
    path = f"/sessions/{found['objectId']}"
    assert visitor.ask("GET", path, headers=visitor.more["token"])["user"] == found["user"]


def update_session(visitor: Visitor) -> None:
    path = f"/sessions/{current_session(visitor)['objectId']}"
    visitor.ask("PUT", path, {"customField": "new"}, headers=visitor.more["token"])
    assert visitor.ask("GET", path, headers=visitor.more["token"])["customField"] == "new"


def find_sessions(visitor: Visitor) -> None:
    found = current_session(visitor)
    told = visitor.ask("GET", "/sessions", headers=visitor.more["token"])["results"]
    assert found["objectId"] in [one["objectId"] for one in told]
    assert {one["user"]["objectId"] for one in told} == {found["user"]["objectId"]}


def delete_session(visitor: Visitor) -> None:
    found = current_session(visitor)
    visitor.ask("DELETE", f"/sessions/{found['objectId']}", headers=visitor.more["token"])
    with pytest.raises(RefusedError, match="209"):
        visitor.ask("GET", "/users/me", headers=visitor.more["token"])


def pair_session(visitor: Visitor) -> None:
    current_session(visitor)
    token = session(visitor.ask("POST", "/sessions", {}, headers=visitor.more["token"])["sessionToken"])
    headers = {**token, "X-Parse-Installation-Id": new_name("installation")}
    assert visitor.ask("PUT", "/sessions/me", {}, headers=headers)["updatedAt"]
    found = visitor.ask("GET", "/sessions/me", headers=token)
    assert found["installationId"] == headers["X-Parse-Installation-Id"]


# roles


def role(visitor: Visitor) -> str:
    name = visitor.more["role"] = new_name("Moderators")
    made = visitor.ask("POST", "/roles", {"name": name, "ACL": {"*": {"read": True}}}, headers=MASTER)
    visitor.more["path"] = f"/roles/{made['objectId']}"
    return str(made["objectId"])


def get_role(visitor: Visitor) -> None:
    role(visitor)
    assert visitor.ask("GET", visitor.more["path"], headers=MASTER)["name"] == visitor.more["role"]


def update_role(visitor: Visitor) -> None:
    role(visitor)
    known = sign_up(visitor)["objectId"]
    member = {"__type": "Pointer", "className": "_User", "objectId": known}
    visitor.ask("PUT", visitor.more["path"], {"users": {"__op": "AddRelation", "objects": [member]}}, headers=MASTER)
    owner = {"__type": "Pointer", "className": "_Role", "objectId": visitor.more["path"].split("/")[-1]}
    query = {"where": {"$relatedTo": {"object": owner, "key": "users"}}}
    [found] = visitor.ask("GET", "/users", query=query, headers=MASTER)["results"]
    assert found["objectId"] == known


def delete_role(visitor: Visitor) -> None:
    role(visitor)
    visitor.ask("DELETE", visitor.more["path"], headers=MASTER)
    query = {"where": {"name": visitor.more["role"]}}
    assert visitor.ask("GET", "/roles", query=query, headers=MASTER)["results"] == []


# files


def bytes_of_hello(visitor: Visitor) -> dict[str, Any]:
    # Parse Server takes files of users only, unless it is told otherwise
    token = session(sign_up(visitor)["sessionToken"])
    told: dict[str, Any] = visitor.ask(
        "POST", "/files/hello.txt", data=b"Hello, World!", content_type="text/plain", headers=token
    )
    assert re.fullmatch("[0-9a-f]{32}_hello.txt", told["name"])
    assert visitor.ask("GET", visitor.here(told["url"])) == b"Hello, World!"
    return told


def upload(visitor: Visitor) -> None:
    told = bytes_of_hello(visitor)
    photo = {"__type": "File", "name": told["name"]}
    score(visitor, photo=photo)
    assert visitor.ask("GET", visitor.more["path"])["photo"]["url"] == told["url"]


def delete_file(visitor: Visitor) -> None:
    told = bytes_of_hello(visitor)
    visitor.ask("DELETE", f"/files/{told['name']}", headers=MASTER)
    assert visitor.status("GET", visitor.here(told["url"])) == 404


# what happens


def app_opened(visitor: Visitor) -> None:
    at = {"__type": "Date", "iso": "2015-03-01T15:59:11-07:00"}
    assert visitor.ask("POST", "/events/AppOpened", {"at": at}) == {}


def tracked(visitor: Visitor) -> None:
    assert (
        visitor.ask("POST", "/events/Search", {"dimensions": {"priceRange": "1000-1500", "dayType": "weekday"}}) == {}
    )


# installations and push


def installation(visitor: Visitor, **fields: Any) -> str:
    token = new_name("token")
    told = {"deviceType": "android", "pushType": "gcm", "deviceToken": token, "channels": [""], **fields}
    made = visitor.ask("POST", "/installations", told)
    visitor.more["path"] = f"/installations/{made['objectId']}"
    visitor.more["token"] = token
    return str(made["objectId"])


def get_installation(visitor: Visitor) -> None:
    installation(visitor)
    assert visitor.ask("GET", visitor.more["path"])["deviceToken"] == visitor.more["token"]


def update_installation(visitor: Visitor) -> None:
    installation(visitor)
    visitor.ask("PUT", visitor.more["path"], {"channels": ["", "foo"]})
    assert visitor.ask("GET", visitor.more["path"])["channels"] == ["", "foo"]


def find_installations(visitor: Visitor) -> None:
    known = installation(visitor)
    query = {"where": {"deviceToken": visitor.more["token"]}}
    assert [
        one["objectId"] for one in visitor.ask("GET", "/installations", query=query, headers=MASTER)["results"]
    ] == [known]


def delete_installation(visitor: Visitor) -> None:
    installation(visitor)
    visitor.ask("DELETE", visitor.more["path"], headers=MASTER)
    query = {"where": {"deviceToken": visitor.more["token"]}}
    assert visitor.ask("GET", "/installations", query=query, headers=MASTER)["results"] == []


def push(visitor: Visitor) -> None:
    channel = new_name("channel")
    installation(visitor, channels=[channel])
    told = visitor.ask("POST", "/push", {"channels": [channel], "data": {"alert": channel}}, headers=MASTER)
    assert told == {"result": True}
    visitor.pushed(channel, to=visitor.more["token"])


# code of the app's own


def call_function(visitor: Visitor) -> None:
    told = visitor.ask("POST", "/functions/hello", {"movie": "The Matrix"})["result"]
    assert (told["name"], told["given"]) == ("hello", {"movie": "The Matrix"})


def start_job(visitor: Visitor) -> None:
    assert visitor.ask("POST", "/jobs/nightly", {"plan": "paid"}, headers=MASTER) == {}
    query = {"where": {"jobName": "nightly"}, "order": "-createdAt", "limit": 1}
    for _ in range(3000):
        [job] = visitor.ask("GET", "/classes/_JobStatus", query=query, headers=MASTER)["results"]
        if job["status"] != "running":
            break
    assert (job["status"], job["message"]) == ("succeeded", "nightly is done")


def hook(visitor: Visitor) -> dict[str, str]:
    made = {"functionName": new_name("foo"), "url": "https://hooks.example.com/foo"}
    assert visitor.ask("POST", "/hooks/functions", made, headers=MASTER) == made
    return made


def get_hook(visitor: Visitor) -> None:
    made = hook(visitor)
    found = visitor.ask("GET", f"/hooks/functions/{made['functionName']}", headers=MASTER)
    assert made in (found if isinstance(found, list) else [found])


def find_hooks(visitor: Visitor) -> None:
    made = hook(visitor)
    assert made in visitor.ask("GET", "/hooks/functions", headers=MASTER)


def update_hook(visitor: Visitor) -> None:
    made = {**hook(visitor), "url": "https://hooks.example.com/bar"}
    path = f"/hooks/functions/{made['functionName']}"
    assert visitor.ask("PUT", path, {"url": made["url"]}, headers=MASTER) == made


def delete_hook(visitor: Visitor) -> None:
    made = hook(visitor)
    path = f"/hooks/functions/{made['functionName']}"
    assert visitor.ask("PUT", path, {"__op": "Delete"}, headers=MASTER) == {}
    assert made not in visitor.ask("GET", "/hooks/functions", headers=MASTER)


def trigger(visitor: Visitor) -> dict[str, str]:
    made = {"className": new_name("Game"), "triggerName": "beforeSave", "url": "https://hooks.example.com/save"}
    assert visitor.ask("POST", "/hooks/triggers", made, headers=MASTER) == made
    visitor.more["path"] = f"/hooks/triggers/{made['className']}/beforeSave"
    return made


def get_trigger(visitor: Visitor) -> None:
    made = trigger(visitor)
    found = visitor.ask("GET", visitor.more["path"], headers=MASTER)
    assert made in (found if isinstance(found, list) else [found])


def find_triggers(visitor: Visitor) -> None:
    made = trigger(visitor)
    assert made in visitor.ask("GET", "/hooks/triggers", headers=MASTER)


def update_trigger(visitor: Visitor) -> None:
    made = {**trigger(visitor), "url": "https://hooks.example.com/other"}
    assert visitor.ask("PUT", visitor.more["path"], {"url": made["url"]}, headers=MASTER) == made


def delete_trigger(visitor: Visitor) -> None:
    made = trigger(visitor)
    assert visitor.ask("PUT", visitor.more["path"], {"__op": "Delete"}, headers=MASTER) == {}
    assert made not in visitor.ask("GET", "/hooks/triggers", headers=MASTER)


def delete_trigger_at_once(visitor: Visitor) -> None:
    made = trigger(visitor)
    visitor.ask("DELETE", visitor.more["path"], headers=MASTER)
    assert made not in visitor.ask("GET", "/hooks/triggers", headers=MASTER)


def delete_hook_at_once(visitor: Visitor) -> None:
    made = hook(visitor)
    visitor.ask("DELETE", f"/hooks/functions/{made['functionName']}", headers=MASTER)
    assert made not in visitor.ask("GET", "/hooks/functions", headers=MASTER)


# classes


def schema(visitor: Visitor) -> dict[str, Any]:
    name = visitor.more["class"] = new_name("City")
    told = {"className": name, "fields": {"name": {"type": "String"}}}
    made: dict[str, Any] = visitor.ask("POST", f"/schemas/{name}", told, headers=MASTER)
    assert made["fields"]["name"] == {"type": "String"}
    return made


def create_schema(visitor: Visitor) -> None:
    schema(visitor)


def get_schema(visitor: Visitor) -> None:
    score(visitor)
    found = visitor.ask("GET", f"/schemas/{visitor.more['class']}", headers=MASTER)
    assert found["fields"]["objectId"] == {"type": "String"}


def find_schemas(visitor: Visitor) -> None:
    score(visitor)
    names = [one["className"] for one in visitor.ask("GET", "/schemas", headers=MASTER)["results"]]
    assert visitor.more["class"] in names


def update_schema(visitor: Visitor) -> None:
    schema(visitor)
    fields = {"population": {"type": "Number"}, "name": {"__op": "Delete"}}
    told = visitor.ask("PUT", f"/schemas/{visitor.more['class']}", {"fields": fields}, headers=MASTER)
    assert told["fields"]["population"] == {"type": "Number"}
    assert "name" not in told["fields"]


def delete_schema(visitor: Visitor) -> None:
    schema(visitor)
    visitor.ask("DELETE", f"/schemas/{visitor.more['class']}", headers=MASTER)
    with pytest.raises(RefusedError, match="103"):
        visitor.ask("GET", f"/schemas/{visitor.more['class']}", headers=MASTER)


# the app


def config(visitor: Visitor) -> None:
    name = new_name("welcomeMessage")
    assert visitor.ask("PUT", "/config", {"params": {name: "Welcome"}}, headers=MASTER) == {"result": True}
    assert visitor.ask("GET", "/config")["params"][name] == "Welcome"


def find_apps(visitor: Visitor) -> None:
    told = visitor.ask("GET", "/apps", headers=ACCOUNT)["results"]
    assert f"on-{visitor.back}" in [app["applicationId"] for app in told]


def get_app(visitor: Visitor) -> None:
    told = visitor.ask("GET", f"/apps/on-{visitor.back}", headers=ACCOUNT)
    assert (told["applicationId"], told["restKey"]) == (f"on-{visitor.back}", KEYS["parse"]["rest_key"])


def new_app(visitor: Visitor, path: str) -> dict[str, Any]:
    """One that is made, and serves its clients and its master."""
    app: dict[str, Any] = visitor.ask("POST", path, {"appName": "my new app"}, headers=ACCOUNT)
    keys = {"X-Parse-Application-Id": app["applicationId"], "X-Parse-REST-API-Key": app["restKey"]}
    class_name = new_name("Fresh")
    made = visitor.ask("POST", f"/classes/{class_name}", {"n": 1}, headers=keys)
    assert visitor.ask("GET", f"/classes/{class_name}/{made['objectId']}", headers=keys)["n"] == 1
    keys = {"X-Parse-Application-Id": app["applicationId"], "X-Parse-Master-Key": app["masterKey"]}
    assert class_name in [each["className"] for each in visitor.ask("GET", "/schemas", headers=keys)["results"]]
    return app


def create_app(visitor: Visitor) -> None:
    new_app(visitor, "/apps")


def create_app_at_an_id(visitor: Visitor) -> None:
    assert new_app(visitor, "/apps/any")["applicationId"] != "any"


def update_app(visitor: Visitor) -> None:
    app = new_app(visitor, "/apps")
    changes = {"appName": "updated app name", "clientClassCreationEnabled": False}
    told = visitor.ask("PUT", f"/apps/{app['applicationId']}", changes, headers=ACCOUNT)
    assert told == {**app, **changes}
    assert visitor.ask("GET", f"/apps/{app['applicationId']}", headers=ACCOUNT) == told
    keys = {"X-Parse-Application-Id": app["applicationId"], "X-Parse-REST-API-Key": app["restKey"]}
    with pytest.raises(RefusedError, match="non-existent class"):
        visitor.ask("POST", f"/classes/{new_name('Fresh')}", {"n": 1}, headers=keys)


VISITS: Final[Mapping[str, Visit]] = {
    "POST /classes/{className}": create,
    "GET /classes/{className}/{objectId}": create,
    "PUT /classes/{className}/{objectId}": update,
    "GET /classes/{className}": find,
    "DELETE /classes/{className}/{objectId}": delete,
    "POST /users": signed_up,
    "GET /login": logged_in,
    "POST /logout": log_out,
    "GET /users/{objectId}": signed_up,
    "GET /users/me": current_user,
    "PUT /users/{objectId}": update_user,
    "GET /users": find_users,
    "DELETE /users/{objectId}": delete_user,
    "POST /requestPasswordReset": reset_password,
    "POST /sessions": create_session,
    "GET /sessions/{objectId}": get_session,
    "GET /sessions/me": get_current_session,
    "PUT /sessions/{objectId}": update_session,
    "GET /sessions": find_sessions,
    "DELETE /sessions/{objectId}": delete_session,
    "PUT /sessions/me": pair_session,
    "POST /roles": get_role,
    "GET /roles/{objectId}": get_role,
    "PUT /roles/{objectId}": update_role,
    "DELETE /roles/{objectId}": delete_role,
    "POST /files/{fileName}": upload,
    "DELETE /files/{fileName}": delete_file,
    "POST /events/AppOpened": app_opened,
    "POST /events/{eventName}": tracked,
    "POST /push": push,
    "POST /installations": get_installation,
    "GET /installations/{objectId}": get_installation,
    "PUT /installations/{objectId}": update_installation,
    "GET /installations": find_installations,
    "DELETE /installations/{objectId}": delete_installation,
    "POST /functions/{name}": call_function,
    "POST /jobs/{name}": start_job,
    "GET /schemas": find_schemas,
    "GET /schemas/{className}": get_schema,
    "POST /schemas/{className}": create_schema,
    "PUT /schemas/{className}": update_schema,
    "DELETE /schemas/{className}": delete_schema,
    "GET /apps": find_apps,
    "GET /apps/{applicationId}": get_app,
    "POST /apps": create_app,
    "POST /apps/{applicationId}": create_app_at_an_id,
    "PUT /apps/{applicationId}": update_app,
    "GET /hooks/functions/{functionName}": get_hook,
    "POST /hooks/functions": get_hook,
    "PUT /hooks/functions/{functionName}": update_hook,
    "DELETE /hooks/functions/{functionName}": delete_hook_at_once,
    "GET /hooks/triggers/{className}/{triggerName}": get_trigger,
    "POST /hooks/triggers": get_trigger,
    "PUT /hooks/triggers/{className}/{triggerName}": update_trigger,
    "DELETE /hooks/triggers/{className}/{triggerName}": delete_trigger_at_once,
    "GET /hooks/functions": find_hooks,
    "GET /hooks/triggers": find_triggers,
    "POST /batch": batch,
    "GET /config": config,
    "PUT /config": config,
}


def test_every_endpoint_of_the_list_is_visited() -> None:
    assert VISITS.keys() == ROWS.keys()
    assert len(VISITS) == 60


@pytest.mark.parametrize("back", BACKS)
@pytest.mark.parametrize("key", VISITS)
def test_it_does_what_it_is_there_for(world: World, key: str, back: str) -> None:
    row: Row = ROWS[key]
    keys = {"X-Parse-Application-Id": f"on-{back}", "X-Parse-REST-API-Key": KEYS["parse"]["rest_key"]}
    visitor = world.visitor(back, "/1", keys)
    way = Way.REFUSED if (key, back) in OTHERWISE else world.way(row, back)
    assert back != EMBEDDED or way is not Way.REFUSED
    walk(VISITS[key], visitor, way, row, sent=SENT.get(key), headers=MASTER, before=OTHERWISE.get((key, back)))


def test_applications_are_no_affair_of_an_applications_master(world: World) -> None:
    visitor = world.visitor(EMBEDDED, "/1", {"X-Parse-Application-Id": "on-embedded", **MASTER})
    for method, path in (("GET", "/apps"), ("GET", "/apps/on-embedded"), ("PUT", "/apps/on-embedded")):
        with pytest.raises(RefusedError, match="unauthorized"):
            visitor.ask(method, path, {} if method == "PUT" else None)


@pytest.mark.parametrize(
    ("method", "path", "query", "why"),
    [
        ("GET", "/classes/Post", {"explain": True}, "explain"),
        ("POST", "/graphql", {}, "GraphQL"),
        ("GET", "/graphql-config/any", {}, "GraphQL"),
        ("GET", "/security", {}, "security"),
        ("POST", "/validate_purchase", {}, "receipts"),
    ],
)
def test_what_parse_server_has_beside_the_list_is_refused_in_words(
    world: World, method: str, path: str, query: dict[str, Any], why: str
) -> None:
    visitor = world.visitor(EMBEDDED, "/1", {"X-Parse-Application-Id": "on-embedded", **MASTER})
    with pytest.raises(RefusedError, match=f"'code': (102|108), .*{why}"):
        visitor.ask(method, path, query=query)
