"""Webhooks that are registered, jobs and statements: nobody has the gateway ask, run or tell what is not theirs."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from tests.attacks.town import Town, where

ADDRESSES = ("127.0.0.1", "localhost", "[::1]", "0.0.0.0", "127.1", "2130706433", "[::ffff:127.0.0.1]")


@dataclass
class Private:
    """What stands in the gateway's own network."""

    port: int
    asked: list[str]


@pytest.fixture
async def private() -> AsyncIterator[Private]:
    application = web.Application()
    asked: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        asked.append(request.path)
        return web.json_response({"success": "the secret of the network"})

    application.router.add_route("*", "/{any:.*}", answer)
    async with TestServer(application) as server:
        assert server.port is not None
        yield Private(server.port, asked)


@pytest.mark.parametrize("host", ADDRESSES)
async def test_a_registered_webhook_reaches_no_private_address(town: Town, private: Private, host: str) -> None:
    url = f"http://{host}:{private.port}/admin"
    await town.as_master("parse", "POST", "/hooks/functions", {"functionName": "inner", "url": url})
    hook = {"className": "Inner", "triggerName": "beforeSave", "url": url}
    await town.as_master("parse", "POST", "/hooks/triggers", hook)
    for path, body in (("/functions/inner", {}), ("/classes/Inner", {"n": 1})):
        answer = await town.ask("parse", "POST", path, body)
        assert answer.status >= 400
        assert "secret of the network" not in answer.text
        assert host not in answer.text, "nor is told what the address was"
    assert private.asked == []


TO_THE_OWNER: list[tuple[str, str, Any]] = [
    ("GET", "/hooks/functions", None),
    ("GET", "/hooks/triggers", None),
    ("GET", "/hooks/functions/x", None),
    ("POST", "/hooks/functions", {"functionName": "x", "url": "https://evil.example"}),
    ("PUT", "/hooks/functions/x", {"url": "https://evil.example"}),
    ("PUT", "/hooks/functions/x", {"__op": "Delete"}),
    ("DELETE", "/hooks/functions/x", None),
    ("POST", "/hooks/triggers", {"className": "_User", "triggerName": "beforeSave", "url": "https://evil.example"}),
    ("PUT", "/hooks/triggers/_User/beforeSave", {"__op": "Delete"}),
    ("POST", "/jobs/x", {}),
    ("POST", "/jobs", {"jobName": "x"}),
    ("GET", "/cloud_code/jobs", None),
    ("GET", "/cloud_code/jobs/data", None),
    ("POST", "/cloud_code/jobs", {"job_schedule": {"jobName": "x"}}),
    ("PUT", "/cloud_code/jobs/x", {"job_schedule": {"jobName": "x"}}),
    ("DELETE", "/cloud_code/jobs/x", None),
]


@pytest.mark.parametrize(("method", "path", "body"), TO_THE_OWNER)
async def test_only_the_owner_arranges_what_code_is_asked(town: Town, method: str, path: str, body: Any) -> None:
    alone = await town.ask("parse", method, path, body, who=town.attacker)
    assert (alone.status, alone.body) == (403, {"error": "unauthorized: master key is required"})
    batched = await town.ask_in_batch("parse", method, path, body, who=town.attacker)
    assert "master key is required" in batched.text


@pytest.mark.parametrize("class_name", ["_JobStatus", "_JobSchedule", "@hook", "@task", "@scheduled"])
async def test_what_jobs_leave_is_hidden(town: Town, class_name: str) -> None:
    inside = {"$inQuery": {"className": class_name, "where": {}}}
    for path in (f"/classes/{quote(class_name)}", where("/classes/Letter", {"x": inside})):
        for who in (None, town.attacker):
            answer = await town.ask("parse", "GET", path, who=who)
            assert answer.status >= 400 or answer.body == {"results": []}
    made = await town.ask("parse", "POST", f"/classes/{quote(class_name)}", {"jobName": "x", "status": "running"})
    assert made.status >= 400


STATEMENTS = (
    "select * from Letter",
    "select count(*), * from Letter where objectId = 'LETTER'",
    "select * from Letter where objectId in (select objectId from Letter)",
    "select include letter, * from Note",
    "select sessionToken, * from _User",
    "select * from _Session",
    "select * from `@token`",
    "select * from Note where x in (select sessionToken from _Session)",
    "update Letter set text = 'mine' where objectId = 'LETTER'",
    "update Letter set ACL = {'*': {read: true, write: true}} where objectId = 'LETTER'",
    "delete from Letter where objectId = 'LETTER'",
    "update _User set password = 'mine' where objectId = 'VICTIM'",
    "delete from _User where objectId = 'VICTIM'",
)


@pytest.mark.parametrize("statement", STATEMENTS)
async def test_a_statement_goes_through_no_other_door(town: Town, statement: str) -> None:
    before = await town.everything()
    text = statement.replace("LETTER", town.letter).replace("VICTIM", town.victim.id)
    for who in (None, town.attacker):
        answer = await town.ask("leancloud", "GET", f"/cloudQuery?cql={quote(text)}", who=who)
        assert town.leaks(answer) == set(), answer.text
        batched = await town.ask_in_batch("leancloud", "GET", f"/cloudQuery?cql={quote(text)}", who=who)
        assert town.leaks(batched) == set(), batched.text
    assert await town.everything() == before
