"""Reads the settings from a TOML file and the environment, and describes them for people.

Values come from the defaults, then the file, then the environment, where `[server] port` is
`BEACON__SERVER__PORT`. A key that is not declared refuses to start.
"""

from __future__ import annotations

import difflib
import json
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec
from msgspec import inspect

from beacon.framework.errors import SettingsError
from beacon.settings import Settings

ENVIRONMENT_PREFIX = "BEACON__"

_MONGO = ("mongodb://", "mongodb+srv://")
_STARS = "***"


class Setting(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the reference: a key, what it holds and what it means."""

    key: str
    type: str
    default: Any
    help: str
    is_secret: bool = False

    @property
    def variable(self) -> str:
        """The environment variable that sets it."""
        name = ENVIRONMENT_PREFIX + self.key.replace(".", "__").upper()
        return name.replace('"<ID>"', "<id>")


def load(path: Path | None, environment: Mapping[str, str]) -> Settings:
    """Read the effective settings.

    Args:
        path: A TOML file, or none.
        environment: Usually `os.environ`. Lists are separated by commas.

    Raises:
        SettingsError: Something is unknown or wrong, or a file that is named cannot be read; the
            message names the key, and never quotes what is secret.
    """
    document = {} if path is None else _read(path)
    _check_keys(_ROOT, document, "")
    settings = _convert(document, strict=True)
    given = [name for name in sorted(environment) if name.startswith(ENVIRONMENT_PREFIX)]
    if given:
        for variable in given:
            _set(document, variable, environment[variable])
        settings = _convert(document, strict=False)  # "5050" in the environment is a number
    folder = Path() if path is None else path.parent
    values = _absolute(_ROOT, msgspec.to_builtins(settings), folder, is_path=False)
    return _with_uri_of_file(_convert(values, strict=True))


def _absolute(kind: inspect.Type, value: Any, folder: Path, *, is_path: bool) -> Any:
    """Plain values in which relative paths start at a folder."""
    is_path = is_path or _says(kind, "path")
    match _bare(kind), value:
        case inspect.StructType() as section, dict():
            kinds = {one.encode_name: one.type for one in section.fields}
            return {
                key: _absolute(kinds[key], one, folder, is_path=False) for key, one in value.items()
            }
        case inspect.DictType(value_type=inner), dict():
            return {
                key: _absolute(inner, one, folder, is_path=is_path) for key, one in value.items()
            }
        case _, str() if is_path and value:
            return str((folder / Path(value).expanduser()).absolute())
        case _:
            return value


def _with_uri_of_file(settings: Settings) -> Settings:
    """The settings with what `mongo.uri_file` holds as `mongo.uri`."""
    mongo = settings.mongo
    if not mongo.uri_file:
        return settings
    if mongo.uri:
        raise SettingsError("mongo.uri_file: mongo.uri is given as well; one of them is enough")
    try:
        uri = Path(mongo.uri_file).read_text(encoding="utf-8").strip()
    except OSError as error:
        raise SettingsError(f"mongo.uri_file: {mongo.uri_file}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise SettingsError(f"mongo.uri_file: {mongo.uri_file} is not text") from error
    if not uri.startswith(_MONGO) or len(uri.split()) != 1:
        # The content is secret.
        raise SettingsError(
            f"mongo.uri_file: {mongo.uri_file} does not hold one MongoDB connection string"
        )
    return msgspec.structs.replace(settings, mongo=msgspec.structs.replace(mongo, uri=uri))


def table() -> tuple[Setting, ...]:
    """Every setting, in the order of declaration: what the reference page shows."""
    return tuple(_settings_of(_ROOT, ""))


def masked(settings: msgspec.Struct) -> dict[str, Any]:
    """The settings as plain values, for people to read: secrets are starred out.

    Args:
        settings: All of them, or a section.
    """
    kind = inspect.type_info(type(settings))
    document: dict[str, Any] = _masked(kind, msgspec.to_builtins(settings), is_secret=False)
    return document


def _masked(kind: inspect.Type, value: Any, *, is_secret: bool) -> Any:
    is_secret = is_secret or _says(kind, "secret")
    match _bare(kind), value:
        case inspect.StructType() as section, dict():
            kinds = {one.encode_name: one.type for one in section.fields}
            return {
                key: _masked(kinds[key], one, is_secret=is_secret) if key in kinds else one
                for key, one in value.items()
            }
        case inspect.DictType(value_type=inner), dict():
            return {key: _masked(inner, one, is_secret=is_secret) for key, one in value.items()}
        case inspect.VarTupleType(item_type=inner), list() | tuple():
            return [_masked(inner, one, is_secret=is_secret) for one in value]
        case inspect.UnionType(types=kinds), dict() | list() | tuple():
            # Which of them it is need not be known: starred is what any of them would star.
            shown = value
            for one in kinds:
                if isinstance(_bare(one), _CONTAINERS[type(value)]):
                    shown = _masked(one, shown, is_secret=is_secret)
            return shown
        case inspect.UnionType(types=kinds), _ if any(_says(one, "secret") for one in kinds):
            is_secret = True
    return _STARS if is_secret and value else value


_CONTAINERS: Mapping[type, tuple[type, ...]] = {
    dict: (inspect.StructType, inspect.DictType),
    list: (inspect.VarTupleType,),
    tuple: (inspect.VarTupleType,),
}


def _says(kind: inspect.Type, mark: str) -> bool:
    """Whether a setting is marked so where it is declared."""
    return isinstance(kind, inspect.Metadata) and bool((kind.extra or {}).get(mark))


def json_schema() -> dict[str, Any]:
    """The JSON Schema of the settings file, for editors and checks."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Settings of a beacon",
        **msgspec.json.schema(Settings),
    }


def json_schema_text() -> str:
    """What `schemas/settings.json` holds."""
    return json.dumps(json_schema(), indent=2) + "\n"


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsError(f"{path}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path}: {error}") from error


def _convert(document: dict[str, Any], *, strict: bool) -> Settings:
    try:
        return msgspec.convert(document, Settings, strict=strict)
    except msgspec.ValidationError as error:
        problem, _, where = str(error).partition(" - at `")
        # A key of a table is named as "key` in `$.table".
        key = where.removesuffix("`").removeprefix("key` in `").removeprefix("$.") or "settings"
        raise SettingsError(f"{key}: {problem[0].lower()}{problem[1:]}") from error


def _check_keys(section: inspect.StructType, document: Mapping[str, Any], prefix: str) -> None:
    """Name the nearest key there is: the conversion would only say that one is unknown."""
    fields = _fields(section)
    for key, value in document.items():
        if key not in fields:
            raise SettingsError(_unknown(prefix, key, fields))
        _check_value(fields[key], value, prefix + key)


def _check_value(kind: inspect.Type, value: Any, key: str) -> None:
    """Check the keys of whatever tables a value is made of."""
    match kind:
        case inspect.StructType() if isinstance(value, dict):
            _check_keys(kind, value, f"{key}.")
        case inspect.DictType(value_type=inner) if isinstance(value, dict):
            for name, one in value.items():
                _check_value(_bare(inner), one, f"{key}.{name}")
        case inspect.VarTupleType(item_type=inner) if isinstance(value, list):
            for number, one in enumerate(value):
                _check_value(_bare(inner), one, f"{key}[{number}]")
        case inspect.UnionType(types=kinds):
            for one in kinds:
                _check_value(one, value, key)


def _set(document: dict[str, Any], variable: str, value: str) -> None:
    """Put one environment variable in its place: declared names in any case, others verbatim."""
    kind: inspect.Type = _ROOT
    place: Any = document
    *parents, last = _keys(variable)
    for key, kind in parents:
        place = place.setdefault(key, {})
        if not isinstance(place, dict) or not isinstance(
            kind, inspect.StructType | inspect.DictType
        ):
            raise SettingsError(f"{variable}: {key} is a single value, not a section")
    key, kind = last
    if isinstance(kind, inspect.StructType | inspect.DictType):
        raise SettingsError(f"{variable}: {key} is a section, not a single value")
    is_list = isinstance(kind, inspect.VarTupleType)
    place[key] = [one.strip() for one in value.split(",") if one.strip()] if is_list else value


def _keys(variable: str) -> Iterator[tuple[str, inspect.Type]]:
    """The keys that a variable names, from the outside in, with what each of them holds."""
    kind: inspect.Type = _ROOT
    for part in variable.removeprefix(ENVIRONMENT_PREFIX).split("__"):
        match kind:
            case inspect.StructType():
                key, fields = part.lower(), _fields(kind)
                if key not in fields:
                    raise SettingsError(_unknown_variable(variable))
                kind = fields[key]
            case inspect.DictType():  # its keys are data, such as a dataset id
                key, kind = part, kind.value_type
            case _:
                raise SettingsError(_unknown_variable(variable))
        yield key, kind


def _settings_of(section: inspect.StructType, prefix: str) -> Iterator[Setting]:
    for one in section.fields:
        key = prefix + one.name
        match _bare(one.type):
            case inspect.StructType() as inner:
                yield from _settings_of(inner, f"{key}.")
            case inspect.DictType(value_type=inspect.StructType() as inner):
                yield from _settings_of(inner, f'{key}."<id>".')
            case bare:
                metadata = one.type if isinstance(one.type, inspect.Metadata) else None
                schema = (metadata and metadata.extra_json_schema) or {}
                no_default = one.default is msgspec.NODEFAULT
                yield Setting(
                    key=key,
                    type=_type_name(bare),
                    default={} if no_default else msgspec.to_builtins(one.default),
                    help=schema.get("description", ""),
                    is_secret=_says(one.type, "secret"),
                )


def _type_name(kind: inspect.Type) -> str:
    match kind:
        case inspect.EnumType():
            return " | ".join(f'"{member.value}"' for member in kind.cls)
        case inspect.VarTupleType():
            return f"list of {_type_name(kind.item_type)}"
        case inspect.DictType():
            return f"table of {_type_name(kind.value_type)}"
        case inspect.UnionType():
            return " | ".join(_type_name(one) for one in kind.types)
        case inspect.StructType():
            return "table"
        case inspect.StrType():
            return "string"
        case inspect.BoolType():
            return "true | false"
        case inspect.IntType():
            return "integer"
        case _:
            return "number"


def _fields(section: inspect.StructType) -> dict[str, inspect.Type]:
    return {one.name: _bare(one.type) for one in section.fields}


def _bare(kind: inspect.Type) -> inspect.Type:
    return kind.type if isinstance(kind, inspect.Metadata) else kind


def _unknown_variable(variable: str) -> str:
    known = [one.variable.removeprefix(ENVIRONMENT_PREFIX) for one in table()]
    return _unknown(ENVIRONMENT_PREFIX, variable.removeprefix(ENVIRONMENT_PREFIX), known)


def _unknown(prefix: str, name: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    meant = f"; did you mean {prefix}{near[0]}?" if near else ""
    return f"{prefix}{name} is not a setting{meant}"


def _root() -> inspect.StructType:
    kind = inspect.type_info(Settings)
    if not isinstance(kind, inspect.StructType):
        raise TypeError("Settings is a Struct")
    return kind


_ROOT = _root()
