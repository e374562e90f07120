"""Keys, tokens and passwords, looked for in every line that is logged at any level."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest

from tests.attacks.town import DIALECTS, MASTERS, SESSIONS, town_of
from tests.conftest import Serving

SENT = ("demo-rest", "demo-js", "demo-client", "demo-master", "demo-key", "password!", "wrong-key", "forged-token")


async def test_no_line_holds_a_key_a_token_or_a_password(
    tmp_path: Path, serving: Serving, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    seen: set[str] = set()
    async with town_of(tmp_path, serving, {"log_requests: false": "log_requests: true"}) as town:
        seen |= {town.victim.token, town.attacker.token}
        for dialect in DIALECTS:
            name = f"tom-{dialect}"
            requests: list[tuple[str, str, Any]] = [
                ("POST", "/users", {"username": name, "password": "password!"}),
                ("POST", "/users", {"username": name, "password": "password!"}),
                ("POST", "/users", {"username": {"$ne": 1}, "password": "password!"}),
                ("POST", "/login", {"username": name, "password": "password!"}),
                ("POST", "/login", {"username": name, "password": "wrong password!"}),
                ("GET", f"/login?username={name}&password=password!", None),
                ("GET", f"/users/me?session_token={town.victim.token}", None),
                ("GET", "/users/me", None),
                ("GET", "/sessions", None),
                ("PUT", f"/users/{town.victim.id}", {"password": "another password!"}),
                ("POST", "/batch", {"requests": [{"method": "GET", "path": "/1.1/users/me"}]}),
                ("POST", "/classes/Letter", {"_method": "GET", "_MasterKey": "wrong-key"}),
                ("GET", f"/nosuchroute/{town.victim.token}?key=demo-master", None),
                ("POST", "/logout", None),
                ("POST", "/requestPasswordReset", {"email": "password!"}),
            ]
            for method, path, body in requests:
                for token in (town.victim.token, "forged-token", None):
                    for master in (False, True):
                        session = {SESSIONS[dialect]: token} if token is not None else {}
                        headers = {**MASTERS[dialect], **session} if master else session
                        answer = (
                            await town.send(dialect, method, path, body, headers=headers)
                            if master
                            else await town.ask(dialect, method, path, body, who=town.victim)
                        )
                        assert answer.status < 500, answer
                        if "sessionToken" in answer.text and answer.status < 300 and isinstance(answer.body, dict):
                            seen |= {str(answer.body.get("sessionToken") or "forged-token")}
            async with town.client.post(f"/{dialect}", data=b'{"password": "password!"', headers=MASTERS[dialect]):
                pass
    lines = [record.getMessage() + str(record.exc_text or "") + str(record.args) for record in caplog.records]
    assert any(record.name.startswith("gateway") for record in caplog.records)
    assert [line for line in lines for secret in (*SENT, *seen, "$argon2") if secret in line] == []
    assert [line for line in caplog.text.splitlines() for secret in (*SENT, *seen) if secret in line] == []
