"""Users, sessions and roles."""

from __future__ import annotations

from gateway.errors import Code
from gateway.model.account import (
    ChangePassword,
    CurrentSession,
    CurrentUser,
    LogIn,
    LogInAs,
    LogOut,
    PairSession,
    RefreshSession,
    SignUp,
    UpgradeSession,
    VerifyPassword,
)
from gateway.model.operation import Create, Delete, Find, Get, Result, Update
from gateway.model.update import Set
from gateway.model.values import Date, Fields, Pointer
from gateway.wire import NOTHING as NO_BODY
from gateway.wire import HttpRequest, HttpResponse
from tests.cases import UNSUPPORTED, Case, Failure, Wire, without
from tests.cases.wires import CHANGED, CHANGED_AT, ID, MADE, MADE_AT, NOTHING, PUBLIC, ROW, get

TOKEN = "r:0123456789abcdef0123456789abcdef"
USER_PATH = f"/users/{ID}"
BY_CLASS = f"/classes/_User/{ID}"
MADE_USER = HttpResponse(
    201,
    {"objectId": ID, "createdAt": MADE, "sessionToken": TOKEN},
    {"Location": f"http://gateway.example/parse/users/{ID}"},
)


def user(**more: object) -> Fields:
    return {"@id": ID, "@created_at": MADE_AT, "@updated_at": CHANGED_AT, "username": "tom", **more}


SHOWN = {"objectId": ID, "createdAt": MADE, "updatedAt": CHANGED, "username": "tom"}
LEANCLOUD_SHOWN = {**SHOWN, "emailVerified": False, "mobilePhoneVerified": False}
LEANCLOUD_FIELDS = {"emailVerified": False, "mobilePhoneVerified": False}
AUTH = {"anonymous": {"id": "5a2f5f2e"}}
UNSAID: Fields = {
    "userStatus": "ENABLED",
    "socialAccount": "BACKENDLESS",
    "lastLogin": None,
    "name": None,
    "blUserLocale": None,
}
"""What a table tells of a user who has none of it."""
USER_ROW = {**ROW, "___class": "Users", "username": "tom"}
NAMES = {"username": "tom", "password": "p_n7!-e8"}
EXPIRES = {"__type": "Date", "iso": CHANGED}
WRONG = Failure(Code.BAD_CREDENTIALS, "Invalid username/password.")

CASES = without(
    "backendless",
    Case(
        "sign up",
        SignUp(changes={"username": Set("tom"), "password": Set("p_n7!-e8")}),
        Result(id=ID, created_at=MADE_AT, session=TOKEN),
        {
            "parse": Wire(
                HttpRequest("POST", "/users", body=NAMES),
                MADE_USER,
                (HttpRequest("POST", "/classes/_User", body=NAMES),),
            ),
        },
    ),
    Case(
        "sign up: the whole user is the answer",
        SignUp(changes={"username": Set("tom"), "password": Set("p_n7!-e8")}),
        Result(id=ID, session=TOKEN, object=user(**LEANCLOUD_FIELDS)),
        {
            "leancloud": Wire(
                HttpRequest("POST", "/users", body=NAMES),
                HttpResponse(201, {**LEANCLOUD_SHOWN, "sessionToken": TOKEN}, {"Location": f"/1.1/classes/_User/{ID}"}),
                (
                    HttpRequest("POST", "/users", {"new": "true"}, body=NAMES),
                    HttpRequest("POST", "/classes/_User", {"fetchWhenSave": "false"}, body=NAMES),
                ),
            ),
        },
    ),
    Case(
        "sign up: of another service",
        SignUp(changes={"authData": Set(AUTH)}),
        Result(id=ID, created_at=MADE_AT, session=TOKEN, providers={}, object={"username": "x1"}),
        {
            "parse": Wire(
                HttpRequest("POST", "/users", body={"authData": AUTH}),
                HttpResponse(
                    201,
                    {
                        "objectId": ID,
                        "createdAt": MADE,
                        "sessionToken": TOKEN,
                        "authDataResponse": {},
                        "username": "x1",
                    },
                    {"Location": f"http://gateway.example/parse/users/{ID}"},
                ),
            ),
        },
    ),
    Case(
        "sign up: of another service, which must know the user",
        SignUp(changes={"authData": Set(AUTH)}, must_exist=True),
        Failure(Code.USER_NOT_FOUND, "Could not find user."),
        {
            "parse": UNSUPPORTED,
            "leancloud": Wire(
                HttpRequest("POST", "/users", {"failOnNotExist": "true"}, body={"authData": AUTH}),
                HttpResponse(400, {"code": 211, "error": "Could not find user."}),
            ),
        },
    ),
    Case(
        "log in",
        LogIn(username="tom", password="p_n7!-e8"),
        Result(session=TOKEN, object=user(**LEANCLOUD_FIELDS)),
        {
            "parse": Wire(
                HttpRequest("POST", "/login", body=NAMES),
                HttpResponse(200, {**LEANCLOUD_SHOWN, "sessionToken": TOKEN}),
                (
                    get("/login", username="tom", password="p_n7!-e8"),
                    HttpRequest("POST", "/login", body={"_method": "GET", **NAMES}),
                ),
            ),
            "leancloud": Wire(
                HttpRequest("POST", "/login", body=NAMES),
                HttpResponse(200, {**LEANCLOUD_SHOWN, "sessionToken": TOKEN}),
                (get("/login", username="tom", password="p_n7!-e8"),),
            ),
            "backendless": Wire(
                HttpRequest("POST", "/users/login", body={"login": "tom", "password": "p_n7!-e8"}),
                HttpResponse(200, {**USER_ROW, **LEANCLOUD_FIELDS, **UNSAID, "user-token": TOKEN}),
                tells=Result(session=TOKEN, object=user(**LEANCLOUD_FIELDS, **UNSAID)),
            ),
        },
    ),
    Case(
        "log in: a wrong password",
        LogIn(email="tom@example.com", password="wrong"),
        WRONG,
        {
            "parse": Wire(
                HttpRequest("POST", "/login", body={"email": "tom@example.com", "password": "wrong"}),
                HttpResponse(404, {"code": 101, "error": "Invalid username/password."}),
            ),
            "leancloud": Wire(
                HttpRequest("POST", "/login", body={"email": "tom@example.com", "password": "wrong"}),
                HttpResponse(400, {"code": 210, "error": "The username and password mismatch."}),
            ),
        },
    ),
    Case(
        "log in: by a mobile phone number",
        LogIn(phone="+8618200008888", password="pw"),
        WRONG,
        {
            "parse": UNSUPPORTED,
            "leancloud": Wire(
                HttpRequest("POST", "/login", body={"mobilePhoneNumber": "+8618200008888", "password": "pw"}),
                HttpResponse(400, {"code": 210, "error": "The username and password mismatch."}),
            ),
        },
    ),
    Case(
        "verify a password",
        VerifyPassword(username="tom", password="p_n7!-e8"),
        Result(object=user()),
        {
            "parse": Wire(
                HttpRequest("POST", "/verifyPassword", body=NAMES),
                HttpResponse(200, SHOWN),
                (get("/verifyPassword", username="tom", password="p_n7!-e8"),),
            ),
            "leancloud": UNSUPPORTED,
        },
    ),
    Case(
        "log in as a user",
        LogInAs(user_id=ID),
        Result(session=TOKEN, object=user()),
        {
            "parse": Wire(
                HttpRequest("POST", "/loginAs", body={"userId": ID}),
                HttpResponse(200, {**SHOWN, "sessionToken": TOKEN}),
                (HttpRequest("POST", "/loginAs", {"userId": ID}),),
            ),
            "leancloud": UNSUPPORTED,
            "backendless": Wire(
                HttpRequest("POST", "/users/login", body={"objectId": ID}),
                HttpResponse(200, {**USER_ROW, **UNSAID, "user-token": TOKEN}),
                tells=Result(session=TOKEN, object=user(**UNSAID)),
            ),
        },
    ),
    Case(
        "log out",
        LogOut(),
        Result(),
        {
            "parse": Wire(HttpRequest("POST", "/logout"), HttpResponse(200, {})),
            "leancloud": Wire(HttpRequest("POST", "/logout"), HttpResponse(200, {})),
            "backendless": Wire(get("/users/logout"), HttpResponse(200, NO_BODY)),
        },
    ),
    Case(
        "the current user",
        CurrentUser(),
        Result(session=TOKEN, object=user(**LEANCLOUD_FIELDS)),
        {
            "parse": Wire(get("/users/me"), HttpResponse(200, {**LEANCLOUD_SHOWN, "sessionToken": TOKEN})),
            "leancloud": Wire(get("/users/me"), HttpResponse(200, {**LEANCLOUD_SHOWN, "sessionToken": TOKEN})),
        },
    ),
    Case(
        "the current user: by a token in a parameter",
        CurrentUser(session=TOKEN),
        Failure(Code.INVALID_SESSION, "Invalid session token"),
        {
            "parse": UNSUPPORTED,
            "leancloud": Wire(
                get("/users/me", session_token=TOKEN), HttpResponse(400, {"code": 211, "error": "Could not find user."})
            ),
        },
    ),
    Case(
        "the current session",
        CurrentSession(),
        Result(object={"@id": ID, "@created_at": MADE_AT, "user": Pointer("_User", "u1"), "expiresAt": Date(CHANGED)}),
        {
            "parse": Wire(
                get("/sessions/me"),
                HttpResponse(
                    200,
                    {
                        "objectId": ID,
                        "createdAt": MADE,
                        "user": {"__type": "Pointer", "className": "_User", "objectId": "u1"},
                        "expiresAt": EXPIRES,
                    },
                ),
            ),
            "leancloud": UNSUPPORTED,
        },
    ),
    Case(
        "pair a session with an installation",
        PairSession(),
        Result(updated_at=CHANGED_AT),
        {
            "parse": Wire(HttpRequest("PUT", "/sessions/me", body={}), HttpResponse(200, {"updatedAt": CHANGED})),
            "leancloud": UNSUPPORTED,
        },
    ),
    Case(
        "upgrade a session",
        UpgradeSession(),
        Result(object={"@id": ID, "@created_at": MADE_AT, "sessionToken": TOKEN}),
        {
            "parse": Wire(
                HttpRequest("POST", "/upgradeToRevocableSession"),
                HttpResponse(200, {"objectId": ID, "createdAt": MADE, "sessionToken": TOKEN}),
            ),
            "leancloud": UNSUPPORTED,
        },
    ),
    Case(
        "change a password, by the old one",
        ChangePassword(id=ID, old_password="old", new_password="new"),
        Result(updated_at=CHANGED_AT, session=TOKEN),
        {
            "parse": UNSUPPORTED,
            "leancloud": Wire(
                HttpRequest("PUT", f"/users/{ID}/updatePassword", body={"old_password": "old", "new_password": "new"}),
                HttpResponse(200, {"objectId": ID, "updatedAt": CHANGED, "sessionToken": TOKEN}),
            ),
        },
    ),
    Case(
        "refresh a session",
        RefreshSession(id=ID),
        Result(updated_at=CHANGED_AT, session=TOKEN),
        {
            "parse": UNSUPPORTED,
            "leancloud": Wire(
                HttpRequest("PUT", f"/users/{ID}/refreshSessionToken"),
                HttpResponse(200, {"objectId": ID, "updatedAt": CHANGED, "sessionToken": TOKEN}),
            ),
        },
    ),
    Case(
        "get: a user",
        Get(class_name="_User", id=ID),
        Result(object=user(**LEANCLOUD_FIELDS, **{"@acl": PUBLIC})),
        {
            "parse": Wire(get(USER_PATH), HttpResponse(200, {**LEANCLOUD_SHOWN, "ACL": PUBLIC}), (get(BY_CLASS),)),
            "leancloud": Wire(
                get(USER_PATH, returnACL="true"),
                HttpResponse(200, {**LEANCLOUD_SHOWN, "ACL": PUBLIC}),
                (get(BY_CLASS, returnACL="true"),),
            ),
            "backendless": Wire(
                get(f"/data/Users/{ID}"),
                HttpResponse(200, {**USER_ROW, **LEANCLOUD_FIELDS, **UNSAID}),
                tells=Result(object=user(**LEANCLOUD_FIELDS, **UNSAID)),
            ),
        },
    ),
    Case(
        "update: a user with a new password",
        Update(class_name="_User", id=ID, changes={"password": Set("new")}, returning=NOTHING),
        Result(updated_at=CHANGED_AT, session=TOKEN),
        {
            "parse": Wire(
                HttpRequest("PUT", USER_PATH, body={"password": "new"}),
                HttpResponse(200, {"updatedAt": CHANGED, "sessionToken": TOKEN}),
                (HttpRequest("PUT", BY_CLASS, body={"password": "new"}),),
            ),
            "backendless": Wire(
                HttpRequest("PUT", USER_PATH, body={"password": "new"}),
                HttpResponse(200, {**USER_ROW, **UNSAID, "user-token": TOKEN}),
                tells=Result(id=ID, updated_at=CHANGED_AT, session=TOKEN, object=user(**UNSAID)),
            ),
        },
    ),
    Case(
        "delete: a user",
        Delete(class_name="_User", ids=(ID,)),
        Result(),
        {
            "parse": Wire(HttpRequest("DELETE", USER_PATH), HttpResponse(200, {}), (HttpRequest("DELETE", BY_CLASS),)),
            "leancloud": Wire(
                HttpRequest("DELETE", USER_PATH), HttpResponse(200, {}), (HttpRequest("DELETE", BY_CLASS),)
            ),
            "backendless": Wire(
                HttpRequest("DELETE", f"/data/Users/{ID}"),
                HttpResponse(200, {"deletionTime": MADE_AT.ms}),
                tells=Result(moment=MADE_AT),
            ),
        },
    ),
    Case(
        "find: roles",
        Find(class_name="_Role", limit=100),
        Result(objects=[]),
        {
            "parse": Wire(get("/roles"), HttpResponse(200, {"results": []}), (get("/classes/_Role"),)),
            "leancloud": Wire(
                get("/roles", returnACL="true"),
                HttpResponse(200, {"results": []}),
                (get("/classes/_Role", returnACL="true"),),
            ),
        },
    ),
    Case(
        "create: a role without an ACL",
        Create(class_name="_Role", changes={"name": Set("mods")}, returning=NOTHING),
        Failure(Code.BAD_ROLE, "ACL is required.", (("name", "ACL"),)),
        {
            "parse": Wire(
                HttpRequest("POST", "/roles", body={"name": "mods"}),
                HttpResponse(400, {"code": 111, "error": "ACL is required."}),
                (HttpRequest("POST", "/classes/_Role", body={"name": "mods"}),),
            ),
            "leancloud": Wire(
                HttpRequest("POST", "/roles", body={"name": "mods"}),
                HttpResponse(400, {"code": 1, "error": "Role ACL is required."}),
                (HttpRequest("POST", "/classes/_Role", body={"name": "mods"}),),
            ),
        },
    ),
)
