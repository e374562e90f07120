"""Who follows whom, and what they tell each other. Only one vendor has words for it."""

from __future__ import annotations

from typing import Any

from gateway.errors import Code
from gateway.model.account import USER
from gateway.model.operation import Operation, Result
from gateway.model.query import Condition, Op, Sort, Subquery
from gateway.model.social import (
    FOLLOWER,
    AnswerFriendship,
    BlockUser,
    CountInbox,
    DeleteFriendship,
    DeleteFriendshipRequest,
    DeleteStatus,
    FindBlocked,
    FindFollowersAndFollowees,
    FindFollows,
    FindInbox,
    Follow,
    RemoveFromInbox,
    RequestFriendship,
    ResetUnread,
    SendStatus,
    Unfollow,
    UpdateFriendship,
)
from gateway.model.update import Set
from gateway.model.values import Pointer
from gateway.wire import HttpRequest, HttpResponse
from tests.cases import Case, Failure, Wire, without
from tests.cases.wires import CHANGED, CHANGED_AT, ID, MADE, MADE_AT

BEN: dict[str, Any] = {"__type": "Pointer", "className": "_User", "objectId": "ben"}
BEN_TEXT = '{"__type":"Pointer","className":"_User","objectId":"ben"}'
GROUP: dict[str, Any] = {"group": Set("work")}
ANSWERED = {"objectId": ID, "updatedAt": CHANGED}
ROW = {"@id": ID, "@created_at": MADE_AT, "@updated_at": MADE_AT, "user": Pointer(USER, "ben"), "group": "work"}
WIRE_ROW = {"objectId": ID, "createdAt": MADE, "updatedAt": MADE, "user": BEN, "group": "work"}
PAGED = {"where": '{"group":"work"}', "order": "-group", "limit": "10", "skip": "5", "count": "1", "include": "user"}
PAGE: dict[str, Any] = {
    "where": Condition("group", Op.EQ, "work"),
    "order": (Sort("group", True),),
    "limit": 10,
    "skip": 5,
    "count": True,
    "include": ("user",),
    "with_acl": False,
}


def case(
    title: str,
    op: Operation,
    method: str,
    path: str,
    body: Any = None,
    *,
    query: dict[str, str] | None = None,
    result: Result | Failure | None = None,
    answer: HttpResponse | Any = None,
    also: tuple[HttpRequest, ...] = (),
) -> Case:
    response = answer if isinstance(answer, HttpResponse) else HttpResponse(200, {} if answer is None else answer)
    wire = Wire(HttpRequest(method, path, query or {}, body=body), response, also)
    return Case(f"social: {title}", op, result or Result(), {"leancloud": wire})


def made(class_name: str) -> HttpResponse:
    place = {"Location": f"/1.1/classes/{class_name}/{ID}"}
    return HttpResponse(201, {"objectId": ID, "createdAt": MADE}, place)


FRIENDSHIP = (
    case(
        "follow", Follow(user="ann", other="ben", changes=GROUP), "POST", "/users/ann/friendship/ben", {"group": "work"}
    ),
    case("unfollow", Unfollow(user="ann", other="ben"), "DELETE", "/users/ann/friendship/ben"),
    case(
        "say something else of whom one follows",
        UpdateFriendship(user="self", other="ben", changes=GROUP),
        "PUT",
        "/users/self/friendship/ben",
        {"friendship": {"group": "work"}},
        result=Result(id=ID, updated_at=CHANGED_AT),
        answer=ANSWERED,
    ),
    case("unfollow, by the object", DeleteFriendship(id=ID), "DELETE", f"/classes/_Followee/{ID}"),
    case(
        "who is followed",
        FindFollows(user="ann", **PAGE),
        "GET",
        "/users/ann/followees",
        query=PAGED,
        result=Result(objects=[ROW], total=1),
        answer={"results": [WIRE_ROW], "count": 1},
    ),
    case(
        "who follows",
        FindFollows(user="ann", class_name=FOLLOWER, **PAGE),
        "GET",
        "/users/ann/followers",
        query=PAGED,
        result=Result(objects=[ROW], total=1),
        answer={"results": [WIRE_ROW], "count": 1},
    ),
    case(
        "friends",
        FindFollows(user="self", friends=True, **PAGE),
        "GET",
        "/users/self/friends",
        query=PAGED,
        result=Result(objects=[], total=0),
        answer={"results": [], "count": 0},
    ),
    case(
        "who follows and who is followed",
        FindFollowersAndFollowees(user="ann", **{name: part for name, part in PAGE.items() if name != "where"}),
        "GET",
        "/users/ann/followersAndFollowees",
        query={name: part for name, part in PAGED.items() if name != "where"},
        result=Result(objects=[], total=0, others=[ROW], others_total=1),
        answer={"followers": [], "followees": [WIRE_ROW], "followers_count": 0, "followees_count": 1},
    ),
    case(
        "ask to be friends",
        RequestFriendship(user="ben", friend="ben", changes=GROUP),
        "POST",
        "/users/friendshipRequests",
        {"user": BEN, "friend": BEN, "friendship": {"group": "work"}},
        result=Result(id=ID, created_at=MADE_AT),
        answer=made("_FriendshipRequest"),
    ),
    case(
        "ask to be friends again",
        RequestFriendship(user="ben", friend="ben", changes=GROUP),
        "POST",
        "/users/friendshipRequests",
        {"user": BEN, "friend": BEN, "friendship": {"group": "work"}},
        result=Failure(Code.FRIENDSHIP_REFUSED, "Friendship already exists."),
        answer=HttpResponse(400, {"code": 221, "error": "Friendship already exists."}),
    ),
    case(
        "accept",
        AnswerFriendship(id=ID, accept=True, changes=GROUP),
        "PUT",
        f"/users/friendshipRequests/{ID}/accept",
        {"friendship": {"group": "work"}},
        result=Result(id=ID, updated_at=CHANGED_AT),
        answer=ANSWERED,
    ),
    case(
        "decline",
        AnswerFriendship(id=ID, accept=False),
        "PUT",
        f"/users/friendshipRequests/{ID}/decline",
        {},
        result=Result(id=ID, updated_at=CHANGED_AT),
        answer=ANSWERED,
    ),
    case("take a request back", DeleteFriendshipRequest(id=ID), "DELETE", f"/classes/_FriendshipRequest/{ID}"),
    case("block", BlockUser(other="ben"), "POST", "/users/self/friendBlocklist/ben", {}),
    case("no longer block", BlockUser(other="ben", blocked=False), "DELETE", "/users/self/friendBlocklist/ben"),
    case(
        "who is blocked",
        FindBlocked(**PAGE),
        "GET",
        "/users/self/friendBlocklist",
        query=PAGED,
        result=Result(objects=[], total=0),
        answer={"results": [], "count": 0},
    ),
)

STATUSES = (
    case(
        "send a status",
        SendStatus(
            recipients=Subquery("_Follower", Condition("user", Op.EQ, Pointer(USER, "ben")), "follower"),
            changes={"message": Set("hi"), "source": Set(Pointer(USER, "ben"))},
            inbox_type="news",
        ),
        "POST",
        "/statuses",
        {
            "query": {"className": "_Follower", "where": {"user": BEN}, "keys": "follower"},
            "data": {"message": "hi", "source": BEN},
            "inboxType": "news",
        },
        result=Result(id=ID, created_at=MADE_AT),
        answer=made("_Status"),
    ),
    case(
        "send a status to some",
        SendStatus(recipients=Subquery(USER, None, None, 3, 1, (Sort("n"),)), source="ben"),
        "POST",
        "/statuses",
        {
            "query": {"className": "_User", "limit": 3, "skip": 1, "order": "n"},
            "source": BEN,
        },
        result=Result(id=ID, created_at=MADE_AT),
        answer=made("_Status"),
    ),
    case("delete a status", DeleteStatus(id=ID), "DELETE", f"/statuses/{ID}"),
    case(
        "an inbox",
        FindInbox(
            limit=10,
            owner="ben",
            inbox_type="news",
            since_id=3,
            max_id=9,
            where=Condition("group", Op.EQ, "work"),
            order=(Sort("messageId"),),
            include=("source",),
            with_acl=False,
        ),
        "GET",
        "/subscribe/statuses",
        query={
            "owner": BEN_TEXT,
            "inboxType": "news",
            "sinceId": "3",
            "maxId": "9",
            "where": '{"group":"work"}',
            "order": "messageId",
            "limit": "10",
            "include": "source",
        },
        result=Result(objects=[ROW], value=False),
        answer={"results": [WIRE_ROW], "end": False},
    ),
    case(
        "what is unread",
        CountInbox(owner="ben", inbox_type="news"),
        "GET",
        "/subscribe/statuses/count",
        query={"owner": BEN_TEXT, "inboxType": "news"},
        result=Result(value={"total": 3, "unread": 1}),
        answer={"total": 3, "unread": 1},
    ),
    case(
        "all has been read",
        ResetUnread(owner="ben", inbox_type="news"),
        "POST",
        "/subscribe/statuses/resetUnreadCount",
        {"owner": BEN, "inboxType": "news"},
    ),
    case(
        "take a status out of an inbox",
        RemoveFromInbox(message_id=7, owner="ben", inbox_type="news"),
        "DELETE",
        "/subscribe/statuses/inbox",
        query={"messageId": "7", "owner": BEN_TEXT, "inboxType": "news"},
    ),
)

CASES = without("parse", *without("backendless", *FRIENDSHIP, *STATUSES))
