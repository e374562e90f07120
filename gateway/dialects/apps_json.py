"""Applications as JSON objects for the people whose they are; what their keys are, the mapping says (`accounts:`)."""

from __future__ import annotations

from typing import Any

from gateway.errors import Code, GatewayError, MappingError
from gateway.mapping.schema import AccountsSection
from gateway.mapping.shape import Codec, Compiler, Shape
from gateway.model.owners import App
from gateway.wire import HttpRequest

SLOTS = frozenset({"name", "app_id", "creates_classes", "client_push"})


class AppsJson:
    def __init__(self, section: AccountsSection) -> None:
        self._section = section
        self._shape: Shape | None = None

    def define(self, compiler: Compiler, key_names: frozenset[str]) -> None:
        """Raises MappingError."""
        self._shape = compiler.compile(self._section.app, "accounts.app")
        if strange := self._shape.slots() - SLOTS - key_names:
            raise MappingError(f"accounts.app: there is no ${min(strange)}")

    def codecs(self) -> dict[str, Codec]:
        return {"app": Codec(self.read, self.write), "apps": Codec(self.read_all, self.write_all)}

    def account(self, request: HttpRequest) -> tuple[str, str]:
        """Email address and password, as they were sent."""
        return request.headers.get(self._section.email, ""), request.headers.get(self._section.password, "")

    def write(self, app: App) -> Any:
        assert self._shape is not None
        return self._shape.fill({**app.keys, **{slot: getattr(app, slot) for slot in SLOTS}})

    def write_all(self, apps: list[App]) -> list[Any]:
        return list(map(self.write, apps))

    def read(self, wire: Any) -> App:
        """What a backend tells."""
        assert self._shape is not None
        found = self._shape.match(wire)
        if found is None or not {"name", "app_id"} <= found.keys():
            raise GatewayError(Code.BAD_VALUE, "expected an application")
        keys = {name: value for name, value in found.items() if name not in SLOTS}
        flags = {name: found.get(name) is True for name in ("creates_classes", "client_push")}
        return App(found["name"], found["app_id"], keys, **flags)

    def read_all(self, wire: Any) -> list[App]:
        if type(wire) is not list:
            raise GatewayError(Code.BAD_VALUE, "expected a list of applications")
        return list(map(self.read, wire))
