"""Every operation there is, by the name that mappings call it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from gateway.model.account import ACCOUNT_OPERATIONS
from gateway.model.administration import ADMINISTRATION_OPERATIONS
from gateway.model.aggregate import AGGREGATE_OPERATIONS
from gateway.model.code import CODE_OPERATIONS
from gateway.model.conversations import CONVERSATION_OPERATIONS
from gateway.model.definition import SCHEMA_OPERATIONS
from gateway.model.exports import EXPORT_OPERATIONS
from gateway.model.files import FILE_OPERATIONS
from gateway.model.geo import GEO_OPERATIONS
from gateway.model.leaderboard import LEADERBOARD_OPERATIONS
from gateway.model.members import MEMBER_OPERATIONS
from gateway.model.messaging import MESSAGING_OPERATIONS
from gateway.model.operation import OBJECT_OPERATIONS, Operation
from gateway.model.owners import OWNER_OPERATIONS
from gateway.model.permission import PERMISSION_OPERATIONS
from gateway.model.push import PUSH_OPERATIONS
from gateway.model.recovery import RECOVERY_OPERATIONS
from gateway.model.services import SERVICE_OPERATIONS
from gateway.model.social import SOCIAL_OPERATIONS

OPERATIONS: Final[Mapping[str, type[Operation]]] = {
    **OBJECT_OPERATIONS,
    **ACCOUNT_OPERATIONS,
    **SCHEMA_OPERATIONS,
    **RECOVERY_OPERATIONS,
    **SERVICE_OPERATIONS,
    **ADMINISTRATION_OPERATIONS,
    **AGGREGATE_OPERATIONS,
    **OWNER_OPERATIONS,
    **CODE_OPERATIONS,
    **PUSH_OPERATIONS,
    **PERMISSION_OPERATIONS,
    **FILE_OPERATIONS,
    **EXPORT_OPERATIONS,
    **CONVERSATION_OPERATIONS,
    **MEMBER_OPERATIONS,
    **MESSAGING_OPERATIONS,
    **GEO_OPERATIONS,
    **SOCIAL_OPERATIONS,
    **LEADERBOARD_OPERATIONS,
}

STORED: Final[frozenset[str]] = frozenset(
    {
        *OBJECT_OPERATIONS,
        *ACCOUNT_OPERATIONS,
        *SCHEMA_OPERATIONS,
        *RECOVERY_OPERATIONS,
        *PERMISSION_OPERATIONS,
        *MEMBER_OPERATIONS,
    }
)
"""What a store of objects and its users can do; the rest are services beside them."""
