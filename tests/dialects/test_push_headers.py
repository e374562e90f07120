"""Headers of a message that say a push, and types of devices as bits."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.dialects.push_headers import PushHeaders
from gateway.errors import Code, GatewayError
from gateway.mapping.schema import PushHeadersSection

SECTION = PushHeadersSection(
    everywhere={"message": "alert"},
    devices={"ios": {"ios-badge": "badge"}, "android": {"android-title": "title"}},
    bits=("ios", "android", "wp", "osx"),
    names=("FOR_", "_"),
)
CODECS = PushHeaders(SECTION).codecs()


def test_headers_say_what_devices_show() -> None:
    headers = {"message": "Hi", "ios-badge": 3, "android-title": None, "city": "Rome"}
    assert CODECS["message_headers"].read(headers) == {
        "headers": headers,
        "shown": {"*": {"alert": "Hi"}, "ios": {"badge": "3"}},
        "shown_by": ("message", "ios-badge", "android-title"),
    }
    assert CODECS["message_headers"].read({"city": "Rome"})["shown"] is None
    assert CODECS["message_headers"].read(None) == {}
    assert CODECS["message_headers"].write({"headers": headers, "shown": None}) == headers


def test_a_flag_is_a_number_of_a_push() -> None:
    assert CODECS["message_headers"].read({"ios-badge": True})["shown"] == {"ios": {"badge": "1"}}


@pytest.mark.parametrize(
    ("wire", "devices"),
    [
        (0, None),
        (1, ("ios",)),
        (3, ("ios", "android")),
        (15, ("ios", "android", "wp", "osx")),
        ("FOR_IOS", ("ios",)),
        ("FOR_ANDROID_OSX", ("android", "osx")),
        ("FOR_NONE", None),
        ("FOR_ALL", ("ios", "android", "wp", "osx")),
    ],
)
def test_types_of_devices(wire: Any, devices: Any) -> None:
    assert CODECS["device_bits"].read(wire) == devices
    if type(wire) is int and devices:
        assert CODECS["device_bits"].write(devices) == wire


@pytest.mark.parametrize("codec", ["device_bits", "message_headers"])
@pytest.mark.parametrize("wire", [-1, 16, True, 1.5, "FOR_", "FOR_LINUX", "ios", []])
def test_what_names_no_device_is_refused(codec: str, wire: Any) -> None:
    with pytest.raises(GatewayError) as raised:
        CODECS[codec].read(wire)
    assert raised.value.code is Code.BAD_VALUE
