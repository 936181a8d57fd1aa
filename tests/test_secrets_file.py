"""The file of the secret is made once for all processes, and is open to nobody else."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from beacon.framework.errors import SettingsError
from beacon.secrets_file import Keys

PROCESSES = 4
WAIT_AND_READ = """
import sys
from pathlib import Path
from beacon.secrets_file import Keys

print("ready", flush=True)
sys.stdin.readline()
print(Keys.of_file(Path(sys.argv[1])).derive("x").hex())
"""


def written(path: Path, secret: bytes, mode: int) -> Path:
    path.write_bytes(secret)
    path.chmod(mode)
    return path


def test_the_same_file_gives_the_same_keys(tmp_path: Path) -> None:
    made = Keys.of_file(tmp_path / "secret")
    again = Keys.of_file(tmp_path / "secret")
    other = Keys.of_file(tmp_path / "other")

    assert made.derive("x") == again.derive("x") != other.derive("x")
    assert made.derive("x") != made.derive("y")
    assert len(made.derive("x")) == 32


def test_one_secret_in_two_files_gives_the_same_keys(tmp_path: Path) -> None:
    one = Keys.of_file(written(tmp_path / "one", b"s" * 64, 0o600))
    two = Keys.of_file(written(tmp_path / "two", b"s" * 64, 0o440))

    assert one.derive("x") == two.derive("x")


def test_what_is_made_is_for_its_owner_alone(tmp_path: Path) -> None:
    Keys.of_file(tmp_path / "secret")

    assert (tmp_path / "secret").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "secret").stat().st_size == 32
    assert [one.name for one in tmp_path.iterdir()] == ["secret"]


def test_a_missing_folder_is_made(tmp_path: Path) -> None:
    made = Keys.of_file(tmp_path / "not/yet/secret")

    assert Keys.of_file(tmp_path / "not/yet/secret").derive("x") == made.derive("x")


def test_processes_that_start_at_once_get_one_secret(tmp_path: Path) -> None:
    command = [sys.executable, "-c", WAIT_AND_READ, str(tmp_path / "secret")]
    processes = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(PROCESSES)
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    said = [process.communicate(timeout=30)[0] for process in processes]

    assert [process.returncode for process in processes] == [0] * PROCESSES
    assert {*said} == {Keys.of_file(tmp_path / "secret").derive("x").hex() + "\n"}
    assert [one.name for one in tmp_path.iterdir()] == ["secret"]


@pytest.mark.parametrize("mode", [0o400, 0o440, 0o600, 0o640], ids=oct)
def test_the_owner_may_write_and_the_group_may_read(tmp_path: Path, mode: int) -> None:
    path = written(tmp_path / "secret", b"s" * 32, mode)

    assert Keys.of_file(path).derive("x")


@pytest.mark.parametrize("mode", [0o604, 0o602, 0o601, 0o620, 0o660, 0o644, 0o777], ids=oct)
def test_a_file_that_is_open_to_others_is_refused(tmp_path: Path, mode: int) -> None:
    path = written(tmp_path / "secret", b"s" * 32, mode)

    with pytest.raises(SettingsError, match=r"by others: chmod g-w,o= /.*/secret$"):
        Keys.of_file(path)


def test_what_the_message_says_helps(tmp_path: Path) -> None:
    path = written(tmp_path / "secret", b"s" * 32, 0o666)
    with pytest.raises(SettingsError) as refused:
        Keys.of_file(path)
    command = str(refused.value).partition("by others: ")[2]
    subprocess.run(command.split(), check=True, timeout=10)

    assert path.stat().st_mode & 0o777 == 0o640
    assert Keys.of_file(path).derive("x")


@pytest.mark.parametrize("length", [0, 31])
def test_a_secret_that_is_too_short_is_refused(tmp_path: Path, length: int) -> None:
    path = written(tmp_path / "secret", b"s" * length, 0o600)

    with pytest.raises(SettingsError, match="at least 32 bytes"):
        Keys.of_file(path)


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"privacy\.secret_file .*: Is a directory"):
        Keys.of_file(tmp_path)


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(SettingsError, match=r"privacy\.secret_file .*: Not a directory"):
        Keys.of_file(tmp_path / "file/secret")


def test_repr_hides_the_secret(tmp_path: Path) -> None:
    keys = Keys.of_file(written(tmp_path / "secret", b"s" * 32, 0o600))

    assert repr(keys) == str(keys) == "Keys(***)"
