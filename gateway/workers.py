"""Several processes on one socket: the parent holds it and watches, each worker serves. POSIX only.

The parent has no event loop and no threads. Its signals are blocked and waited for, one after the other, so that
nothing can arrive between a check and a sleep. Workers share one pipe with it and leave when its other end is gone,
so that a parent which was killed leaves nobody behind.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field

EXIT_CANNOT_START = 2
READY = signal.SIGUSR1
STOPPING = {signal.SIGTERM, signal.SIGINT}
WATCHED = {*STOPPING, signal.SIGCHLD, signal.SIGALRM, READY}

FIRST_PAUSE = 0.1
LONGEST_PAUSE = 10.0
HEALTHY_AFTER = 30.0
"""Seconds that a worker must live for its end to count as the first one again."""

log = logging.getLogger("gateway.workers")

Worker = Callable[[int, Callable[[], None]], int]
"""Serves until SIGTERM, or until the file descriptor can be read; calls the function when it is ready."""


@dataclass(slots=True)
class _Place:
    """One of the workers, which may be replaced."""

    pid: int = 0
    started: float = 0.0
    pause: float = FIRST_PAUSE
    start_at: float = field(default_factory=time.monotonic)


def supervise(count: int, work: Worker, *, grace: float, announce: Callable[[], None]) -> int:
    """Runs `count` workers until SIGTERM or SIGINT, and answers the exit status.

    `announce` is called once, when the first of them is ready; if that one cannot start (exit status 2), nothing does.
    A worker that ends is replaced, after a pause that doubles each time.
    """
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, WATCHED)
    # without a handler, SIGALRM and SIGUSR1 would still be waited for, but SIGCHLD is thrown away on some systems
    signal.signal(signal.SIGCHLD, lambda *_: None)
    lifeline, held = os.pipe()
    places = [_Place() for _ in range(count)]
    announced, status = False, 0
    deadline: float | None = None  # set when the end has begun
    while deadline is None or any(place.pid for place in places):
        now = time.monotonic()
        # the first one alone until it is ready: it makes the stores that are not there yet
        wanted = places if announced else places[:1]
        if deadline is None:
            for place in wanted:
                if not place.pid and place.start_at <= now:
                    place.pid, place.started = _fork(work, lifeline, held, blocked), now
        elif now >= deadline:
            _send(places, signal.SIGKILL)
        starts = [place.start_at for place in wanted if not place.pid]
        arrived = _wait(starts if deadline is None else [deadline])
        if arrived is READY and not announced:
            announced = True
            announce()
        ended = _reap(places)
        cannot_start = not announced and any(code == EXIT_CANNOT_START for _, code in ended)
        if cannot_start:
            status = EXIT_CANNOT_START
        if deadline is not None:
            if arrived in STOPPING:
                deadline = now  # asked for a second time: no more patience
        elif arrived in STOPPING or cannot_start:
            deadline = time.monotonic() + grace
            _send(places, signal.SIGTERM)
        else:
            for place, code in ended:
                _plan_restart(place, code)
    os.close(held)
    os.close(lifeline)
    return status


def _fork(work: Worker, lifeline: int, held: int, blocked: set[signal.Signals] | set[int]) -> int:
    sys.stdout.flush()
    sys.stderr.flush()
    parent = os.getpid()
    pid = os.fork()
    if pid:
        return pid
    status = 1
    try:
        os.close(held)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        # Ctrl-C reaches every process of a terminal: the parent alone decides what it means
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
        status = work(lifeline, lambda: os.kill(parent, READY))
    except SystemExit as leaving:
        status = leaving.code if isinstance(leaving.code, int) else 1
    except BaseException:  # noqa: BLE001 (whatever it was, the parent's stack must not be run on)
        traceback.print_exc()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


def _wait(moments: list[float]) -> signal.Signals:
    """The next signal; SIGALRM where the first of the moments comes before one."""
    # an alarm and sigwait, as macOS has no sigtimedwait
    pause = max(0.001, min(moments) - time.monotonic()) if moments else 0.0
    signal.setitimer(signal.ITIMER_REAL, pause)
    return signal.Signals(signal.sigwait(WATCHED))


def _reap(places: list[_Place]) -> list[tuple[_Place, int]]:
    ended = []
    for place in places:
        if place.pid:
            pid, raw = os.waitpid(place.pid, os.WNOHANG)
            if pid:
                place.pid = 0
                ended.append((place, os.waitstatus_to_exitcode(raw)))
    return ended


def _plan_restart(place: _Place, code: int) -> None:
    now = time.monotonic()
    if now - place.started > HEALTHY_AFTER:
        place.pause = FIRST_PAUSE
    log.error("worker ended, starting another exit=%d pause=%.1f", code, place.pause)
    place.start_at = now + place.pause
    place.pause = min(2 * place.pause, LONGEST_PAUSE)


def _send(places: list[_Place], number: signal.Signals) -> None:
    for place in places:
        if place.pid:
            os.kill(place.pid, number)
