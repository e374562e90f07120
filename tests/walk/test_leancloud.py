"""Every endpoint of LeanCloud's REST guides."""

from __future__ import annotations

import io
import tarfile
import time
from collections.abc import Mapping
from typing import Any, Final

import pytest

from gateway.backends.emulations import Way
from tests.walk.rows import Row, rows
from tests.walk.world import BACKS, EMBEDDED, KEYS, RefusedError, Visit, Visitor, World, new_name, walk

ROWS: Final = {row.key.replace(" /1.1/", " /"): row for row in rows("leancloud")}
MASTER: Final = {"X-LC-Key": f"{KEYS['leancloud']['master_key']},master"}

NOT_SERVED: Final[Mapping[str, str]] = {}
"""Endpoints that are refused on every backend -> why."""

OTHERWISE: Final = {("POST /usersByMobilePhone", back): "nobody sends codes" for back in ("parse", "backendless")}
"""(Endpoint, backend) -> why it is refused there all the same, though the tables have words for it."""

SENT: Final[Mapping[str, Mapping[str, Any]]] = {
    "POST /rtm/messages": {"from_peer": "x", "conv_id": "x", "message": "x"},
    "GET /rtm/transient_group/onlines": {"gid": "x"},
    "POST /push": {"data": {"alert": "x"}},
}
"""What an endpoint needs to be asked for by itself."""

INSIDE: Final = {"POST /classes/{className}/{objectId}": ROWS["PUT /classes/{className}/{objectId}"]}
"""What is meant where a request is in the body of another one."""


def session(token: str) -> dict[str, str]:
    return {"X-LC-Session": token}


# objects


def post(visitor: Visitor, **fields: Any) -> str:
    name = visitor.more.setdefault("class", new_name("Post"))
    made = visitor.ask("POST", f"/classes/{name}", {"content": "Superb", "upvotes": 1, **fields})
    assert made["createdAt"].endswith("Z")
    visitor.more["path"] = f"/classes/{name}/{made['objectId']}"
    return str(made["objectId"])


def create(visitor: Visitor) -> None:
    post(visitor)
    read = visitor.ask("GET", visitor.more["path"])
    assert (read["content"], read["upvotes"]) == ("Superb", 1)


def update(visitor: Visitor) -> None:
    post(visitor)
    assert "updatedAt" in visitor.ask("PUT", visitor.more["path"], {"upvotes": {"__op": "Increment", "amount": 2}})
    assert visitor.ask("GET", visitor.more["path"])["upvotes"] == 3


def find(visitor: Visitor) -> None:
    for votes in (10, 20, 30):
        post(visitor, upvotes=votes)
    query = {"where": {"upvotes": {"$gt": 10}}, "order": "-upvotes", "limit": 1, "count": 1}
    found = visitor.ask("GET", f"/classes/{visitor.more['class']}", query=query)
    assert ([one["upvotes"] for one in found["results"]], found["count"]) == ([30], 2)


def delete(visitor: Visitor) -> None:
    known = post(visitor)
    assert visitor.ask("DELETE", visitor.more["path"]) == {}
    found = visitor.ask("GET", f"/classes/{visitor.more['class']}", query={"where": {"objectId": known}})
    assert found["results"] == []


def scan(visitor: Visitor) -> None:
    ids = {post(visitor) for _ in range(3)}
    path = f"/scan/classes/{visitor.more['class']}"
    first = visitor.ask("GET", path, query={"limit": 2}, headers=MASTER)
    rest = visitor.ask("GET", path, query={"limit": 2, "cursor": first["cursor"]}, headers=MASTER)
    assert {one["objectId"] for one in first["results"] + rest["results"]} == ids
    assert rest.get("cursor") is None


def batch(visitor: Visitor) -> None:
    name = new_name("Post")
    one = {"method": "POST", "path": f"/1.1/classes/{name}", "body": {"content": "a"}}
    [done] = visitor.ask("POST", "/batch", {"requests": [one]})
    assert done["success"]["objectId"]
    assert len(visitor.ask("GET", f"/classes/{name}")["results"]) == 1


def tunnelled(visitor: Visitor) -> None:
    post(visitor)
    visitor.ask("POST", visitor.more["path"], {"_method": "PUT", "upvotes": 7})
    assert visitor.ask("GET", visitor.more["path"])["upvotes"] == 7


# users


def sign_up(visitor: Visitor, **fields: Any) -> dict[str, Any]:
    name = new_name("hjiang")
    user = {"username": name, "password": "f32@ds*@&dsa", "email": f"{name}@example.com", **fields}
    made: dict[str, Any] = visitor.ask("POST", "/users", user)
    assert made["sessionToken"]
    return {**user, **made}


def get_user(visitor: Visitor) -> None:
    user = sign_up(visitor)
    found = visitor.ask("GET", f"/users/{user['objectId']}", headers=session(user["sessionToken"]))
    assert found["username"] == user["username"]


def log_in(visitor: Visitor) -> None:
    user = sign_up(visitor)
    body = {"username": user["username"], "password": user["password"]}
    assert visitor.ask("POST", "/login", body)["objectId"] == user["objectId"]


def current_user(visitor: Visitor) -> None:
    user = sign_up(visitor)
    assert visitor.ask("GET", "/users/me", headers=session(user["sessionToken"]))["objectId"] == user["objectId"]


def refresh_session(visitor: Visitor) -> None:
    user = sign_up(visitor)
    told = visitor.ask("PUT", f"/users/{user['objectId']}/refreshSessionToken", headers=session(user["sessionToken"]))
    assert told["sessionToken"] != user["sessionToken"]
    with pytest.raises(RefusedError):
        visitor.ask("GET", "/users/me", headers=session(user["sessionToken"]))
    assert visitor.ask("GET", "/users/me", headers=session(told["sessionToken"]))["objectId"] == user["objectId"]


def update_password(visitor: Visitor) -> None:
    user = sign_up(visitor)
    body = {"old_password": user["password"], "new_password": "another"}
    path = f"/users/{user['objectId']}/updatePassword"
    visitor.ask("PUT", path, body, headers=session(user["sessionToken"]))
    assert visitor.ask("POST", "/login", {"username": user["username"], "password": "another"})["sessionToken"]


def update_user(visitor: Visitor) -> None:
    user = sign_up(visitor)
    path, token = f"/users/{user['objectId']}", session(user["sessionToken"])
    visitor.ask("PUT", path, {"nick": "Tom"}, headers=token)
    assert visitor.ask("GET", path, headers=token)["nick"] == "Tom"


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


def verify_email(visitor: Visitor) -> None:
    user = sign_up(visitor)
    assert visitor.ask("POST", "/requestEmailVerify", {"email": user["email"]}) == {}
    assert "http" in visitor.mail_to(user["email"]).text


# users by their phones


def phone_number() -> str:
    return f"+86186{int(new_name('')):08d}"


def by_phone(visitor: Visitor) -> None:
    phone = phone_number()
    visitor.ask("POST", "/requestSmsCode", {"mobilePhoneNumber": phone})
    body = {"mobilePhoneNumber": phone, "smsCode": visitor.code_sent_to(phone)}
    user = visitor.ask("POST", "/usersByMobilePhone", body)
    assert (user["mobilePhoneNumber"], user["mobilePhoneVerified"]) == (phone, True)
    assert user["sessionToken"]
    visitor.more |= {"phone": phone, "user": user}


def with_phone(visitor: Visitor) -> dict[str, Any]:
    visitor.more["phone"] = phone_number()
    return sign_up(visitor, mobilePhoneNumber=visitor.more["phone"])


def verify_phone(visitor: Visitor) -> None:
    user = with_phone(visitor)
    number = {"mobilePhoneNumber": visitor.more["phone"]}
    visitor.ask("POST", "/requestMobilePhoneVerify", number)
    visitor.ask("POST", f"/verifyMobilePhone/{visitor.code_sent_to(visitor.more['phone'])}", number)
    assert visitor.ask("GET", "/users/me", headers=session(user["sessionToken"]))["mobilePhoneVerified"] is True


def change_phone(visitor: Visitor) -> None:
    token = session(with_phone(visitor)["sessionToken"])
    other = phone_number()
    visitor.ask("POST", "/requestChangePhoneNumber", {"mobilePhoneNumber": other}, headers=token)
    body = {"mobilePhoneNumber": other, "code": visitor.code_sent_to(other)}
    visitor.ask("POST", "/changePhoneNumber", body, headers=token)
    assert visitor.ask("GET", "/users/me", headers=token)["mobilePhoneNumber"] == other


def log_in_by_code(visitor: Visitor) -> None:
    by_phone(visitor)
    phone = visitor.more["phone"]
    visitor.ask("POST", "/requestLoginSmsCode", {"mobilePhoneNumber": phone})
    body = {"mobilePhoneNumber": phone, "smsCode": visitor.code_sent_to(phone)}
    assert visitor.ask("POST", "/login", body)["objectId"] == visitor.more["user"]["objectId"]


def reset_by_code(visitor: Visitor) -> None:
    by_phone(visitor)
    phone = visitor.more["phone"]
    visitor.ask("POST", "/requestPasswordResetBySmsCode", {"mobilePhoneNumber": phone})
    code = visitor.code_sent_to(phone)
    visitor.ask("PUT", f"/resetPasswordBySmsCode/{code}", {"mobilePhoneNumber": phone, "password": "another"})
    body = {"mobilePhoneNumber": phone, "password": "another"}
    assert visitor.ask("POST", "/login", body)["objectId"] == visitor.more["user"]["objectId"]


# roles


def role(visitor: Visitor) -> None:
    name = visitor.more["role"] = new_name("Moderators")
    made = visitor.ask("POST", "/roles", {"name": name, "ACL": {"*": {"read": True}}}, headers=MASTER)
    visitor.more["path"] = f"/roles/{made['objectId']}"
    assert visitor.ask("GET", visitor.more["path"], headers=MASTER)["name"] == name


def update_role(visitor: Visitor) -> None:
    role(visitor)
    known = sign_up(visitor)["objectId"]
    member = {"__type": "Pointer", "className": "_User", "objectId": known}
    change = {"users": {"__op": "AddRelation", "objects": [member]}}
    visitor.ask("PUT", visitor.more["path"], change, headers=MASTER)
    [found] = visitor.ask("GET", "/roles", query={"where": {"users": member}}, headers=MASTER)["results"]
    assert found["name"] == visitor.more["role"]


def find_roles(visitor: Visitor) -> None:
    role(visitor)
    query = {"where": {"name": visitor.more["role"]}}
    assert len(visitor.ask("GET", "/roles", query=query, headers=MASTER)["results"]) == 1


def delete_role(visitor: Visitor) -> None:
    role(visitor)
    visitor.ask("DELETE", visitor.more["path"], headers=MASTER)
    query = {"where": {"name": visitor.more["role"]}}
    assert visitor.ask("GET", "/roles", query=query, headers=MASTER)["results"] == []


# installations and push


def installation(visitor: Visitor, **fields: Any) -> str:
    token = visitor.more["token"] = new_name("token")
    told = {"deviceType": "android", "installationId": token, "deviceToken": token, "channels": ["public"], **fields}
    made = visitor.ask("POST", "/installations", told)
    # SDKs keep the id that they are told, also of a device that registers again
    assert visitor.ask("POST", "/installations", told)["objectId"] == made["objectId"]
    visitor.more["path"] = f"/installations/{made['objectId']}"
    return str(made["objectId"])


def get_installation(visitor: Visitor) -> None:
    installation(visitor)
    assert visitor.ask("GET", visitor.more["path"], headers=MASTER)["deviceToken"] == visitor.more["token"]


def update_installation(visitor: Visitor) -> None:
    installation(visitor)
    visitor.ask("PUT", visitor.more["path"], {"channels": ["public", "protected"]})
    assert visitor.ask("GET", visitor.more["path"], headers=MASTER)["channels"] == ["public", "protected"]


def find_installations(visitor: Visitor) -> None:
    known = installation(visitor)
    query = {"where": {"deviceToken": visitor.more["token"]}}
    [found] = visitor.ask("GET", "/installations", query=query, headers=MASTER)["results"]
    assert found["objectId"] == known


def delete_installation(visitor: Visitor) -> None:
    installation(visitor)
    visitor.ask("DELETE", visitor.more["path"], headers=MASTER)
    query = {"where": {"deviceToken": visitor.more["token"]}}
    assert visitor.ask("GET", "/installations", query=query, headers=MASTER)["results"] == []


def push(visitor: Visitor) -> None:
    channel = new_name("channel")
    installation(visitor, channels=[channel])
    told = visitor.ask("POST", "/push", {"channels": [channel], "data": {"alert": channel}}, headers=MASTER)
    # Parse Server tells of a push that it has taken no more than its id
    assert told["createdAt"].endswith("Z") if visitor.back != "parse" else "createdAt" not in told
    visitor.more["push"] = told["objectId"]
    visitor.pushed(channel, to=visitor.more["token"])
    cql = f"select * from _Installation where channels = '{channel}'"
    visitor.ask("POST", "/push", {"cql": cql, "data": {"alert": f"{channel} by CQL"}}, headers=MASTER)
    visitor.pushed(f"{channel} by CQL", to=visitor.more["token"])


def find_notifications(visitor: Visitor) -> None:
    push(visitor)
    found = visitor.ask("GET", "/notifications", headers=MASTER)["results"]
    assert visitor.more["push"] in [one["objectId"] for one in found]


def get_notification(visitor: Visitor) -> None:
    push(visitor)
    found = visitor.ask("GET", f"/notifications/{visitor.more['push']}", headers=MASTER)
    assert found["objectId"] == visitor.more["push"]


def scheduled(visitor: Visitor) -> str:
    at = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(time.time() + 3600))
    body = {"channels": [new_name("channel")], "data": {"alert": "later"}, "push_time": at}
    return str(visitor.ask("POST", "/push", body, headers=MASTER)["objectId"])


def delete_notification(visitor: Visitor) -> None:
    known = scheduled(visitor)
    visitor.ask("DELETE", f"/notifications/{known}", headers=MASTER)
    assert known not in [one["objectId"] for one in visitor.ask("GET", "/notifications", headers=MASTER)["results"]]


def find_scheduled(visitor: Visitor) -> None:
    known = scheduled(visitor)
    found = visitor.ask("GET", "/scheduledPushMessages", headers=MASTER)["results"]
    [own] = [one for one in found if known in (one.get("objectId"), one.get("push_id"), str(one.get("id")))]
    visitor.more["scheduled"] = own["id"]


def delete_scheduled(visitor: Visitor) -> None:
    find_scheduled(visitor)
    visitor.ask("DELETE", f"/scheduledPushMessages/{visitor.more['scheduled']}", headers=MASTER)
    found = visitor.ask("GET", "/scheduledPushMessages", headers=MASTER)["results"]
    assert visitor.more["scheduled"] not in [one["id"] for one in found]


# classes, code, time


def find_schemas(visitor: Visitor) -> None:
    post(visitor)
    told = visitor.ask("GET", "/schemas", headers=MASTER)
    assert told[visitor.more["class"]]["upvotes"]["type"] == "Number"


def get_schema(visitor: Visitor) -> None:
    post(visitor)
    told = visitor.ask("GET", f"/schemas/{visitor.more['class']}", headers=MASTER)
    assert (told["upvotes"]["type"], told["objectId"]["type"]) == ("Number", "String")


def get_schema_by_post(visitor: Visitor) -> None:
    post(visitor)
    told = visitor.ask("POST", f"/schemas/{visitor.more['class']}", headers=MASTER)
    assert told["upvotes"]["type"] == "Number"


def call_function(visitor: Visitor) -> None:
    told = visitor.ask("POST", "/functions/hello", {"movie": "The Matrix"})["result"]
    assert (told["name"], told["given"]) == ("hello", {"movie": "The Matrix"})


def call_with_objects(visitor: Visitor) -> None:
    known = post(visitor)
    pointer = {"__type": "Pointer", "className": visitor.more["class"], "objectId": known}
    told = visitor.ask("POST", "/call/hello", {"about": pointer})["result"]
    assert told["given"]["about"]["objectId"] == known


def date(visitor: Visitor) -> None:
    before = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(time.time() - 60))
    told = visitor.ask("GET", "/date")
    assert told["__type"] == "Date"
    assert before < told["iso"] < time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(time.time() + 60))


# files


def register_file(visitor: Visitor) -> None:
    told = {"url": "https://files.example.com/a.png", "name": new_name("a"), "mime_type": "image/png"}
    made = visitor.ask("POST", "/files", told)
    visitor.more |= {"file": made["objectId"], "name": told["name"]}
    [found] = visitor.ask("GET", "/classes/files", query={"where": {"name": told["name"]}})["results"]
    assert (found["objectId"], found["url"]) == (made["objectId"], told["url"])


def delete_file(visitor: Visitor) -> None:
    register_file(visitor)
    visitor.ask("DELETE", f"/files/{visitor.more['file']}", headers=MASTER)
    assert visitor.ask("GET", "/classes/files", query={"where": {"name": visitor.more["name"]}})["results"] == []


# conversations, and all of the data


def say(visitor: Visitor) -> None:
    made = visitor.ask("POST", "/classes/_Conversation", {"name": "test", "m": ["tom", "ann"]})
    known = visitor.more["conversation"] = made["objectId"]
    body = {"from_peer": "tom", "conv_id": known, "message": "Hello", "transient": False}
    told = visitor.ask("POST", "/rtm/messages", body, headers=MASTER)["result"]
    [found] = visitor.ask("GET", "/rtm/messages/logs", query={"convid": known}, headers=MASTER)
    assert (found["msg-id"], found["timestamp"]) == (told["msg-id"], told["timestamp"])
    assert (found["from"], found["data"]) == ("tom", "Hello")


def online(visitor: Visitor) -> None:
    room = visitor.ask("POST", "/classes/_Conversation", {"name": new_name("room"), "tr": True})["objectId"]
    told = visitor.ask("GET", "/rtm/transient_group/onlines", query={"gid": room}, headers=MASTER)
    assert told == {"result": 0}


def export(visitor: Visitor) -> None:
    known = post(visitor)
    begun = visitor.ask("POST", "/exportData", {"classes": visitor.more["class"]}, headers=MASTER)
    for _ in range(3000):
        told = visitor.ask("GET", f"/exportData/{begun['id']}", headers=MASTER)
        if told["status"] != "running":
            break
        time.sleep(0.02)
    assert told["status"] == "done"
    if visitor.back != EMBEDDED:
        assert "signature=" in told["download_url"]  # at the backend's, which the client asks by itself
        return
    visitor.headers = {}  # the address is all that one needs
    archive = visitor.ask("GET", visitor.here(told["download_url"]))
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        objects = tar.extractfile(f"{visitor.more['class']}.0.jsonl")
        assert objects is not None
        assert known in objects.read().decode()


VISITS: Final[Mapping[str, Visit]] = {
    "POST /classes/{className}": create,
    "GET /classes/{className}/{objectId}": create,
    "PUT /classes/{className}/{objectId}": update,
    "GET /classes/{className}": find,
    "DELETE /classes/{className}/{objectId}": delete,
    "POST /classes/{className}/{objectId}": tunnelled,
    "GET /scan/classes/{className}": scan,
    "POST /batch": batch,
    "POST /users": get_user,
    "POST /usersByMobilePhone": by_phone,
    "POST /login": log_in,
    "GET /users/{objectId}": get_user,
    "GET /users/me": current_user,
    "PUT /users/{objectId}/refreshSessionToken": refresh_session,
    "PUT /users/{objectId}/updatePassword": update_password,
    "PUT /users/{objectId}": update_user,
    "GET /users": find_users,
    "DELETE /users/{objectId}": delete_user,
    "POST /requestPasswordReset": reset_password,
    "POST /requestEmailVerify": verify_email,
    "POST /requestMobilePhoneVerify": verify_phone,
    "POST /verifyMobilePhone/{code}": verify_phone,
    "POST /requestChangePhoneNumber": change_phone,
    "POST /changePhoneNumber": change_phone,
    "POST /requestLoginSmsCode": log_in_by_code,
    "POST /requestPasswordResetBySmsCode": reset_by_code,
    "PUT /resetPasswordBySmsCode/{code}": reset_by_code,
    "POST /roles": role,
    "GET /roles/{objectId}": role,
    "PUT /roles/{objectId}": update_role,
    "GET /roles": find_roles,
    "DELETE /roles/{objectId}": delete_role,
    "POST /push": push,
    "GET /notifications": find_notifications,
    "GET /notifications/{notification_id}": get_notification,
    "DELETE /notifications/{notification_id}": delete_notification,
    "GET /scheduledPushMessages": find_scheduled,
    "DELETE /scheduledPushMessages/{id}": delete_scheduled,
    "POST /installations": get_installation,
    "GET /installations/{objectId}": get_installation,
    "PUT /installations/{objectId}": update_installation,
    "GET /installations": find_installations,
    "DELETE /installations/{objectId}": delete_installation,
    "GET /schemas": find_schemas,
    "GET /schemas/{className}": get_schema,
    "POST /schemas/{className}": get_schema_by_post,
    "POST /functions/{functionName}": call_function,
    "POST /call/{functionName}": call_with_objects,
    "GET /date": date,
    "POST /rtm/messages": say,
    "GET /rtm/messages/logs": say,
    "GET /rtm/transient_group/onlines": online,
    "POST /exportData": export,
    "GET /exportData/{id}": export,
    "POST /files": register_file,
    "DELETE /files/{objectId}": delete_file,
    "GET /classes/files": register_file,
}


def test_every_endpoint_of_the_list_is_visited() -> None:
    assert VISITS.keys() | NOT_SERVED.keys() == ROWS.keys()
    assert not VISITS.keys() & NOT_SERVED.keys()


@pytest.mark.parametrize("back", BACKS)
@pytest.mark.parametrize("key", VISITS)
def test_it_does_what_it_is_there_for(world: World, key: str, back: str) -> None:
    row: Row = INSIDE.get(key) or ROWS[key]
    keys = {"X-LC-Id": f"on-{back}", "X-LC-Key": KEYS["leancloud"]["app_key"]}
    visitor = world.visitor(back, "/1.1", keys)
    way = Way.REFUSED if (key, back) in OTHERWISE else world.way(row, back)
    assert back != EMBEDDED or way is not Way.REFUSED
    walk(VISITS[key], visitor, way, row, sent=SENT.get(key), headers=MASTER)


def test_a_push_needs_something_to_say(world: World) -> None:
    visitor = world.visitor(EMBEDDED, "/1.1", {"X-LC-Id": "on-embedded", **MASTER})
    with pytest.raises(RefusedError, match="this needs data"):
        visitor.ask("POST", "/push", {"channels": [new_name("channel")]})
