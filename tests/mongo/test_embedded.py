"""The embedded `mongod`: shared by whoever uses its folder, gone with the last of them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pymongo
import pytest
from pymongo.write_concern import WriteConcern

from beacon.framework.errors import OperatorError
from beacon.mongo.embedded import Change, embedded_mongod

USER = """
import sys
from pathlib import Path
from beacon.mongo.embedded import embedded_mongod
with embedded_mongod(Path(sys.argv[1])) as uri:
    print(uri, flush=True)
    sys.stdin.readline()
"""


def start_user(data_dir: Path) -> subprocess.Popen[str]:
    """Another process that is inside the context until a line is written to it."""
    user = subprocess.Popen(
        [sys.executable, "-c", USER, str(data_dir)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert user.stdout is not None
    assert user.stdout.readline().startswith("mongodb://")
    return user


def mongods(data_dir: Path) -> list[int]:
    """The ids of the mongod processes of one folder."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            arguments = (folder / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if arguments[0].endswith(b"/mongod") and str(data_dir / "mongo").encode() in arguments:
            found.append(int(folder.name))
    return found


def parent(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def wait_until(condition: Callable[[], bool], seconds: float = 10) -> bool:
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True


def test_data_outlive_the_process_and_no_port_is_open(tmp_path: Path) -> None:
    for count in (1, 2):
        with embedded_mongod(tmp_path) as uri, pymongo.MongoClient[dict[str, int]](uri) as client:
            client["test"]["things"].insert_one({"of": 1})
            options = client["admin"].command("getCmdLineOpts")["parsed"]

            assert client["test"]["things"].count_documents({}) == count
            assert options["net"]["bindIp"].endswith(".sock")
            assert (tmp_path / "run").stat().st_mode & 0o777 == 0o700

    assert mongods(tmp_path) == []


def test_second_user_joins_and_the_first_may_leave(tmp_path: Path) -> None:
    first = start_user(tmp_path)
    with embedded_mongod(tmp_path) as uri:
        running = mongods(tmp_path)
        first.communicate("leave\n", timeout=10)
        with pymongo.MongoClient[dict[str, int]](uri) as client:
            client["test"]["things"].insert_one({"of": 1})

        assert len(running) == 1
        assert mongods(tmp_path) == running

    assert wait_until(lambda: mongods(tmp_path) == [])


def test_it_stops_when_its_user_is_killed(tmp_path: Path) -> None:
    user = start_user(tmp_path)

    assert len(mongods(tmp_path)) == 1

    user.kill()
    user.communicate()

    assert wait_until(lambda: mongods(tmp_path) == [])
    assert 'exitCode":0' in (tmp_path / "mongo.log").read_text()


@pytest.mark.parametrize("victim", ["mongod", "supervisor"])
def test_it_is_started_again_at_the_same_place_when_it_dies(tmp_path: Path, victim: str) -> None:
    changes: list[Change] = []
    with (
        embedded_mongod(tmp_path, on_change=changes.append) as uri,
        pymongo.MongoClient[dict[str, int]](uri) as client,
    ):
        client["test"]["things"].with_options(write_concern=WriteConcern(j=True)).insert_one({})
        (mongod,) = mongods(tmp_path)
        os.kill(mongod if victim == "mongod" else parent(mongod), signal.SIGKILL)
        back = wait_until(lambda: changes == [Change.DIED, Change.BACK], 20)

        assert back
        assert client["test"]["things"].count_documents({}) == 1
        assert len(mongods(tmp_path)) == 1
        assert mongods(tmp_path) != [mongod]

    assert mongods(tmp_path) == []


def test_whoever_joined_starts_it_again_when_the_starter_has_left(tmp_path: Path) -> None:
    starter = start_user(tmp_path)
    changes: list[Change] = []
    with embedded_mongod(tmp_path, on_change=changes.append) as uri:
        starter.communicate("leave\n", timeout=10)
        subprocess.run(["kill", "-9", *map(str, mongods(tmp_path))], check=True)

        assert wait_until(lambda: changes == [Change.DIED, Change.BACK], 20)
        with pymongo.MongoClient[dict[str, int]](uri) as client:
            assert client["admin"].command("ping")["ok"] == 1


def test_one_that_cannot_start_is_reported_at_once(tmp_path: Path) -> None:
    (tmp_path / "mongo").mkdir()
    (tmp_path / "mongo" / "storage.bson").write_text("not from here")
    begun = time.monotonic()
    with pytest.raises(OperatorError, match="ended at once"), embedded_mongod(tmp_path):
        pass

    assert time.monotonic() - begun < 20


@pytest.mark.parametrize("length", [40, 200])
def test_the_folder_may_have_any_name(tmp_path: Path, length: int) -> None:
    folder = tmp_path / ("d" * length)
    with embedded_mongod(folder) as uri, pymongo.MongoClient[dict[str, int]](uri) as client:
        assert client["admin"].command("ping")["ok"] == 1
