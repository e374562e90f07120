"""What the SDKs' own tests find otherwise with a real Parse Server on PostgreSQL behind the gateway: test -> why.

All but the last group is so without the gateway as well, where the SDK is pointed at Parse Server itself. It concerns
Parse Server 9.10 on PostgreSQL; on MongoDB some of it is as the tests have it.
"""

from __future__ import annotations

from collections.abc import Mapping

ORDER = "Parse Server rebuilds a list on PostgreSQL, and its order with it"
NULLS = "a condition on PostgreSQL is of SQL: what is missing is neither equal nor unequal"
LISTS = "Parse Server on PostgreSQL does not look into lists"
WHOLE = "Parse Server on PostgreSQL compares no whole list or object"
PATHS = "Parse Server on PostgreSQL knows dotted paths of text only"
REGEX = "a regular expression is one of PostgreSQL"
INTERNAL = "Parse Server tells it as its own failure (500)"
ESTIMATE = "Parse Server counts by the planner's estimate where the master asks for all"
MAILS = "needs mails, which this Parse Server has no adapter for"
RESTRICTED = "Parse Server knows no restricted sessions, and no pairing"
POLICY = "is a matter of this Parse Server's configuration"
ITS_WAY = "Parse Server has it otherwise"
TEXT = "101 is both, and the sentence of the client's dialect is told"

PARSE: Mapping[str, Mapping[str, str]] = {
    "acl": {
        "what is hidden is in no result": ESTIMATE,
        "a transaction with one thing that is not allowed does nothing": INTERNAL,
        "an ACL that is deleted leaves the object to everybody": ITS_WAY,
    },
    "clp": {
        "only who is logged in": TEXT,
        "a protected field is not asked for, not sorted by, and can be written": INTERNAL,
    },
    "objects": {"unset removes a field, and unsetting a missing field is no error": INTERNAL},
    "operators": {
        "add appends": ORDER,
        "addUnique appends what is not there": ORDER,
        "addUnique leaves what is there": ORDER,
        "addUnique compares objects by value": ORDER,
        "addUnique leaves repetitions that were there": ORDER,
        "the answer has the results of operators, and nothing else": ORDER,
        "dates are added and removed by value": ORDER,
        "a dotted name sets a key and leaves its neighbours": ITS_WAY,
        "a dotted name increments two levels down": "Parse Server on PostgreSQL stores the operator itself",
    },
    "queries": {
        "equalTo a pointer to another class with the same id": "Parse Server on PostgreSQL compares the id alone",
        "equalTo on a list of texts: contains": LISTS,
        "equalTo on a list of numbers: contains": LISTS,
        "equalTo a whole list": WHOLE,
        "equalTo a whole object": WHOLE,
        "notEqualTo on a list: does not contain": NULLS,
        "containedIn with null finds objects without the field": NULLS,
        "containedIn nothing": NULLS,
        "containedIn dates": INTERNAL,
        "notContainedIn finds objects without the field": NULLS,
        "notContainedIn pointers": NULLS,
        "notContainedIn on a list: has none of them": NULLS,
        "containsAll": LISTS,
        "containsAll of what none has": LISTS,
        "containsAllStartingWith": LISTS,
        "matches line by line": REGEX,
        "matches . for no line end unless asked": REGEX,
        "matches with several modifiers": REGEX,
        "a dotted field among values": PATHS,
        "a dotted field that exists": PATHS,
        "a dotted field that does not exist": PATHS,
        "a dotted field with a list": PATHS,
        "quoted text may hold the marks of quotation": REGEX,
        "nor finds what none of the queries finds": NULLS,
        "or, and and nor nest": INTERNAL,
        "a pointer inside an object is found": PATHS,
        "a dotted name goes into objects, not through pointers: it finds nothing, or is 102": INTERNAL,
        "order by a dotted field": PATHS,
        "count counts all that match, whatever limit and skip are": ESTIMATE,
        "a regular expression that is none is 102": INTERNAL,
        "a query with a value of another type than the column finds nothing, or is 102": INTERNAL,
    },
    "sessions": {
        "a session by a provider tells which": ITS_WAY,
        "no query within a query tells about the sessions of others": ITS_WAY,
        "a user makes another session": ITS_WAY,
        "the sessions of a deleted user are gone": ITS_WAY,
        "a restricted session writes no user, session or role, alone or in a batch": RESTRICTED,
        "a restricted session sees no unrestricted one": RESTRICTED,
        "a restricted session is paired with an installation, once": RESTRICTED,
        "a token that is revocable stays when it is upgraded": INTERNAL,
    },
    "subqueries": {
        "matchesQuery that finds nothing": NULLS,
        "matchesQuery on a class that does not exist": NULLS,
        "doesNotMatchQuery: the pointer is not among the results, or there is none": NULLS,
        "doesNotMatchQuery ignores the limit of the inner query": NULLS,
        "doesNotMatchKeyInQuery finds objects without the field": NULLS,
    },
    "users": {
        "a sign-up with the master key opens no session": ITS_WAY,
        "too many wrong passwords lock the account for a while": POLICY,
        "not even a public write access lets others change a user": ITS_WAY,
        "where there is authData the answer has what the services said to it: nothing": INTERNAL,
    },
}
"""`recovery` is not asked at all: it needs mails."""

SOMETIMES: Mapping[str, Mapping[str, str]] = {
    # it fails on a database where nobody has used _User before, and not after the other suites
    "clp": {"users are signed up, changed and deleted by the permissions of their class": ITS_WAY},
    "operators": {"pointers are added and removed by their id": ORDER},
    "races": {"no log-in with the old password outlives a change of the password": "Parse Server has that race"},
}
"""What depends on chance, or on what was there before."""

NO_MISSING_CLASS = "in Parse a class that does not exist is an empty one"
CONDITIONS = "Parse has no conditional writes, and `emulate` does not allow them"
BITS = "Parse has no changes of bits, and `emulate` does not allow them"
SHARED = "Parse Server opens a session for each log-in"
FILES = "a file of Parse has no id, and is compared by nothing"

LEANCLOUD: Mapping[str, Mapping[str, str]] = {
    "acl": {
        "what is hidden is in no result": ESTIMATE,
        "a conditional update tells nothing of what is hidden": CONDITIONS,
    },
    "batches": {
        "fetchAll tells a missing object and a missing class apart from those it found": NO_MISSING_CLASS,
        "on the wire a missing object of a batch is null, and a missing class an error": NO_MISSING_CLASS,
        "each item of a batch is answered in its place": CONDITIONS,
    },
    "errors": {
        "an unknown application is 401, and writes nothing": NO_MISSING_CLASS,
        "a wrong key is 401, and writes nothing": NO_MISSING_CLASS,
        "an error tells the SDK its status": NO_MISSING_CLASS,
    },
    "geo": {
        "near with an order: the order wins": "on PostgreSQL Parse Server sorts by distance first",
        "$minDistance is understood": "Parse Server on PostgreSQL reads past it",
        "$minDistanceInKilometers is understood": "Parse Server on PostgreSQL reads past it",
    },
    "includes": {},
    "relations": {},
    "roles": {"a role needs an ACL": "111 is a mismatch of types as well"},
    "subqueries": {
        "matchesQuery with a limit and an order in the inner query": "in Parse a query inside a query has no limit",
        "doesNotMatchQuery: the pointer is not among the results, or there is none": NULLS,
    },
    "users": {
        "all log-ins of a user share one token": SHARED,
        "a log-in by GET, as old SDKs do it": SHARED,
        "too many wrong passwords lock the account for a while": POLICY,
        "refreshSessionToken ends the old token": "Parse has no such request",
        "the master refreshes a token without one": "Parse has no such request",
        "nobody else refreshes a token": "Parse has no such request",
        "updatePassword wants the old one, and brings a new token": SHARED,
        "clients query no users, the master does": "the application of these tests lets them",
        "clients query users where the application allows it, and see no addresses of others": "it needs two apps",
        "clients query no users by a way round, either": "the application of these tests lets them",
        "an anonymous user has a name that the server made": "names of Parse Server have capitals",
        "an anonymous user signs up and stays the same user": ITS_WAY,
        "an anonymous user that links a platform is anonymous no longer": INTERNAL,
        "test: the first log-in makes the user, the next one finds it": "there is the id that Parse looks for, too",
        "weixin: the first log-in makes the user, the next one finds it": "there is the id that Parse looks for, too",
        "failOnNotExist makes no user": "in Parse a log-in by a provider makes the user",
        "two platforms with one union id are one user": "Parse knows no union ids",
    },
    "values": {
        "a file that was uploaded before comes back with id, name and url": FILES,
        "objects are found by a file, of which only the id counts": FILES,
    },
}
