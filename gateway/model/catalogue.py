"""Every operation there is, by the name that mappings call it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from gateway.model.account import ACCOUNT_OPERATIONS
from gateway.model.definition import SCHEMA_OPERATIONS
from gateway.model.members import MEMBER_OPERATIONS
from gateway.model.operation import OBJECT_OPERATIONS, Operation
from gateway.model.permission import PERMISSION_OPERATIONS
from gateway.model.recovery import RECOVERY_OPERATIONS
from gateway.model.services import SERVICE_OPERATIONS

OPERATIONS: Final[Mapping[str, type[Operation]]] = {
    **OBJECT_OPERATIONS,
    **ACCOUNT_OPERATIONS,
    **SCHEMA_OPERATIONS,
    **RECOVERY_OPERATIONS,
    **SERVICE_OPERATIONS,
    **PERMISSION_OPERATIONS,
    **MEMBER_OPERATIONS,
}
