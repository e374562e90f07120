"""Who may ask for what at all: every operation there is, alone and in a batch, against one table.

What an operation then finds depends on objects and their lists: tests/test_ways_in.py asks that, over HTTP.
"""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from gateway.authorise import Guarded
from gateway.errors import Code, GatewayError
from gateway.model.catalogue import OPERATIONS
from gateway.model.operation import Batch, Caller, Operation, Result
from tests.backends.test_renames import sample

CALLERS: Mapping[str, Caller] = {
    "client": Caller(app="blog"),
    "user": Caller(app="blog", user_id="u1", session="s1"),
    "restricted": Caller(app="blog", user_id="u1", session="s1", restricted=True),
    "master": Caller(app="blog", master=True),
}

ANYBODY = ("done", "done", "done", "done")
NOT_RESTRICTED = ("done", "done", Code.FORBIDDEN, "done")
MASTER_ALONE = (Code.MASTER_REQUIRED, Code.MASTER_REQUIRED, Code.MASTER_REQUIRED, "done")

EXPECTED: Mapping[str, tuple[str, str, str, str]] = {
    # objects of a class without rules
    **dict.fromkeys(("create", "get", "update", "delete", "find", "find_related", "find_groups"), ANYBODY),
    **dict.fromkeys(("count_in_group", "upsert", "create_many", "update_many", "delete_many"), ANYBODY),
    **dict.fromkeys(("relate", "deep_save", "permit", "permit_all", "batch"), ANYBODY),
    **dict.fromkeys(("scan", "permit_class"), MASTER_ALONE),
    # classes
    "describe": ANYBODY,
    **dict.fromkeys(("export_data", "get_export"), MASTER_ALONE),
    # who says what in whose name is for the master to say
    **dict.fromkeys(("say_in_conversation", "find_said", "count_online"), MASTER_ALONE),
    **dict.fromkeys(("get_schema", "find_schemas"), MASTER_ALONE),
    **dict.fromkeys(("create_class", "update_class", "delete_class", "purge_class"), MASTER_ALONE),
    # code of the app's own, as its owner arranges it
    **dict.fromkeys(("find_hooks", "get_hook", "create_hook", "update_hook", "delete_hook"), MASTER_ALONE),
    **dict.fromkeys(("start_job", "find_jobs", "schedule_job", "reschedule_job"), MASTER_ALONE),
    # pushes: what became of one is told to who has its id
    "get_push": ANYBODY,
    **dict.fromkeys(("push", "find_pushes", "cancel_push", "delete_push"), MASTER_ALONE),
    # users: a restricted session changes none, and makes none
    **dict.fromkeys(("sign_up", "log_in", "log_in_as", "log_in_by_token", "verify_password"), NOT_RESTRICTED),
    **dict.fromkeys(("convert_guest", "change_password", "refresh_session"), NOT_RESTRICTED),
    **dict.fromkeys(("verify_phone", "change_phone"), NOT_RESTRICTED),
    **dict.fromkeys(("check_password", "set_status", "assign_role", "make_link"), MASTER_ALONE),
    # what is asked of one's own session, or proven by what was sent to a user
    **dict.fromkeys(("log_out", "current_user", "current_session", "pair_session", "upgrade_session"), ANYBODY),
    **dict.fromkeys(("check_session", "find_roles", "find_members"), ANYBODY),
    **dict.fromkeys(("send_link", "send_code", "check_code", "verify_email", "reset_password"), ANYBODY),
    **dict.fromkeys(("new_captcha", "check_captcha"), ANYBODY),
    # files: what the app lets whom do, the layer of files says
    **dict.fromkeys(("save_file", "read_file", "get_file_metadata", "has_file", "find_files", "count_files"), ANYBODY),
    **dict.fromkeys(("move_file", "rename_file", "delete_file", "make_directory"), ANYBODY),
    **dict.fromkeys(("new_upload", "put_upload", "end_upload", "permit_file"), ANYBODY),
    **dict.fromkeys(("begin_parts", "put_part", "end_parts"), ANYBODY),
    # applications as such are asked for with an account alone
    **dict.fromkeys(("find_apps", "get_app", "create_app", "update_app"), (Code.UNAUTHORIZED,) * 4),
    # what the owner of an application keeps and looks at
    **dict.fromkeys(("get_config", "track_event", "health"), ANYBODY),
    **dict.fromkeys(("update_config", "read_log", "server_info", "aggregate"), MASTER_ALONE),
    # what has nothing to do with either
    **dict.fromkeys(("server_time", "app_info", "find_servers", "write_log"), ANYBODY),
    **dict.fromkeys(("call_function", "call_service", "dispatch_event"), ANYBODY),
    **dict.fromkeys(("get_counter", "add_to_counter", "compare_and_set_counter", "reset_counter"), ANYBODY),
    **dict.fromkeys(("list_counters", "put_in_cache", "get_from_cache", "has_in_cache"), ANYBODY),
    **dict.fromkeys(("remove_from_cache", "expire_in_cache"), ANYBODY),
    # messages: who may tell devices, and who may send emails, the config says
    **dict.fromkeys(("register_device", "get_registration", "unregister_device", "publish", "push_template"), ANYBODY),
    **dict.fromkeys(("get_message_status", "cancel_message", "delete_channel", "get_channel", "subscribe"), ANYBODY),
    **dict.fromkeys(("poll_messages", "find_push_templates", "send_email", "send_template"), ANYBODY),
    **dict.fromkeys(("save_geo_point", "find_geo_points", "find_related_geo_points", "count_geo_points"), ANYBODY),
    **dict.fromkeys(("get_geo_metadata", "delete_geo_point"), ANYBODY),
    # leaderboards: whose statistics a caller may write, backends.leaderboards says
    **dict.fromkeys(("get_leaderboard", "save_statistics", "get_statistics", "delete_statistics"), ANYBODY),
    **dict.fromkeys(("find_statistics", "find_ranks"), ANYBODY),
    **dict.fromkeys(("create_leaderboard", "find_leaderboards", "update_leaderboard"), MASTER_ALONE),
    **dict.fromkeys(("reset_leaderboard", "delete_leaderboard", "find_archives"), MASTER_ALONE),
    # who follows whom, and what they tell each other: whose it is the layer says
    **dict.fromkeys(("follow", "update_friendship", "unfollow", "delete_friendship", "find_follows"), ANYBODY),
    **dict.fromkeys(("find_followers_and_followees", "request_friendship", "answer_friendship"), ANYBODY),
    **dict.fromkeys(("delete_friendship_request", "block_user", "find_blocked", "send_status"), ANYBODY),
    **dict.fromkeys(("delete_status", "find_inbox", "count_inbox", "reset_unread", "remove_from_inbox"), ANYBODY),
    **dict.fromkeys(("find_geo_categories", "add_geo_category", "delete_geo_category"), ANYBODY),
}


class Willing:
    """A backend that does whatever it is asked, and keeps what that was."""

    def __init__(self) -> None:
        self.asked: list[Operation] = []

    async def execute(self, op: Operation, caller: Caller) -> Result:
        self.asked.append(op)
        return Result(items=[Result() for _ in op.items]) if isinstance(op, Batch) else Result()

    async def identify(self, caller: Caller) -> Caller:
        return caller

    async def close(self) -> None:
        pass


async def outcome(op: Operation, caller: Caller) -> str:
    backend = Willing()
    try:
        result = await Guarded(backend, custom_ids=True).execute(op, caller)
    except GatewayError as error:
        assert backend.asked == [], "it was asked for all the same"
        return error.code
    first = result.items[0] if isinstance(op, Batch) and result.items else None
    return first.code if isinstance(first, GatewayError) else "done"


def test_the_table_has_every_operation() -> None:
    assert EXPECTED.keys() == OPERATIONS.keys()


@pytest.mark.parametrize("name", OPERATIONS)
@pytest.mark.parametrize("who", CALLERS)
async def test_who_may_ask(name: str, who: str) -> None:
    op = sample(OPERATIONS[name])
    expected = EXPECTED[name][list(CALLERS).index(who)]
    ways = [op] if isinstance(op, Batch) else [op, Batch(items=(op,)), Batch(items=(op,), atomic=True)]
    assert [await outcome(way, CALLERS[who]) for way in ways] == [expected] * len(ways)


@pytest.mark.parametrize("class_name", ["@token", "@anything", "_Product", "_Join:users:_Role"])
@pytest.mark.parametrize("name", [name for name, kind in OPERATIONS.items() if "class_name" in kind.__annotations__])
async def test_a_class_that_is_not_served_is_not_there_for_any_operation(name: str, class_name: str) -> None:
    op = sample(OPERATIONS[name])
    object.__setattr__(op, "class_name", class_name)
    for way in (op, Batch(items=(op,)), Batch(items=(op,), atomic=True)):
        found = await outcome(way, CALLERS["client"])
        assert found in (Code.UNSUPPORTED, Code.MASTER_REQUIRED, Code.BAD_CLASS_NAME, Code.OBJECT_NOT_FOUND), found
