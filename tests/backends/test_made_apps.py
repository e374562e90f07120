"""Applications that accounts make: on a real store, with two gateways on it, and a list of what is served."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from gateway.backends import made_apps
from gateway.backends.embedded import Embedded
from gateway.backends.ledger import Ledger
from gateway.backends.made_apps import APP, LENGTH, LONGEST_NAME, MOST_LEAVING, MadeApp, MadeApps
from gateway.backends.owners import Account, Owners
from gateway.errors import Code, GatewayError, StartupError
from gateway.model.operation import Delete, Update
from gateway.model.owners import App, CreateApp, FindApps, GetApp, UpdateApp
from gateway.model.update import Set
from gateway.store.passwords import hashed

KEYS = {"tagged": ("master_key", "rest_key"), "signed": ("app_key",)}
ANN, BOB = ("ann@example.com", "ann's password"), ("bob@example.com", "bob's password")


@dataclass
class Gateway:
    """`now` are the applications that are served, and `began` and `ended` how often one was."""

    made: MadeApps = field(init=False)
    now: list[MadeApp] = field(default_factory=list)
    began: int = 0
    ended: int = 0
    broken: bool = False

    @asynccontextmanager
    async def serve(self, made: MadeApp) -> AsyncIterator[None]:
        if self.broken:
            raise StartupError("the folder cannot be written")
        self.began += 1
        self.now.append(made)
        try:
            yield
        finally:
            self.now.remove(made)
            self.ended += 1

    @property
    def names(self) -> list[str]:
        return [made.app.name for made in self.now]


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Embedded]:
    store = await Embedded.open(f"sqlite:///{tmp_path}/apps.db", secret=b"s" * 32)
    yield store
    await store.close()


@asynccontextmanager
async def gateway(store: Embedded, *, most: int = 3, poll: float = 600.0) -> AsyncIterator[Gateway]:
    found = Gateway()
    found.made = MadeApps(Ledger(store), found.serve, most=most, keys=KEYS, poll=poll)
    await found.made.start()
    try:
        yield found
    finally:
        await found.made.close()
    assert found.now == []


async def refusal(made: MadeApps, op: CreateApp | UpdateApp, of: MadeApp | None = None) -> Code:
    try:
        if isinstance(op, UpdateApp):
            assert of is not None
            await made.update(of, op)
        else:
            await made.create("tagged", ANN[0], op)
    except GatewayError as error:
        return error.code
    raise AssertionError("it was done")


async def until(so: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not so():  # noqa: ASYNC110 - what it waits for is another task's
            await asyncio.sleep(0.01)


async def test_an_application_has_keys_of_its_own_and_is_served_at_once(store: Embedded) -> None:
    async with gateway(store) as here:
        first = await here.made.create("tagged", ANN[0], CreateApp(name="Blog", creates_classes=False))
        second = await here.made.create("signed", ANN[0], CreateApp(name="Blog", client_push=True))
        assert [made.app for made in here.now] == [first, second]
        assert (first.name, first.creates_classes, first.client_push) == ("Blog", False, False)
        assert (second.name, second.creates_classes, second.client_push) == ("Blog", True, True)
        assert [*first.keys, *second.keys] == ["master_key", "rest_key", "app_key"]
        told = [first.app_id, second.app_id, *first.keys.values(), *second.keys.values()]
        assert len(set(told)) == 5
        assert all(len(text) == LENGTH and text.isascii() and text.isalnum() for text in told)
        assert [made.app for made in await here.made.of("tagged")] == [first]
        made = here.now[0]
        assert (made.owner, made.dialect) == (ANN[0], "tagged")
        assert made.name not in told


async def test_it_is_there_after_a_restart(store: Embedded) -> None:
    async with gateway(store) as here:
        made = await here.made.create("tagged", ANN[0], CreateApp(name="Blog"))
    async with gateway(store) as here:
        assert [each.app for each in here.now] == [made]


async def test_another_gateway_serves_it_before_long_and_when_somebody_asks_for_it(store: Embedded) -> None:
    async with gateway(store) as here, gateway(store) as asked, gateway(store, poll=0.01) as watching:
        app = await here.made.create("tagged", ANN[0], CreateApp(name="Blog"))
        await until(lambda: watching.names == ["Blog"])
        await asked.made.look_for("tagged", "another id")
        await asked.made.look_for("signed", app.app_id)
        assert asked.names == []
        await asked.made.look_for("tagged", app.app_id)
        assert [each.app for each in asked.now] == [app]
        await here.made.update(here.now[0], UpdateApp(id=app.app_id, name="Shop"))
        await until(lambda: [made.app.name for made, _ in watching.made._served.values()] == ["Shop"])


async def test_nobody_is_looked_for_where_nothing_was_ever_made(store: Embedded) -> None:
    async with gateway(store) as here:
        await here.made.look_for("tagged", "x")
        assert await here.made.of("tagged") == []


async def test_what_is_changed_is_served_anew_and_what_it_was_goes_on_for_those_who_are_in_it(
    store: Embedded, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with gateway(store) as here:
        before = await here.made.create("tagged", ANN[0], CreateApp(name="Blog"))
        (made,) = here.now
        changed = await here.made.update(made, UpdateApp(id=before.app_id, client_push=True))
        assert changed == App("Blog", before.app_id, before.keys, creates_classes=True, client_push=True)
        assert [each.app for each in here.now] == [before, changed]
        assert (here.began, here.ended) == (2, 0)
        await asyncio.sleep(0)
        monkeypatch.setattr(made_apps, "LEAVES_AFTER", 0.0)
        again = await here.made.update(here.now[1], UpdateApp(id=before.app_id, name="Shop", creates_classes=False))
        await until(lambda: here.ended == 1)
        assert again == App("Shop", before.app_id, before.keys, creates_classes=False, client_push=True)
        assert [each.app for each in here.now] == [before, again]
        assert await here.made.update(made, UpdateApp(id=before.app_id)) == again
        assert here.began == 3


async def test_not_too_much_is_changed_in_a_short_time(store: Embedded) -> None:
    async with gateway(store) as here:
        app = await here.made.create("tagged", ANN[0], CreateApp(name="Blog"))
        (made,) = here.now
        for number in range(MOST_LEAVING):
            await here.made.update(made, UpdateApp(id=app.app_id, name=f"Blog {number}"))
        assert await refusal(here.made, UpdateApp(id=app.app_id, name="one more"), made) is Code.RATE_LIMITED
        assert (await here.made.of("tagged"))[0].app.name == f"Blog {MOST_LEAVING - 1}"


async def test_an_account_makes_so_many_and_no_more_even_at_the_same_time(store: Embedded) -> None:
    async with gateway(store) as here, gateway(store) as there:
        tries = (
            gateway.made.create("tagged", owner, CreateApp(name=f"{owner} {number}"))
            for gateway in (here, there)
            for owner in (ANN[0], BOB[0])
            for number in range(4)
        )
        done = await asyncio.gather(*tries, return_exceptions=True)
        refused = [each.code for each in done if isinstance(each, GatewayError)]
        assert refused == [Code.FORBIDDEN] * 10
        await here.made.look()
        assert sorted(made.owner for made in here.now) == [ANN[0]] * 3 + [BOB[0]] * 3
        # the place of one that an operator took out of the store is free
        await Ledger(store).execute(Delete(class_name=APP, ids=(f"{ANN[0]}:1",)))
        await here.made.create("tagged", ANN[0], CreateApp(name="again"))
        assert await refusal(here.made, CreateApp(name="more")) is Code.FORBIDDEN


async def test_one_that_is_taken_out_of_the_store_leaves(store: Embedded, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(made_apps, "LEAVES_AFTER", 0.0)
    async with gateway(store, poll=0.01) as here:
        app = await here.made.create("tagged", ANN[0], CreateApp(name="Blog"))
        (made,) = here.now
        await Ledger(store).execute(Delete(class_name=APP, ids=(made.place,)))
        await until(lambda: here.now == [])
        assert await refusal(here.made, UpdateApp(id=app.app_id, name="x"), made) is Code.OBJECT_NOT_FOUND


@pytest.mark.parametrize("name", ["", "   ", "x" * (LONGEST_NAME + 1), "two\nlines", "a\0b", "\u202eback", "\ud800"])
async def test_a_name_can_be_shown(store: Embedded, name: str) -> None:
    async with gateway(store) as here:
        assert await refusal(here.made, CreateApp(name=name)) is Code.BAD_VALUE
        await here.made.create("tagged", ANN[0], CreateApp(name="博客 '; DROP TABLE x; -- ../../etc/passwd"))
        (made,) = here.now
        assert await refusal(here.made, UpdateApp(id="x", name=name), made) is Code.BAD_VALUE


async def test_what_has_no_meaning_here_is_refused_in_words(store: Embedded) -> None:
    async with gateway(store) as here:
        await here.made.create("tagged", ANN[0], CreateApp(name="x", revocable_sessions=True, revokes_sessions=True))
        (made,) = here.now
        for create in (CreateApp(name="x", revocable_sessions=False), CreateApp(name="x", revokes_sessions=False)):
            assert await refusal(here.made, create) is Code.UNSUPPORTED
        for update in (UpdateApp(id="x", revocable_sessions=False), UpdateApp(id="x", revokes_sessions=False)):
            assert await refusal(here.made, update, made) is Code.UNSUPPORTED
        assert here.names == ["x"]


async def test_one_that_cannot_be_served_is_not_made_and_keeps_no_other_from_being(
    store: Embedded, caplog: pytest.LogCaptureFixture
) -> None:
    async with gateway(store) as here:
        await here.made.create("tagged", ANN[0], CreateApp(name="first"))
        here.broken = True
        assert await refusal(here.made, CreateApp(name="second")) is Code.UNAVAILABLE
        assert here.names == ["first"]
        (first,) = here.now
        async with gateway(store) as there:
            assert there.names == ["first"]
            there.broken = True
        async with gateway(store) as there:
            assert there.names == ["first"]
        changed = await here.made.update(first, UpdateApp(id="x", name="changed"))
        assert (changed.name, here.names) == ("changed", ["first"])  # it goes on as it was
        told = [record.getMessage() for record in caplog.records if record.levelname == "ERROR"]
        assert len(told) == 2
        assert f"app={first.name}" in told[1]
        await here.made.look()
        assert len([record for record in caplog.records if record.levelname == "ERROR"]) == 2  # told once
        here.broken = False
        await here.made.look()
        assert here.names == ["first", "changed"]


async def test_a_gateway_starts_without_one_that_cannot_be_served(store: Embedded) -> None:
    async with gateway(store) as here:
        app = await here.made.create("tagged", ANN[0], CreateApp(name="Blog"))
    broken = Gateway(broken=True)
    broken.made = MadeApps(Ledger(store), broken.serve, most=3, keys=KEYS)
    await broken.made.start()
    await broken.made.look_for("tagged", app.app_id)
    assert broken.now == []
    await broken.made.close()


# --- whose they are ---


async def test_an_account_has_those_it_was_given_and_those_it_made(store: Embedded) -> None:
    accounts = {ANN[0]: Account(hashed(ANN[1])), BOB[0]: Account(hashed(BOB[1]), frozenset({"shop"}))}
    blog, shop = (
        App(name, name[0], {"master_key": name}, creates_classes=True, client_push=False) for name in ("blog", "shop")
    )
    async with gateway(store) as here:
        owners = Owners(accounts, (blog, shop), made=here.made, dialect="tagged")
        others = Owners(accounts, (), made=here.made, dialect="signed")

        async def code(op: CreateApp | GetApp | UpdateApp, who: tuple[str, str]) -> Code:
            with pytest.raises(GatewayError) as refused:
                await owners.execute(op, *who)
            return refused.value.code

        of_ann = (await owners.execute(CreateApp(name="of Ann"), *ANN)).app
        of_bob = (await owners.execute(CreateApp(name="of Bob"), BOB[0].upper(), BOB[1])).app
        elsewhere = (await others.execute(CreateApp(name="elsewhere"), *BOB)).app
        assert of_ann is not None
        assert of_bob is not None
        assert elsewhere is not None
        assert (await owners.execute(FindApps(), *BOB)).apps == [shop, of_bob]
        assert (await owners.execute(FindApps(), *ANN)).apps == [blog, shop, of_ann, of_bob]
        assert (await others.execute(FindApps(), *BOB)).apps == [elsewhere]
        assert (await owners.execute(GetApp(id=of_bob.app_id), *BOB)).app == of_bob
        for op in (GetApp(id=of_ann.app_id), UpdateApp(id=of_ann.app_id, name="mine"), UpdateApp(id="b", name="mine")):
            assert await code(op, BOB) is Code.OBJECT_NOT_FOUND
        assert await code(GetApp(id=elsewhere.app_id), BOB) is Code.OBJECT_NOT_FOUND
        assert await code(UpdateApp(id="s", name="mine"), BOB) is Code.UNSUPPORTED  # the configuration has it
        changed = (await owners.execute(UpdateApp(id=of_bob.app_id, name="of Ann as well"), *ANN)).app
        assert changed == replace(of_bob, name="of Ann as well")
        assert await code(CreateApp(name="x"), (BOB[0], ANN[1])) is Code.UNAUTHORIZED


def test_keys_are_not_in_what_is_printed() -> None:
    app = App("x", "x", {"master_key": "secret"}, creates_classes=True, client_push=False)
    assert "secret" not in repr(MadeApp("ann:0", "ann", "made-1", "tagged", app))


async def test_a_record_that_cannot_be_read_keeps_no_other_from_being_served(
    store: Embedded, caplog: pytest.LogCaptureFixture
) -> None:
    ledger = Ledger(store)
    async with gateway(store) as found:
        for name in ("one", "two"):
            await found.made.create("tagged", ANN[0], CreateApp(name=name))
        place = next(made.place for made in found.now if made.app.name == "one")
        await ledger.execute(Update(class_name=APP, id=place, changes={"keys": Set("no JSON")}))
        await found.made.look()
        await found.made.look()
        told = [record for record in caplog.records if "cannot be read" in record.message]
        assert len(told) == 1, "once"
        await found.made.create("tagged", ANN[0], CreateApp(name="three"))
        assert {"two", "three"} <= set(found.names)
        assert await refusal(found.made, CreateApp(name="four")) is Code.FORBIDDEN, "its place is taken"
    async with gateway(store) as again:
        assert sorted(again.names) == ["three", "two"]
