"""What docs/dialects.md is made of: one small app in three dialects. `make docs` writes the page, and
tests/test_docs_dialects.py runs every line of it.

    python -m tests.docs_dialects > docs/dialects.md

A curl is run by bash as it stands on the page, against a gateway with the config of the example; the answer that the
page shows is the one that came, without its ids, tokens and times.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.process import serving

HERE = "http://127.0.0.1:8080"
"""Where `make run` serves; a test has another port."""
OF_THE_DAY = frozenset({"objectId", "ownerId", "createdAt", "updatedAt", "created", "updated", "lastLogin"})
SECRET = frozenset({"sessionToken", "user-token"})
INVENTED = re.compile(r"[0-9a-f]{24}|[0-9a-z]{25}")
"""Ids, and the names of users who were not given one."""

PARSE = """\
  -H 'X-Parse-Application-Id: demo' -H 'X-Parse-REST-API-Key: demo-rest' \\
  -H 'Content-Type: application/json'"""
LEANCLOUD = """\
  -H 'X-LC-Id: demo' -H 'X-LC-Key: demo-key' -H 'Content-Type: application/json'"""
BACKENDLESS = """\
  -H 'Content-Type: application/json'"""


@dataclass(frozen=True, slots=True)
class Curl:
    text: str
    keeps: Mapping[str, str] = field(default_factory=dict)
    """Shell variable -> the key of the answer that it gets, for the curls after it."""


@dataclass(frozen=True, slots=True)
class Snippet:
    curls: Sequence[Curl]
    code: str
    prints: str
    """The last line of the code prints it."""


@dataclass(frozen=True, slots=True)
class Step:
    title: str
    text: str
    snippets: Mapping[str, Snippet]


SET_UP: Mapping[str, str] = {
    "Parse": f"""\
import Parse from 'parse/node';

Parse.initialize('demo', 'demo-js');
Parse.serverURL = '{HERE}/parse';
""",
    "LeanCloud": f"""\
import AV from 'leancloud-storage';

AV.init({{ appId: 'demo', appKey: 'demo-key', serverURL: '{HERE}' }});
""",
    "Backendless": f"""\
import Backendless from 'backendless';

Backendless.serverURL = '{HERE}';
Backendless.initApp('demo', 'demo-js');
""",
}

STEPS = (
    Step(
        "Create",
        "The author once, and a book by each app.",
        {
            "Parse": Snippet(
                [
                    Curl(
                        f"""\
curl -X POST {HERE}/parse/classes/Author \\
{PARSE} \\
  -d '{{"name": "Jane Austen"}}'""",
                        {"AUTHOR": "objectId"},
                    ),
                    Curl(
                        f"""\
curl -X POST {HERE}/parse/classes/Book \\
{PARSE} \\
  -d '{{"title": "Emma", "copies": 7}}'""",
                        {"EMMA": "objectId"},
                    ),
                ],
                """\
const author = await new Parse.Object('Author').save({ name: 'Jane Austen' });
const book = await new Parse.Object('Book').save({ title: 'Emma', copies: 7 });
console.log(book.get('title'), book.get('copies'));
""",
                "Emma 7",
            ),
            "LeanCloud": Snippet(
                [
                    Curl(
                        f"""\
curl -X POST {HERE}/1.1/classes/Book \\
{LEANCLOUD} \\
  -d '{{"title": "Persuasion", "copies": 2}}'""",
                        {"PERSUASION": "objectId"},
                    )
                ],
                """\
const author = await new AV.Object('Author').save({ name: 'Jane Austen' });
const book = await new AV.Object('Book').save({ title: 'Persuasion', copies: 2 });
console.log(book.get('title'), book.get('copies'));
""",
                "Persuasion 2",
            ),
            "Backendless": Snippet(
                [
                    Curl(
                        f"""\
curl -X POST {HERE}/demo/demo-rest/data/Book \\
{BACKENDLESS} \\
  -d '{{"title": "Mansfield Park", "copies": 3}}'""",
                        {"MANSFIELD": "objectId"},
                    )
                ],
                """\
const author = await Backendless.Data.of('Author').save({ name: 'Jane Austen' });
const book = await Backendless.Data.of('Book').save({ title: 'Mansfield Park', copies: 3 });
console.log(book.title, book.copies);
""",
                "Mansfield Park 3",
            ),
        },
    ),
    Step(
        "Relate",
        "A book has one author: a pointer, which is a relation column of one object for Backendless.",
        {
            "Parse": Snippet(
                [
                    Curl(
                        f"""\
curl -X PUT {HERE}/parse/classes/Book/$EMMA \\
{PARSE} \\
  -d '{{"author": {{"__type": "Pointer", "className": "Author", "objectId": "'$AUTHOR'"}}}}'"""
                    )
                ],
                """\
await book.save({ author });
console.log(book.get('author').id === author.id);
""",
                "true",
            ),
            "LeanCloud": Snippet(
                [
                    Curl(
                        f"""\
curl -X PUT {HERE}/1.1/classes/Book/$PERSUASION \\
{LEANCLOUD} \\
  -d '{{"author": {{"__type": "Pointer", "className": "Author", "objectId": "'$AUTHOR'"}}}}'"""
                    )
                ],
                """\
await book.save({ author });
console.log(book.get('author').id === author.id);
""",
                "true",
            ),
            "Backendless": Snippet(
                [
                    Curl(
                        f"""\
curl -X POST {HERE}/demo/demo-rest/data/Book/$MANSFIELD/author:Author:1 \\
{BACKENDLESS} \\
  -d '["'$AUTHOR'"]'"""
                    )
                ],
                """\
console.log(await Backendless.Data.of('Book').setRelation(book, 'author:Author:1', [author]));
""",
                "1",
            ),
        },
    ),
    Step(
        "Query",
        "Books with more than five copies, with their authors. Whoever asks, it is the book that the Parse app made.",
        {
            "Parse": Snippet(
                [
                    Curl(
                        f"""\
curl -G {HERE}/parse/classes/Book \\
{PARSE} \\
  --data-urlencode 'where={{"copies": {{"$gt": 5}}}}' -d include=author"""
                    )
                ],
                """\
const found = await new Parse.Query('Book').greaterThan('copies', 5).include('author').find();
console.log(found.map(each => `${each.get('title')} by ${each.get('author').get('name')}`));
""",
                "[ 'Emma by Jane Austen' ]",
            ),
            "LeanCloud": Snippet(
                [
                    Curl(
                        f"""\
curl -G {HERE}/1.1/classes/Book \\
{LEANCLOUD} \\
  --data-urlencode 'where={{"copies": {{"$gt": 5}}}}' -d include=author"""
                    )
                ],
                """\
const found = await new AV.Query('Book').greaterThan('copies', 5).include('author').find();
console.log(found.map(each => `${each.get('title')} by ${each.get('author').get('name')}`));
""",
                "[ 'Emma by Jane Austen' ]",
            ),
            "Backendless": Snippet(
                [
                    Curl(
                        f"""\
curl -X POST {HERE}/demo/demo-rest/data/Book/find \\
{BACKENDLESS} \\
  -d '{{"where": "copies > 5", "loadRelations": "author"}}'"""
                    )
                ],
                """\
const query = Backendless.DataQueryBuilder.create().setWhereClause('copies > 5').setRelated('author');
const found = await Backendless.Data.of('Book').find(query);
console.log(found.map(each => `${each.title} by ${each.author.name}`));
""",
                "[ 'Emma by Jane Austen' ]",
            ),
        },
    ),
    Step(
        "Log in",
        "A new user, who then logs in. A user of one dialect is one of the others as well, and so is its password.",
        {
            "Parse": Snippet(
                [
                    Curl(
                        f"""\
curl -X POST {HERE}/parse/users \\
{PARSE} \\
  -d '{{"username": "ann", "password": "secret", "email": "ann@example.com"}}'"""
                    ),
                    Curl(
                        f"""\
curl -X POST {HERE}/parse/login \\
{PARSE} \\
  -d '{{"username": "ann", "password": "secret"}}'"""
                    ),
                ],
                """\
await Parse.User.signUp('ann', 'secret', { email: 'ann@example.com' });
const user = await Parse.User.logIn('ann', 'secret');
console.log(user.get('email'));
""",
                "ann@example.com",
            ),
            "LeanCloud": Snippet(
                [
                    Curl(
                        f"""\
curl -X POST {HERE}/1.1/users \\
{LEANCLOUD} \\
  -d '{{"username": "bea", "password": "secret", "email": "bea@example.com"}}'"""
                    ),
                    Curl(
                        f"""\
curl -X POST {HERE}/1.1/login \\
{LEANCLOUD} \\
  -d '{{"username": "bea", "password": "secret"}}'"""
                    ),
                ],
                """\
await AV.User.signUp('bea', 'secret', { email: 'bea@example.com' });
const user = await AV.User.logIn('bea', 'secret');
console.log(user.get('email'));
""",
                "bea@example.com",
            ),
            "Backendless": Snippet(
                [
                    Curl(
                        f"""\
curl -X POST {HERE}/demo/demo-rest/users/register \\
{BACKENDLESS} \\
  -d '{{"email": "cem@example.com", "password": "secret"}}'"""
                    ),
                    Curl(
                        f"""\
curl -X POST {HERE}/demo/demo-rest/users/login \\
{BACKENDLESS} \\
  -d '{{"login": "cem@example.com", "password": "secret"}}'"""
                    ),
                ],
                """\
await Backendless.UserService.register({ email: 'cem@example.com', password: 'secret' });
const user = await Backendless.UserService.login('cem@example.com', 'secret');
console.log(user.email);
""",
                "cem@example.com",
            ),
        },
    ),
)


def program(dialect: str, address: str) -> str:
    """All steps of one app, for node."""
    snippets = (step.snippets[dialect].code for step in STEPS)
    return "\n".join((SET_UP[dialect], *snippets)).replace(HERE, address)


def prints(dialect: str) -> list[str]:
    return [step.snippets[dialect].prints for step in STEPS]


def answers(address: str) -> Iterator[Any]:
    """What every curl of the page is answered, in their order."""
    variables: dict[str, str] = {}
    for step in STEPS:
        for snippet in step.snippets.values():
            for curl in snippet.curls:
                command = curl.text.replace(HERE, address).replace(
                    "curl ", "curl --silent --show-error --fail-with-body ", 1
                )
                done = subprocess.run(
                    ["bash", "-c", command],
                    env=os.environ | variables,
                    capture_output=True,
                    text=True,
                    timeout=120,
                    check=False,
                )
                assert done.returncode == 0, f"{curl.text}\n{done.stdout}{done.stderr}"
                answer = json.loads(done.stdout)
                variables |= {name: answer[key] for name, key in curl.keeps.items()}
                yield answer


def without_its_day(answer: Any) -> Any:
    match answer:
        case dict():
            return {
                "..." if INVENTED.fullmatch(key) else key: "..."
                if key in OF_THE_DAY | SECRET and value is not None
                else without_its_day(value)
                for key, value in sorted(answer.items())
            }
        case list():
            return [without_its_day(each) for each in answer]
        case str() if INVENTED.fullmatch(answer):
            return "..."
        case _:
            return answer


def page(address: str) -> str:
    given = answers(address)
    parts = [INTRODUCTION]
    for dialect, code in SET_UP.items():
        parts += [f"**{dialect}**", f"```js\n{code}```"]
    for step in STEPS:
        parts += [f"## {step.title}", step.text]
        for dialect, snippet in step.snippets.items():
            parts.append(f"**{dialect}**")
            for curl in snippet.curls:
                kept = "".join(f"\n# ${name} is the {key} of the answer" for name, key in curl.keeps.items())
                told = json.dumps(without_its_day(next(given)), indent=2)
                parts += [f"```sh\n{curl.text}{kept}\n```", f"```json\n{told}\n```"]
            parts.append(f"```js\n{snippet.code}// {snippet.prints}\n```")
    return "\n\n".join(parts) + "\n"


INTRODUCTION = f"""\
# One app in three dialects

The same small app, as clients of Parse, of LeanCloud and of Backendless write it, on one gateway and on the same data.
`make run` serves it on {HERE} with the keys that stand here, those of `config.example.yaml`. Every line of
this page is run by the tests, and the answers are what came; `...` stands for ids, tokens and times. `make docs` renews
it.

What each dialect has for each operation, value and condition is in the README's tables.

## Set up

With curl there is nothing to set up: Parse and LeanCloud have the app and its key in headers, Backendless in the path.
The SDKs are the npm packages `parse`, `leancloud-storage` and `backendless`."""


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="baas-gateway-docs-") as folder, serving(Path(folder)) as gateway:
        sys.stdout.write(page(gateway.address))
