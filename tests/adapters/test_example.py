"""The receiver that docs/adapters.md shows, run as it stands there."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.adapters.base import TextMessage
from gateway.adapters.sms import WebhookTexter
from gateway.adapters.verifiers import WebhookVerifier
from gateway.adapters.webhook import Hook, Webhooks
from gateway.errors import Code, GatewayError
from tests.ports import free_port

DOCUMENT = Path(__file__).parent.parent.parent / "docs" / "adapters.md"
SECRET = "the secret of the example"


@pytest.fixture
def receiver() -> Iterator[tuple[subprocess.Popen[str], int]]:
    [program] = re.findall(r"```python\n(.*?)```", DOCUMENT.read_text(encoding="utf-8"), re.DOTALL)
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-c", program, str(port)],
        env={"HOOK_SECRET": SECRET},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        wait_for(port, process)
        yield process, port
    finally:
        process.kill()
        process.communicate()


def wait_for(port: int, process: subprocess.Popen[str]) -> None:
    while process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except ConnectionRefusedError:
            time.sleep(0.02)  # the one way to see a port open
            continue
        return
    raise AssertionError("the receiver does not start")


async def test_the_receiver_of_the_document_receives(receiver: tuple[subprocess.Popen[str], int]) -> None:
    process, port = receiver
    webhooks = Webhooks()
    try:
        hook = Hook(name="the hook", url=f"http://127.0.0.1:{port}/", secret=SECRET)
        message = TextMessage(phone="+15550100", code="123456", purpose="log_in", app="blog", ttl_minutes=10)
        await WebhookTexter(webhooks, hook).send(message)
        with pytest.raises(GatewayError) as refused:
            await WebhookVerifier(webhooks, hook, app="blog").verify("github", {"id": "1"})
        other = WebhookTexter(webhooks, Hook(name="the hook", url=hook.url, secret="another secret"))
        with pytest.raises(GatewayError) as forged:
            await other.send(message)
    finally:
        await webhooks.close()
    assert process.stdout is not None
    assert process.stdout.readline() == "to +15550100 the code 123456\n"
    assert (refused.value.code, refused.value.message) == (Code.BAD_AUTH_DATA, "not done here yet")
    assert (forged.value.code, forged.value.message) == (Code.UNAVAILABLE, "the hook answered with status 401")
