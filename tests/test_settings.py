"""Settings: file, environment, and the errors that name what is wrong."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest

from beacon import schemas, settings_file
from beacon.framework.errors import SettingsError
from beacon.settings import Level, Settings

ROOT = Path(__file__).parent.parent


def write(folder: Path, text: str) -> Path:
    path = folder / "settings.toml"
    path.write_text(text)
    return path


def test_without_a_file_the_defaults_hold() -> None:
    settings = settings_file.load(None, {})

    assert settings.server.port == 5050
    assert settings.policy.datasets == {}
    assert settings.api_url == "http://127.0.0.1:5050/api"


def test_environment_overrides_the_file(tmp_path: Path) -> None:
    path = write(tmp_path, '[server]\nport = 1\nhost = "::1"\n')
    settings = settings_file.load(
        path,
        {
            "BEACON__SERVER__PORT": "2",
            "BEACON__SERVER__CORS_ORIGINS": "https://a.org, https://b.org",
            "BEACON__LOG__ACCESS": "false",
            "BEACON__POLICY__DATASETS__myData__PUBLIC__genomicVariant": "count",
            "OTHER": "x",
        },
    )

    assert settings.api_url == "http://[::1]:2/api"
    assert settings.server.cors_origins == ("https://a.org", "https://b.org")
    assert settings.log.access is False
    assert settings.policy.datasets["myData"].public == {"genomicVariant": Level.COUNT}


def test_relative_data_folder_starts_at_the_settings_file(tmp_path: Path) -> None:
    settings = settings_file.load(write(tmp_path, 'data_dir = "data"'), {})

    assert settings.data_dir == str(tmp_path / "data")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[sever]", "sever is not a setting; did you mean server"),
        ("[server]\nprot = 1", "server.prot is not a setting; did you mean server.port"),
        ("[server]\nqqqqqq = 1", "server.qqqqqq is not a setting$"),
        ('[server]\nport = "1"', "server.port: expected `int`"),
        ("[server]\nport = 70000", "server.port: .*65535"),
        ("server = 1", "server: expected"),
        ('[mongo]\nuri = "localhost"', "mongo.uri: "),
        ("[policy.datasets.a]\npubic = 1", "policy.datasets.a.pubic .*did you mean .*public"),
        ('[policy.datasets.a.public]\nindividual = "all"', "policy.datasets.*all"),
        ("port =", "settings.toml: "),
    ],
)
def test_what_is_wrong_in_a_file_is_named(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        settings_file.load(write(tmp_path, text), {})


@pytest.mark.parametrize(
    ("variable", "message"),
    [
        ("BEACON__SERVER__PROT", "did you mean BEACON__SERVER__PORT"),
        ("BEACON__SERVER__PORT__X", "is not a setting"),
        ("BEACON__SERVER", "server is a section"),
        ("BEACON__SERVER__PORT", "server.port: expected `int`"),
    ],
)
def test_what_is_wrong_in_the_environment_is_named(variable: str, message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        settings_file.load(None, {variable: "x"})


def test_missing_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="No such file"):
        settings_file.load(tmp_path / "none.toml", {})


def test_secrets_are_masked_and_not_in_errors() -> None:
    secret = "mongodb://user:hunter2@db/"
    settings = settings_file.load(None, {"BEACON__MONGO__URI": secret})
    with pytest.raises(SettingsError) as caught:
        settings_file.load(None, {"BEACON__MONGO__URI": "hunter2"})

    assert "hunter2" not in json.dumps(settings_file.masked(settings))
    assert "hunter2" not in str(caught.value)


def test_every_setting_is_explained() -> None:
    settings = settings_file.table()

    assert len({one.key for one in settings}) == len(settings) > 30
    assert all(one.help and one.type for one in settings)


def test_schema_file_is_up_to_date() -> None:
    schema = (ROOT / "schemas" / "settings.json").read_text()

    assert schema == settings_file.json_schema_text(), "renew: beacon settings --schema"


def test_example_is_valid() -> None:
    settings = settings_file.load(ROOT / "deploy" / "example-settings.toml", {})
    document = msgspec.json.decode(msgspec.json.encode(settings_file.masked(settings)))
    validator = schemas.validator("settings.json")

    assert settings.server.base_url == "https://beacon.example.org/api"
    assert settings != Settings()
    assert list(validator.iter_errors(document)) == []
