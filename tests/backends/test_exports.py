"""Exports: archives of a real store, kept as files, by a real scheduler; what they have in them, and who gets them."""

from __future__ import annotations

import asyncio
import io
import json
import re
import tarfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from gateway.adapters.storage_disk import DiskStorage
from gateway.backends.accounts import Accounts, Policy
from gateway.backends.embedded import Embedded
from gateway.backends.exports import EXPORT, KEPT, MOST_TRIES, MOST_WAITING, PAGE, Exports, Form
from gateway.backends.file_rules import FileRules
from gateway.backends.files import Files
from gateway.backends.ledger import Ledger, credential
from gateway.backends.scheduler import Scheduler
from gateway.dialects.dialect import Dialect
from gateway.errors import Code, GatewayError
from gateway.model.exports import ExportData, GetExport
from gateway.model.files import ReadFile, SaveFile, SignedFile
from gateway.model.operation import Batch, Caller, Create, Find, Operation, Result
from gateway.model.update import AddRelation, Set
from gateway.model.values import ACL, Date, GeoPoint, Pointer
from tests.outside import OutsideWorld
from tests.store.test_passwords import BCRYPT, DIGEST, LEANCLOUD, SALT

CLIENT, MASTER, GATEWAY = Caller(app="blog"), Caller(app="blog", master=True), Caller(app="", trusted=True)
ARGON2 = "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$0XrDsDTb1Q3bJ3lCh0UMt6Ozb8w6sJ6dRyU5C9uJ8cA"


@dataclass
class Clock:
    seconds: float = 1_800_000_000.0

    def __call__(self) -> float:
        return self.seconds


@dataclass
class World:
    store: Embedded
    files: Files
    exports: Exports
    clock: Clock
    scheduler: Scheduler

    async def make(self, class_name: str, id_: str, **fields: Any) -> None:
        changes = {ACL if name == "acl" else name: value for name, value in fields.items()}
        told = {name: value if isinstance(value, AddRelation) else Set(value) for name, value in changes.items()}
        await self.store.execute(Create(class_name=class_name, id=id_, changes=told), GATEWAY)

    async def begin(self, **asked: Any) -> str:
        result = await self.exports.execute(ExportData(form="leancloud", **asked), MASTER)
        assert result.value["status"] == "running"
        return str(result.value["id"])

    async def told(self, id_: str) -> dict[str, Any]:
        return dict((await self.exports.execute(GetExport(id=id_), MASTER)).value)

    async def ended(self, id_: str) -> dict[str, Any]:
        for _ in range(5000):
            if (told := await self.told(id_))["status"] != "running":
                return told
            if not self.scheduler._under_way:  # for what is being done no time passes, or its mark would run out
                self.clock.seconds += 1  # whoever waits for its turn has it
            self.scheduler.wake()
            await asyncio.sleep(0.01)
        raise AssertionError("the export does not end")

    async def opened(self, **asked: Any) -> dict[str, str]:
        """The files of an archive."""
        file = (await self.ended(await self.begin(**asked)))["file"]
        content = (await self.files.execute(ReadFile(path=file.name), MASTER)).content
        assert content.mime_type == "application/gzip"
        archive = b"".join([piece async for piece in content.read()])
        with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
            return {member.name: tar.extractfile(member).read().decode() for member in tar}  # type: ignore[union-attr]


@asynccontextmanager
async def made(folder: Path, dialect: Dialect, mailer: Any = None) -> AsyncIterator[World]:
    store = await Embedded.open(f"sqlite:///{folder}/data.db", secret=b"s")
    clock = Clock()
    ledger = Ledger(store)
    files = Files(Accounts(store, Policy()), store, DiskStorage(folder / "files"), FileRules(secret=b"s"), now=clock)
    scheduler = Scheduler(ledger, app="blog", now=clock, poll=0.02)
    assert dialect.archive is not None
    addresses = dialect.addresses("http://gateway.example/1.1", "demo")
    forms = {"leancloud": Form(dialect.archive, "demo", addresses)}
    exports = Exports(files, ledger, scheduler, forms, secret=b"s", mailer=mailer, app="blog", now=clock)
    scheduler.start()
    try:
        yield World(store, files, exports, clock, scheduler)
    finally:
        await scheduler.close()
        await store.close()


@pytest.fixture
async def world(tmp_path: Path, dialects: Mapping[str, Dialect]) -> AsyncIterator[World]:
    async with made(tmp_path, dialects["leancloud"]) as world:
        yield world


def lines(text: str) -> list[Any]:
    head, *rest = text.splitlines()
    assert head.startswith("#filetype:JSON-streaming ")
    return [json.loads(head.partition(" ")[2]), *map(json.loads, rest)]


async def test_an_archive_has_every_object_with_its_acl(world: World) -> None:
    own = {"u1": {"read": True, "write": True}}
    place, day = GeoPoint(1, 2), Date("2020-01-02T03:04:05.678Z")
    await world.make("Post", "p1", title="a", at=day, place=place, acl=own)
    await world.make("Post", "p2", title="b", parent=Pointer("Post", "p1"))
    files = await world.opened()
    kind, first, second = lines(files["Post.0.jsonl"])
    assert kind == {"type": "Class", "class": "Post"}
    assert first["ACL"] == own
    assert first["at"] == {"__type": "Date", "iso": day.iso}
    assert first["place"] == {"__type": "GeoPoint", "latitude": 1, "longitude": 2}
    assert re.fullmatch(r"\d{4}-.*Z", first["createdAt"])
    assert second["ACL"] == {"*": {"read": True, "write": True}}
    assert second["parent"] == {"__type": "Pointer", "className": "Post", "objectId": "p1"}
    assert json.loads(files["Post_schema.json"])["parent"] == {"type": "Pointer", "className": "Post"}


async def test_members_of_a_relation_are_told_by_both_ids(world: World) -> None:
    await world.make("Tag", "t1", name="x")
    await world.make("Tag", "t2", name="y")
    await world.make("Post", "p1", tags=AddRelation((Pointer("Tag", "t1"), Pointer("Tag", "t2"))))
    files = await world.opened(classes=("Post",))
    assert lines(files["_Join:tags:Post.0.jsonl"]) == [
        {"type": "Class", "class": "_Join:tags:Post"},
        {"owningId": "p1", "relatedId": "t1"},
        {"owningId": "p1", "relatedId": "t2"},
    ]
    assert set(files) == {"Post_schema.json", "Post.0.jsonl", "_Join:tags:Post.0.jsonl"}


async def test_passwords_are_told_as_what_they_are_and_can_be_read_again(
    world: World, dialects: Mapping[str, Dialect]
) -> None:
    kept = {"u1": LEANCLOUD, "u2": BCRYPT, "u3": ARGON2}
    for id_, password in kept.items():
        await world.make("_User", id_, username=id_)
        await Ledger(world.store).execute(credential(id_, password))
    await world.make("_User", "u4", username="u4")
    text = (await world.opened())["_User.0.jsonl"]
    _, *users = lines(text)
    told = [
        {name: value for name, value in user.items() if name in ("password", "salt") or "Password" in name}
        for user in users
    ]
    assert told == [{"password": DIGEST, "salt": SALT}, {"bcryptPassword": BCRYPT}, {"argon2Password": ARGON2}, {}]
    reader = dialects["leancloud"].export
    assert reader is not None
    again = [reader.read(line) for line in text.splitlines()[1:]]
    assert [getattr(user, "kept", None) for user in again] == [*kept.values(), None]
    dear = json.dumps({**users[2], "argon2Password": ARGON2.replace("m=19456", "m=99999999")})
    with pytest.raises(GatewayError, match="the password is not kept as argon2"):
        reader.read(dear)


async def test_what_was_changed_in_some_days_alone(world: World) -> None:
    await world.make("Post", "p1", title="a")
    made = (await world.store.execute(Find(class_name="Post", limit=1), MASTER)).objects or []
    at = made[0]["@updated_at"].ms
    for since, until, expected in ((at, at, 1), (at + 1, None, 0), (None, at - 1, 0), (None, at, 1)):
        times = {"since": since, "until": until}
        asked = {name: Date.from_ms(ms) for name, ms in times.items() if ms is not None}
        files = await world.opened(classes=("Post",), **asked)
        assert len(lines(files["Post.0.jsonl"])) == 1 + expected


async def test_more_than_a_page_comes_whole_and_once(world: World) -> None:
    items = tuple(Create(class_name="Post", id=f"p{at:05}", changes={"n": Set(at)}) for at in range(PAGE * 2 + 1))
    await world.store.execute(Batch(items=items), GATEWAY)
    _, *posts = lines((await world.opened(classes=("Post",)))["Post.0.jsonl"])
    assert [post["n"] for post in posts] == list(range(PAGE * 2 + 1))


async def test_the_columns_alone(world: World) -> None:
    await world.make("Post", "p1", title="a")
    files = await world.opened(only_columns=True)
    assert "Post_schema.json" in files
    assert not [name for name in files if name.endswith(".jsonl")]


async def test_what_the_gateway_keeps_for_itself_and_sessions_are_in_no_archive(world: World) -> None:
    await world.make("_Session", "s1", sessionToken="secret-token")
    files = await world.opened()
    assert not [name for name in files if "@" in name or "_Session" in name]
    assert "secret-token" not in "".join(files.values())


async def test_nobody_reads_an_archive_without_its_signed_address(world: World) -> None:
    file = (await world.ended(await world.begin()))["file"]
    assert isinstance(file, SignedFile)
    assert file.name is not None
    assert file.signature is not None
    with pytest.raises(GatewayError) as refused:
        await world.files.execute(ReadFile(path=file.name), CLIENT)
    assert refused.value.code is Code.FORBIDDEN
    expires = int(file.signature["expires"])
    signed = ReadFile(path=file.name, signature=file.signature["signature"], expires=expires)
    assert (await world.files.execute(signed, CLIENT)).content.size > 0
    found = await world.files.execute(Find(class_name="_File", limit=10), CLIENT)
    assert found.objects == []
    world.clock.seconds = expires + 1
    with pytest.raises(GatewayError):
        await world.files.execute(signed, CLIENT)


async def test_an_archive_goes_after_a_week(world: World, tmp_path: Path) -> None:
    id_ = await world.begin()
    await world.ended(id_)
    world.clock.seconds += KEPT
    for _ in range(5000):
        world.scheduler.wake()
        await asyncio.sleep(0.01)
        if await Ledger(world.store).fields(EXPORT, id_) is None:
            break
    with pytest.raises(GatewayError):
        await world.told(id_)
    assert [path for path in (tmp_path / "files").rglob("*") if path.is_file()] == []


async def test_a_mail_tells_where_it_is(tmp_path: Path, dialects: Mapping[str, Dialect], outside: OutsideWorld) -> None:
    async with outside.outside() as there, made(tmp_path, dialects["leancloud"], there.mailer) as world:
        await world.ended(await world.begin(email="tom@example.com"))
        await outside.wait_for_mails(1)
    text = outside.mail_to("tom@example.com").text
    assert re.search(
        r"http://gateway\.example/1\.1/file/demo/export-[0-9a-f]{48}\.tar\.gz\?signature=[0-9a-f]{64}", text
    )


async def test_what_is_refused_at_once(world: World) -> None:
    asked: dict[Code, ExportData] = {
        Code.CLASS_NOT_FOUND: ExportData(form="leancloud", classes=("Nothing",)),
        Code.NOT_CONFIGURED: ExportData(form="leancloud", email="tom@example.com"),
        Code.UNSUPPORTED: ExportData(form="another"),
    }
    for code, op in asked.items():
        with pytest.raises(GatewayError) as refused:
            await world.exports.execute(op, MASTER)
        assert refused.value.code is code
    with pytest.raises(GatewayError) as missing:
        await world.told("nothing")
    assert missing.value.code is Code.OBJECT_NOT_FOUND


async def test_only_so_many_wait(world: World) -> None:
    await world.scheduler.close()
    for _ in range(MOST_WAITING):
        await world.begin()
    with pytest.raises(GatewayError) as refused:
        await world.begin()
    assert refused.value.code is Code.RATE_LIMITED


async def test_what_goes_wrong_is_tried_again_and_then_told(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[Operation] = []
    execute = world.files.execute

    async def broken(op: Operation, caller: Caller) -> Result:
        if not isinstance(op, SaveFile):
            return await execute(op, caller)
        tried.append(op)
        raise GatewayError(Code.UNAVAILABLE, "the disk is full")

    monkeypatch.setattr(world.files, "execute", broken)
    id_ = await world.begin()
    assert (await world.ended(id_))["status"] == "failed"
    assert len(tried) == MOST_TRIES
    row = await Ledger(world.store).fields(EXPORT, id_)
    assert row is not None
    assert row["reason"] == "the disk is full"
