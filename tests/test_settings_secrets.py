"""Secrets of the settings are shown nowhere, wherever in the settings they are."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Annotated, Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Meta, inspect

from beacon import settings_file
from beacon.settings import Settings
from beacon.settings.values import Section

SECRET = "hunter2"
OPEN = "in the open"
_MARK = Meta(extra={"secret": True})
_SOUNDS_SECRET = re.compile(r"(secret|password|passphrase|token|credential|uri|(^|_)key)$")


class Inner(Section, frozen=True, kw_only=True):
    """Something with a secret in it."""

    name: str = ""
    password: Annotated[str, _MARK] = ""
    words: Annotated[tuple[str, ...], _MARK] = ()
    by_name: Annotated[dict[str, str], _MARK] = msgspec.field(default_factory=dict)
    each: tuple[Annotated[str, _MARK], ...] = ()
    maybe: Annotated[str, _MARK] | None = None


class Outer(Section, frozen=True, kw_only=True):
    """Something that holds such things in all ways that settings do."""

    one: Inner = Inner()
    many: dict[str, Inner] = msgspec.field(default_factory=dict)
    nested: dict[str, dict[str, Inner]] = msgspec.field(default_factory=dict)
    listed: tuple[Inner, ...] = ()
    either: dict[str, str | Inner] = msgspec.field(default_factory=dict)
    whole: Annotated[Inner, _MARK] = Inner()


secrets = st.just(SECRET) | st.just("")
names = st.text(max_size=5)
inners = st.builds(
    Inner,
    name=st.just(OPEN),
    password=secrets,
    words=st.lists(secrets, max_size=3).map(tuple),
    by_name=st.dictionaries(names, secrets, max_size=3),
    each=st.lists(secrets, max_size=3).map(tuple),
    maybe=secrets | st.none(),
)
outers = st.builds(
    Outer,
    one=inners,
    many=st.dictionaries(names, inners, max_size=3),
    nested=st.dictionaries(names, st.dictionaries(names, inners, max_size=2), max_size=2),
    listed=st.lists(inners, max_size=2).map(tuple),
    either=st.dictionaries(names, inners | st.just(OPEN), max_size=3),
    whole=inners,
)


@given(outers)
def test_no_secret_is_shown_and_nothing_else_is_hidden(section: Outer) -> None:
    shown = settings_file.masked(section)
    text = json.dumps(shown)

    assert SECRET not in text
    assert shown["one"]["name"] == OPEN
    assert all(one["name"] == OPEN for one in shown["many"].values())
    assert set(shown["nested"]) == set(section.nested)
    assert all(one == OPEN or one["name"] == OPEN for one in shown["either"].values())
    for one, given_one in zip(shown["listed"], section.listed, strict=True):
        assert bool(one["password"]) == bool(given_one.password)


def documents(kind: inspect.Type, secret: str, *, is_secret: bool = False) -> Any:
    """A value of a type in which every text that is a secret is this one."""
    if isinstance(kind, inspect.Metadata):
        return documents(
            kind.type, secret, is_secret=is_secret or bool((kind.extra or {}).get("secret"))
        )
    match kind:
        case inspect.StructType():
            return {
                one.encode_name: documents(one.type, secret, is_secret=is_secret)
                for one in kind.fields
            }
        case inspect.DictType():
            keys = ["a", "b.c"]
            if isinstance(kind.key_type, inspect.EnumType):
                keys = [one.value for one in kind.key_type.cls]
            return {key: documents(kind.value_type, secret, is_secret=is_secret) for key in keys}
        case inspect.VarTupleType():
            return [documents(kind.item_type, secret, is_secret=is_secret)] * 2
        case inspect.UnionType():
            return documents(kind.types[0], secret, is_secret=is_secret)
        case inspect.StrType():
            return secret if is_secret else OPEN
        case inspect.EnumType():
            return next(iter(kind.cls)).value
        case inspect.BoolType():
            return True
        case _:
            return 1


def without_patterns(kind: inspect.Type, value: Any) -> Any:
    """The settings with these values, whatever their texts should look like."""
    while isinstance(kind, inspect.Metadata):
        kind = kind.type
    match kind, value:
        case inspect.StructType(), dict():
            fields = {
                one.name: without_patterns(one.type, value[one.encode_name]) for one in kind.fields
            }
            return kind.cls(**fields)
        case inspect.DictType(), dict():
            return {key: without_patterns(kind.value_type, one) for key, one in value.items()}
        case inspect.VarTupleType(), list():
            return tuple(without_patterns(kind.item_type, one) for one in value)
        case inspect.UnionType(), _:
            return without_patterns(kind.types[0], value)
    return value


def test_no_secret_of_any_setting_is_shown() -> None:
    root = inspect.type_info(Settings)
    document = documents(root, SECRET)
    shown = json.dumps(settings_file.masked(without_patterns(root, document)))
    secret = [one.key for one in settings_file.table() if one.is_secret]

    assert json.dumps(document).count(SECRET) >= len(secret) >= 1
    assert SECRET not in shown
    assert shown.count("***") == json.dumps(document).count(SECRET)
    assert OPEN in shown


def settings_that_sound_secret() -> Iterator[settings_file.Setting]:
    for setting in settings_file.table():
        if setting.type == "string" and _SOUNDS_SECRET.search(setting.key.rpartition(".")[2]):
            yield setting


@pytest.mark.parametrize("setting", [*settings_that_sound_secret()], ids=lambda one: one.key)
def test_what_sounds_secret_is_marked_so_or_names_a_file(setting: settings_file.Setting) -> None:
    assert setting.is_secret or "file" in setting.help.lower() or "PEM" in setting.help, (
        f"{setting.key}: mark it, or say that it names a file"
    )
