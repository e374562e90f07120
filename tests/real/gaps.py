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
RESTRICTED = "Parse Server knows no restricted sessions, and no pairing"
POLICY = "is a matter of this Parse Server's configuration"
ITS_WAY = "Parse Server has it otherwise"
STAGES = "Parse Server on PostgreSQL makes one statement of all stages, and knows few of them"
TYPES = "Parse Server's storage tells a type with its charset"
KEEPS_BYTES = "the storage of this Parse Server keeps the bytes of a file, and nothing besides"
WARNS = "Parse Server has no warnings"
SECOND_HOOK = "Parse Server on PostgreSQL keeps both webhooks of a name, and tells the older one"
PUSHES = "Parse Server sends at once, unless somebody else takes on what is for later"
NOTHING = "an answer of Parse Server\u2019s has no place for nothing"
EVENTS = "Parse Server keeps no events unless an adapter does"
WORDS = "what is searched for on PostgreSQL is a tsquery: its words have operators between them, and their accents"
SEARCHES = "Parse has words for a search of one field, and not of all; nor does it mark what was found"

PARSE: Mapping[str, Mapping[str, str]] = {
    "acl": {
        "what is hidden is in no result": ESTIMATE,
        "a transaction with one thing that is not allowed does nothing": INTERNAL,
        "an ACL that is deleted leaves the object to everybody": ITS_WAY,
    },
    "aggregate": {
        "a group of everything, and none where there is nothing": STAGES,
        "groups by what is computed, and lists of a group": STAGES,
        "the first and the last of a group": STAGES,
        "lists are unwound": STAGES,
        "rows are projected, sorted, skipped and limited": STAGES,
        "rows that stages have made can be matched": STAGES,
        "a pipeline may be an object, and a stage a parameter": STAGES,
        "different values of a field": "Parse Server on PostgreSQL has them in no order",
        "a stage that cannot be carried out is an error, and no crash": STAGES,
    },
    "config": {
        "what is no parameter is refused": ITS_WAY,
        "an event is kept with its first eight dimensions": EVENTS,
        "an event has the time that its client says": EVENTS,
    },
    "clp": {
        "a protected field is not asked for, not sorted by, and can be written": INTERNAL,
    },
    "files": {
        "bytes as a list of numbers": TYPES,
        "metadata and tags": KEEPS_BYTES,
        "objects are found by their files": WHOLE,
    },
    "fulltext": {
        "several words, phrases, and what must not be there": WORDS,
        "accents make no difference": WORDS,
    },
    "functions": {"nothing and null are two things": NOTHING},
    "hooks": {
        "a function webhook is created, edited, told and deleted": SECOND_HOOK,
        "what is wrong with a webhook is told in the words of the vendor": SECOND_HOOK,
        "a webhook hides the function of the app that has its name, says so, and gives it back": WARNS,
    },
    "jobs": {"a schedule is made, told, changed and deleted": ITS_WAY},
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
    "push": {"a push for later waits, and one whose time has come is sent": PUSHES},
    "queries": {
        "equalTo a pointer to another class with the same id": "Parse Server on PostgreSQL compares the id alone",
        "equalTo on a list of texts: contains": LISTS,
        "equalTo on a list of numbers: contains": LISTS,
        "equalTo a whole list": WHOLE,
        "equalTo a whole object": WHOLE,
        "notEqualTo on a list: does not contain": NULLS,
        "containedIn with null finds objects without the field": NULLS,
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

SOMETIMES: Mapping[str, Mapping[str, str]] = {
    "generations": {"makes, changes and deletes many": "Parse Server waits for itself, sometimes"},
    # it fails on a database where nobody has used _User before, and not after the other suites
    "clp": {"users are signed up, changed and deleted by the permissions of their class": ITS_WAY},
    "operators": {"pointers are added and removed by their id": ORDER},
    "push": {"audiences": "Parse Server counts the use of an audience when it has answered"},
    "races": {"no log-in with the old password outlives a change of the password": "Parse Server has that race"},
}
"""What depends on chance, or on what was there before; besides what Parse Server waits for, see ITSELF."""

NO_MISSING_CLASS = "in Parse a class that does not exist is an empty one"
CONDITIONS = "Parse has no conditional writes, and `emulate` does not allow them"
BITS = "Parse has no changes of bits, and `emulate` does not allow them"
SHARED = "Parse Server opens a session for each log-in"
OPERATOR_STORED = "Parse Server on PostgreSQL stores the operator itself"
UPLOADS = "an upload is announced, and then ended, which Parse has no words for"
ENGINE = "it is a function of LeanEngine alone"
RECORDS = "Parse has no such records of pushes, nor a way to take one back"
PUSHED = "a push of Parse knows no environment, and no id of its request"
FILES = "a file of Parse has no id, and is compared by nothing"
CODES = "Parse has no codes by text message, and no captchas before them"

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
    "cql": {
        "what the guide has of conditions": INTERNAL,
        "objects are made, changed and deleted": CONDITIONS,
        "a statement may do what its client may do, and no more": "the application of these tests lets them",
    },
    "errors": {
        "an unknown application is 401, and writes nothing": NO_MISSING_CLASS,
        "a wrong key is 401, and writes nothing": NO_MISSING_CLASS,
        "an error tells the SDK its status": NO_MISSING_CLASS,
    },
    "leaderboard": {
        "a version that is over is a file to be fetched": "files are Parse Server's, and the gateway makes none",
    },
    "files": dict.fromkeys(
        (
            "what the SDK can be given",
            "a buffer",
            "an array of bytes, and base64",
            "a stream of which nobody says how long it is, in parts",
            "a stream of several parts, and what is in them in their order",
            "nothing at all",
            "metadata, and the name with it, come back",
            "the address ends as the name does, or with all of it",
            "a key of its own is for the master",
            "a file that stands elsewhere is its address",
            "a file in an object comes back whole, and is found by its id",
            "only the id of a file names it",
            "files are queried as objects are",
            "what is said of a file changes, and where it is does not",
            "deleted, it is gone, and so are its bytes",
            "an ACL says who sees, changes and deletes it",
            "without the SDK",
            "all that is told is text, as the SDKs of Go, Swift and C# want it",
            "until its bytes are there it is not",
            "what did not arrive is taken back",
            "once it is there, the token is used up",
            "nobody brings bytes with a token that was not given",
            "an upload that breaks off leaves nothing",
            "parts that were given up are gone, and their token is good for another try",
        ),
        UPLOADS,
    ),
    "functions": {
        "nothing and null are two things": NOTHING,
        "whole objects are arguments and answers of a call": ENGINE,
        "a mistake in it is told as what it is": ENGINE,
        "what is internal is for the master alone": ENGINE,
    },
    "geo": {
        "near with an order: the order wins": "on PostgreSQL Parse Server sorts by distance first",
    },
    "includes": {},
    "objects": {
        "a class that nobody made is 101": NO_MISSING_CLASS,
        "a conditional update is done where the condition is met": CONDITIONS,
        "a conditional update is 305 where it is not, and changes nothing": CONDITIONS,
        "a conditional update answers the new values when asked": CONDITIONS,
        "of many conditional updates at the same time, only those that fit succeed": CONDITIONS,
        "a conditional deletion is done where the condition is met, and 305 where it is not": CONDITIONS,
        "unset removes a field, and unsetting a missing field is no error": INTERNAL,
        "a field may be called id": "in Parse it may not",
    },
    "operators": {
        **{
            f"{name}{shown}": reason
            for names, reason in {
                ("add appends", "add appends what is there already"): ORDER,
                (
                    "bitAnd keeps the common bits",
                    "bitOr sets bits",
                    "bitXor flips bits",
                    "bitAnd of a missing field is zero",
                    "bitOr of a missing field starts at zero",
                    "bitXor of a missing field starts at zero",
                    "several operators work on several fields at once",
                ): BITS,
            }.items()
            for name in names
            for shown in ("", ", and the answer with fetchWhenSave tells the result")
        },
        "many additions and bits at the same time are all kept": BITS,
        "a bitOr of a text is 111, and changes nothing": BITS,
        "a dotted name sets a key and leaves its neighbours": ITS_WAY,
        "a dotted name increments a key": OPERATOR_STORED,
        "a dotted name appends to a list": OPERATOR_STORED,
    },
    "permissions": dict.fromkeys(
        (
            "who is not logged in neither finds, counts nor creates",
            "only whom it names changes an object, and nobody deletes one",
            "no client adds a field",
            "no client writes a field that is read-only",
            "a protected field is not shown, not asked for and not sorted by",
            "a new object has the default list of its class",
        ),
        "the permissions of classes are Parse Server's own, and the configuration has none over them",
    ),
    "push": {
        "a push to channels and a query at once, and its record": PUSHED,
        "a device that wants none, and an Android device without a token": RECORDS,
        "scheduled pushes are listed, and can be taken back": RECORDS,
        "the same request within five minutes is the same push": PUSHED,
    },
    "queries": {
        "equalTo on a list: contains": LISTS,
        "equalTo on a list of numbers: contains": LISTS,
        "notEqualTo on a list: does not contain": NULLS,
        "notContainedIn finds objects without the field": NULLS,
        "containsAll": LISTS,
        "containsAll of one value on a field that is no list": LISTS,
        "sizeEqualTo": LISTS,
        "sizeEqualTo zero": LISTS,
        "matches line by line": REGEX,
        "a dotted field that exists": PATHS,
        "quoted text may hold the marks of quotation": REGEX,
        "a query too long for a URL is sent as a batch": NO_MISSING_CLASS,
        "scan takes conditions, an order and a selection": "objects are scanned by their ids and times only",
        "scan of a class that nobody made is 101": NO_MISSING_CLASS,
        "the master key finds the same": ESTIMATE,
        "a regular expression that is none is an error of the client": INTERNAL,
    },
    "races": {
        "the first log-ins of a user at the same time share one token, too": SHARED,
        "refreshes at the same time leave one token": "Parse has no such request",
    },
    "recovery": {
        "addresses that get no mail": "Parse Server does not tell that nobody has an address",
        **dict.fromkeys(
            (
                "a number is verified by the code that a sign-up sends",
                "the code to verify a number is sent once more",
                "a number signs up, and later logs in",
                "a code logs in",
                "a code to log in is for verified numbers",
                "a code resets a password",
                "a number is changed by the code that goes to the new one",
                "a code confirms",
                "a captcha before a code",
            ),
            CODES,
        ),
    },
    "relations": {},
    "roles": {"a role needs an ACL": "111 is a mismatch of types as well"},
    "social": dict.fromkeys(
        (
            "a user follows another, with what it says of it",
            "followers and followees are told together",
            "counts of followers and followees",
            "following twice is following once, and unfollowing ends it",
            "nobody follows in the name of another",
            "rows of followers are not for clients to write",
            "a request that is accepted makes friends of both",
            "a request that is declined makes none, and can be deleted",
            "friends, what one says of them, and who is blocked",
            "a status reaches the followers, with its source",
            "a private status is for one user",
            "a status for whoever a query finds",
            "a source is not made up",
            "pages of an inbox, by message ids",
            "what is unread is counted, and reset",
            "a status is deleted by its source, and taken out of one inbox by its owner",
            "one status, by its id",
        ),
        "who follows whom stands beside the users, which are the server's",
    ),
    "search": dict.fromkeys(
        (
            *(
                f"a search finds {found}"
                for found in (
                    "one word",
                    "one of several words",
                    "any case, any accent",
                    "a word of two Chinese characters",
                    "a phrase",
                    "of one field",
                    "a phrase of one field",
                    "several in one field",
                    "AND",
                    "brackets",
                    "what must and what must not be there",
                    "NOT",
                    "how a word begins",
                    "what has a field",
                    "what has it not",
                    "everything",
                    "nothing",
                )
            ),
            "what is found are objects, with no address of a page",
            "what was found is marked where it is asked for",
            "the best match comes first, unless another order is asked for",
            "a sort builder says where what is missing stands",
            "one query asks for page after page",
            "some fields can be searched, and pointers included",
            "what a client may not read is not found",
            "what is written is found at once, and what is gone is not",
            "what a search box cannot mean here is refused in words",
            "a class that is not there has nothing in it",
        ),
        SEARCHES,
    ),
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

OWNERS = "Parse keeps no owner of an object"
TREES = "a tree of objects is not saved all or nothing in Parse"
GROUPS = "Parse groups for its master alone"
AGGREGATES = "Parse sums, and tells different rows apart, for its master alone"
ROLES = "Backendless' roles have other members than Parse's, which are objects with an ACL"
PERMITS = "Parse has no rights but to read and to write, and denies none"
COMPUTED = "in Parse a column is compared with a value only"
LIKE = "a regular expression finds nothing but texts"
GEOMETRY = "Parse has no lines, and no polygons with holes"
JSON = "a column of Parse holds objects or lists, and no other JSON"
EDITS = "Parse has no changes that compute, and none inside JSON but of keys"
UNITS = "in a transaction of Parse nothing can use what is known only when it is done"
SINGLES = "in a transaction of Parse nothing can be looked up, or be too much"
ITSELF = "Parse Server waits for itself where a transaction makes a class or a column on PostgreSQL"
"""Which of the tests of a suite it hits is chance: one that fails besides is asked again, with the whole suite."""
USERS = "Parse keeps no status of a user"
MANY = "users are not made many at once"
ONLY_STORE = "`dynamic_schema` is for the gateway's own store"
OTHER_NUMBER = "sorted by a relation, it is refused with another number"
ADDRESSES = "what is no address is Parse Server's to say"
ANONYMOUS = "a name and a password end the session of an anonymous user"
QUERIED = "the class of users is queried by who is allowed to, whose addresses Parse Server knows"
PLACES = "a file of Parse gets a name of its own: it is not replaced, appended to or moved, and in no directory"
WRITTEN_TO = "the gateway does not look for users of another server, to write to them"
PLATFORMS = "a push of Parse has the same for devices of all kinds"
PARTS = "parts of it are otherwise, each of which is here"

BACKENDLESS: Mapping[str, Mapping[str, str]] = {
    "bulk": {
        "made, they have ids in the order in which they were sent": ITSELF,
        "with ids of the client\u2019s own, and without anything": ITSELF,
        "an id that is taken fails, and nothing is made": ITSELF,
        "changed by a condition: it answers how many": ITSELF,
        "every one of a thousand": ITSELF,
        "upserted, they are changed or made": ITSELF,
        "deleted by a condition, by ids, and as objects": ITSELF,
        "users, who can then log in": MANY,
        "what somebody else may not touch is passed over": OWNERS,
    },
    "code": {
        "it knows who calls": "of a session Parse Server alone knows whose it is",
    },
    "deep-save": {
        "a parent and its children are made together": TREES,
        "a child that is there is related as it is": TREES,
        "a child that is there is changed where it says so": TREES,
        "those that are listed are all there is": TREES,
        "null and no objects take what is related away, and leave it where it is": TREES,
        "what is not named stays related": TREES,
        "ids of the client\u2019s own are taken, at every level": TREES,
        "a child that is not there, and has nothing but an id, fails, and nothing is saved": TREES,
        "several levels, dates and JSON among them": TREES,
        "one object in two places is sent once, and is one": TREES,
        "a tree without relations makes a table, and columns": TREES,
        "a class comes back as instances of it, where it is known": TREES,
    },
    "describe": {
        "what was made of a type is told as that": GEOMETRY,
        "without a dynamic schema properties that have no column are left out, and no table is made": ONLY_STORE,
    },
    "email": {
        "sends it to the users that match, each a mail of their own": WRITTEN_TO,
        "files go with an email": PLACES,
        "SDK 4": PARTS,
        "SDK 5": PARTS,
        "SDK 6": PARTS,
        "SDK 8": PARTS,
    },
    "files": dict.fromkeys(
        (
            "keeping",
            "bytes in base64, and the address that comes back has them",
            "a stream, as a form",
            "what is there stays, unless it is to be overwritten",
            "base64 is for short files",
            "appending",
            "text, bytes and a stream follow each other, and the address stays",
            "what looks like JSON is text",
            "from elsewhere",
            "a host that the configuration does not name is not asked",
            "neither is any private address, however it is written",
            "looking",
            "a listing",
            "what is told of a file",
            "how many",
            "whether it is there",
            "a directory is made, with those above it",
            "moving",
            "a file, an empty directory, and one with files in it",
            "nothing from nowhere",
            "deleting, also by the address",
            "no way out of where files are",
            "an address in a column is a file",
            "permissions",
            "who made a file says who may use it",
            "a directory has some, for all that is in it",
            "of what is not there nobody says anything",
            "SDK 4",
            "SDK 5",
            "SDK 6",
            "SDK 3, which names the application in headers",
        ),
        PLACES,
    ),
    "generations": {
        "finds": AGGREGATES,
        "registers, logs in and out": OWNERS,
        "SDK 4": PARTS,
        "SDK 5": PARTS,
        "SDK 6": PARTS,
        "SDK 8": PARTS,
    },
    "geometry": {
        "a line is saved as the SDK has it, as GeoJSON and as WKT, and found as the SDK has it": GEOMETRY,
        "a polygon with one hole is saved as the SDK has it, as GeoJSON and as WKT": GEOMETRY,
        "a polygon with two holes is saved as the SDK has it, as GeoJSON and as WKT": GEOMETRY,
        "a column of any geometry holds each of the three, and what was found can be saved": GEOMETRY,
        "a line that was saved first makes its column": GEOMETRY,
        "many at once, in JSON and in a unit of work": GEOMETRY,
        "what has a hole has nothing in it there": GEOMETRY,
        "what is no geometry that can be held is refused": GEOMETRY,
        'a column of JSON holds "a text"': JSON,
        "a column of JSON holds 5": JSON,
        "a column of JSON holds -0.5": JSON,
        "a column of JSON holds true": JSON,
        "a column of JSON holds [1,[2,{}]]": JSON,
        "a column of JSON holds []": JSON,
        'a column of JSON holds {"a":1}': EDITS,
        "findById": AGGREGATES,
        "what has no one value for an object, or no column, is refused": AGGREGATES,
        "loadRelations": AGGREGATES,
        "values that are computed of one object": PARTS,
    },
    "grouping": {
        "by one column": GROUPS,
        "by two columns": GROUPS,
        "a date is told as milliseconds, and leads back to its group": GROUPS,
        "a boolean, and system columns": GROUPS,
        "how much of each level is told": GROUPS,
        "how many levels are opened": GROUPS,
        "without columns there are records": GROUPS,
        "what records show": GROUPS,
        "how many are in a group": GROUPS,
        "what is refused": GROUPS,
        "by what a relation of one leads to, and with relations loaded": GROUPS,
        "what users hide makes no groups": GROUPS,
        "grouping": PARTS,
        "grouping and relations": PARTS,
        "grouping and permissions": PARTS,
        "an object that a user may not read is in no group": PERMITS,
    },
    "messaging": {
        "registers a device, which is told what is published": PLATFORMS,
        "sends a push with a template": PLATFORMS,
        "SDK 4": PARTS,
        "SDK 5": PARTS,
        "SDK 6": PARTS,
        "SDK 8": PARTS,
    },
    "objects": {
        "the owner is who was logged in when it was made, whoever changes it": OWNERS,
        "5 is no value of a column of type STRING": "the sentence is Parse Server's",
        "what stands inside JSON keeps its kind": JSON,
        "lists in a column of JSON are asked for and edited like objects": JSON,
        "an expression is computed of the object as it was": EDITS,
        "an expression with null is null": EDITS,
        "JSON: SET makes and replaces": EDITS,
        "JSON: INSERT only makes": EDITS,
        "JSON: REPLACE only replaces": EDITS,
        "JSON: REMOVE takes keys and elements away": EDITS,
        "JSON: ARRAY_APPEND appends": EDITS,
        "JSON: ARRAY_INSERT puts before": EDITS,
        "an edit of JSON that names no path, or a column of another kind, is refused": EDITS,
        "a line, and in a column of any geometry each of them": GEOMETRY,
        "a polygon with a hole in it": GEOMETRY,
        "what a column cannot hold is refused: another geometry, a place that is none, a text": GEOMETRY,
        "a file is its address": "Parse Server tells its own addresses of files",
    },
    "permissions": {
        "the SDK grants and denies": ROLES,
        "what one user is denied all others have, and its owner goes on to": ROLES,
        "a user goes before its roles, and they before everybody": ROLES,
        "updating and removing are two things": ROLES,
        "who is not logged in can be left out": ROLES,
        "several at once, as Swift asks for them": ROLES,
        "the owner says who may, and the code of the app": ROLES,
        "what cannot be meant is refused": ROLES,
        "Parse clients see no more rights than there are, and take no denial back unawares": ROLES,
        "permissions of a table are set by the code of the app alone": ROLES,
    },
    "queries": {
        "age > 1 + 20": COMPUTED,
        "age + 5 = 25": COMPUTED,
        "updated is null": COMPUTED,
        "updated is not null": COMPUTED,
        "updated > '23-Mar-2015'": COMPUTED,
        "js->'$.list[0]' < 6": COMPUTED,
        "js->'$.tags[1]' = 'b'": COMPUTED,
        "js->'$.tags[*]' = 'c'": COMPUTED,
        "js->'$**.city' = 'Rome'": COMPUTED,
        "js->'$.home.*' = 'Rome'": COMPUTED,
        "GetLon(place) > 1 AND GetLat(place) < 60": COMPUTED,
        "GetLon(place)<-80": COMPUTED,
        "distance(30.1, -87.1, place.latitude, place.longitude) >= km(200)": COMPUTED,
        "friend.age < age": COMPUTED,
        "friends.age = age": COMPUTED,
        "age like '%5%'": LIKE,
        "at like '%2015-03-2%'": LIKE,
        "ownerId is null": OWNERS,
        "at in (1427068800000, '24-Mar-2015')": INTERNAL,
        "js->'$.city' is not null": PATHS,
        "js->'$.age' in (12, 13)": PATHS,
        "where": PARTS,
        "where, through relations": PARTS,
        "properties": PARTS,
        "a path through what is no relation, or to what is not there, is refused": OTHER_NUMBER,
        "sorted by what is related": "Parse does not sort by what is related",
        "all, and more": AGGREGATES,
        "distinct": AGGREGATES,
        "aggregates of all objects": AGGREGATES,
        "groups": AGGREGATES,
        "sorted by an aggregate": AGGREGATES,
        "pages of groups": AGGREGATES,
    },
    "unit-of-work": {
        "CREATE, UPDATE, UPSERT, DELETE": UNITS,
        "CREATE_BULK, UPSERT_BULK, UPDATE_BULK, DELETE_BULK": UNITS,
        "to what was made, in values of any kind": UNITS,
        "to what was found, by its place": UNITS,
        "to all that was found or made": UNITS,
        "friend of what was created, in all ways": UNITS,
        "friends of what was created, in all ways": UNITS,
        "friend of what was upserted, in all ways": UNITS,
        "friends of what was upserted, in all ways": UNITS,
        "friend of what was updated, in all ways": UNITS,
        "friends of what was updated, in all ways": UNITS,
        "friend of one that was found, in all ways": UNITS,
        "friends of one that was found, in all ways": UNITS,
        "friend of one of those created, in all ways": UNITS,
        "friends of one of those created, in all ways": UNITS,
        "to what is not there, or has not run yet, are refused": UNITS,
        "operations have the names that they are given": ITSELF,
        "an expression, an edit of JSON, a Date and a null are what they are elsewhere": UNITS,
        "one that was written as JSON in server code": UNITS,
        "FIND, with all that a query has": AGGREGATES,
        "ADD_RELATION, SET_RELATION, DELETE_RELATION": SINGLES,
        "friend of an id, in all ways": SINGLES,
        "friends of an id, in all ways": SINGLES,
        "friend of an object, in all ways": SINGLES,
        "friends of an object, in all ways": SINGLES,
        "what fails is echoed, and what was done before it is undone": SINGLES,
        "ten times a hundred objects, and a change of all thousand": SINGLES,
        "the operations": PARTS,
        "references": PARTS,
        "all or nothing": PARTS,
        "how it runs": PARTS,
        "the payload comes back exactly as it was sent": ITSELF,
        "conditions, values and relations that are none": ITSELF,
        "instances of a class": ITSELF,
        "the owner of what it makes is who is logged in": OWNERS,
    },
    "user-roles": {
        "the code of an app puts a user into a role, and takes it out again": ROLES,
        "a role that is not there, and one that is nobody's to give": ROLES,
        "who is in a role is found, with all roles of each": ROLES,
        "the roles of another user are for the code of the app to know": ROLES,
    },
    "users": {
        "registering nothing, without an identity, a password or a sound address fails, each in its own way": ADDRESSES,
        "logging in answers the user and a token, which is good from then on": USERS,
        "who has a new address logs in by it, and no longer by the old one": USERS,
        "whoever is disabled has no session and gets none, until enabled again": USERS,
        "the code of an app asks whether a password is right": USERS,
        "a service that nobody vouches for is refused, and so are its pages": USERS,
        "a guest has a token, and owns what it makes": OWNERS,
        "a guest becomes a user by registering with its own id, by its own session alone": ANONYMOUS,
        "links need a mail server": "Parse has a link for mails alone, and of another kind",
        "users are found as other objects are, with all columns and without passwords": QUERIED,
    },
}
