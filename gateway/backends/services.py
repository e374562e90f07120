"""A backend, and beside it what apps ask for that is no object and no user: counters, a cache, a log, jobs."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

from gateway.backends.app_config import AppConfig
from gateway.backends.base import Backend
from gateway.backends.cache import Cache
from gateway.backends.client_log import KeptLog, write_log
from gateway.backends.conversations import Conversations
from gateway.backends.counters import Counters
from gateway.backends.events import Events
from gateway.backends.friends import Friends
from gateway.backends.geo_points import GeoPoints
from gateway.backends.hooks import RegisteredHooks, hook_operations
from gateway.backends.jobs import Jobs, job_operations
from gateway.backends.leaderboards import Leaderboards
from gateway.backends.ledger import Ledger, ObjectStore
from gateway.backends.push import Pushes
from gateway.backends.statuses import Statuses
from gateway.backends.taken_requests import TakenRequests
from gateway.errors import Code, GatewayError
from gateway.model import administration, geo, services, social
from gateway.model.catalogue import OPERATIONS
from gateway.model.code import JOB_CLASSES, StartJob
from gateway.model.conversations import CountOnline, FindSaid, SayInConversation
from gateway.model.once import TakeRequest
from gateway.model.operation import Batch, Caller, Operation, Result

Executes = Callable[[Any, Caller], Awaitable[Result]]


@dataclass(frozen=True, slots=True)
class KeptFor:
    """How long something that grows by itself is kept, in seconds, and how many of it."""

    lasts: float = 90 * 86400.0
    most: int = 100_000


class Services:
    """What is none of the services goes on to the backend, and so do those that are `theirs`.

    `store` is where they keep what they have; without one the counters and the cache are the backend's affair. So are
    registered webhooks without `hooks`, jobs without `jobs`, pushes without `pushes`, and so on. `able` are the
    operations that the backend can do. With `users_here` the store has the users as well, and so who follows whom.
    """

    def __init__(  # noqa: PLR0913 - what there is of services, by name
        self,
        backend: Backend,
        store: ObjectStore | None,
        *,
        hooks: RegisteredHooks | None = None,
        jobs: Jobs | None = None,
        pushes: Pushes | None = None,
        leaderboards: Leaderboards | None = None,
        messages: Callable[[Backend], Mapping[type[Operation], Executes]] | None = None,
        theirs: Collection[type[Operation]] = (),
        able: Collection[str] = (),
        events: KeptFor = KeptFor(),
        said: KeptFor = KeptFor(180 * 86400.0),
        users_here: bool = False,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._backend = backend
        execute: dict[type[Operation], Executes] = {services.WriteLog: write_log}
        if store is not None:
            execute |= _kept(Ledger(store), now, events)
            talk = Conversations(self, Ledger(store), now, lasts=said.lasts, most=said.most)
            execute[TakeRequest] = TakenRequests(Ledger(store), now).take
            execute |= {SayInConversation: talk.say, FindSaid: talk.find, CountOnline: talk.count}
        if hooks is not None:
            execute |= hook_operations(hooks)
        if jobs is not None:
            execute |= job_operations(jobs)
        if pushes is not None:
            execute |= pushes.operations
        if leaderboards is not None:
            execute |= leaderboards.operations
        if messages is not None:
            execute |= messages(self)
        if users_here and store is not None:
            execute |= _among_users(backend, Ledger(store))
        self._execute = {kind: own for kind, own in execute.items() if kind not in theirs}
        # what a server of others can do, it tells of itself, and not of the gateway
        own = {name for name, kind in OPERATIONS.items() if kind in self._execute}
        self._able = frozenset({*able, *own} - (set() if pushes is None or pushes.sends else {"push"}))
        self._execute[administration.ServerInfo] = self._tell_abilities
        # what jobs have written is read where it was written, and not of a server of others
        self._jobs = store if jobs is not None and StartJob in self._execute else None

    async def execute(self, op: Operation, caller: Caller) -> Result:
        if isinstance(op, Batch) and any(type(item) in self._execute for item in op.items):
            return await self._batch(op, caller)
        execute = self._execute.get(type(op))
        if self._jobs is not None and getattr(op, "class_name", None) in JOB_CLASSES and execute is None:
            execute = self._jobs.execute
        return await (self._backend.execute(op, caller) if execute is None else execute(op, caller))

    async def _batch(self, op: Batch, caller: Caller) -> Result:
        """What services do is done one by one: none of it can be undone with the rest."""
        if op.atomic or any(op.names):
            at = next(at for at, item in enumerate(op.items) if type(item) in self._execute)
            raise GatewayError(Code.UNSUPPORTED, "this cannot be part of a transaction").at(at)
        answers: list[Result | GatewayError] = []
        for item in op.items:
            try:
                answers.append(await self.execute(item, caller))
            except GatewayError as error:
                answers.append(error)
        return Result(items=answers)

    async def _tell_abilities(self, _op: administration.ServerInfo, _caller: Caller) -> Result:
        return Result(value=self._able)

    async def identify(self, caller: Caller) -> Caller:
        return await self._backend.identify(caller)

    async def close(self) -> None:
        await self._backend.close()


def _kept(ledger: Ledger, now: Callable[[], float], events: KeptFor) -> Mapping[type[Operation], Executes]:
    """The services that keep something."""
    counters, cache, points = Counters(ledger), Cache(ledger, now), GeoPoints(ledger)
    config, log = AppConfig(ledger), KeptLog(ledger, now)
    return {
        services.GetCounter: counters.get,
        services.AddToCounter: counters.add,
        services.CompareAndSetCounter: counters.compare_and_set,
        services.ResetCounter: counters.reset,
        services.ListCounters: counters.names,
        services.PutInCache: cache.put,
        services.GetFromCache: cache.get,
        services.HasInCache: cache.has,
        services.RemoveFromCache: cache.remove,
        services.ExpireInCache: cache.expire,
        services.WriteLog: log.write,
        administration.ReadLog: log.read,
        administration.GetConfig: config.get,
        administration.UpdateConfig: config.update,
        administration.TrackEvent: Events(ledger, now, lasts=events.lasts, most=events.most).track,
        geo.SaveGeoPoint: points.save,
        geo.FindGeoPoints: points.find,
        geo.FindRelatedGeoPoints: points.find_related,
        geo.CountGeoPoints: points.count,
        geo.GetGeoMetadata: points.metadata,
        geo.DeleteGeoPoint: points.delete,
        geo.FindGeoCategories: points.categories,
        geo.AddGeoCategory: points.add_category,
        geo.DeleteGeoCategory: points.delete_category,
    }


def _among_users(backend: Backend, ledger: Ledger) -> Mapping[type[Operation], Executes]:
    """Who follows whom, and what they tell each other."""
    friends, statuses = Friends(backend, ledger), Statuses(backend, ledger)
    return {
        social.Follow: friends.follow,
        social.UpdateFriendship: friends.update,
        social.Unfollow: friends.unfollow,
        social.DeleteFriendship: friends.delete,
        social.FindFollows: friends.find,
        social.FindFollowersAndFollowees: friends.find_both,
        social.RequestFriendship: friends.request,
        social.AnswerFriendship: friends.answer,
        social.DeleteFriendshipRequest: friends.delete_request,
        social.BlockUser: friends.block,
        social.FindBlocked: friends.blocked,
        social.SendStatus: statuses.send,
        social.DeleteStatus: statuses.delete,
        social.FindInbox: statuses.find,
        social.CountInbox: statuses.count,
        social.ResetUnread: statuses.reset,
        social.RemoveFromInbox: statuses.remove,
    }
