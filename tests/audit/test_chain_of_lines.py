"""The trail is a chain: it goes on from process to process, and shows whatever was done to it."""

from __future__ import annotations

import shutil
from datetime import timedelta
from pathlib import Path

import pytest
from audited import DAY, KEY, NOON, Clock, checked, day_of, lines, written_by
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from beacon.audit.trail import Trail
from beacon.audit.verifying import verify
from beacon.framework.errors import SettingsError


def test_a_trail_that_nobody_touched_is_as_it_was_written(tmp_path: Path) -> None:
    written_by(tmp_path, 5)
    found = checked(tmp_path)

    assert found.broken is None
    assert (found.files, found.lines, found.end.n) == (1, 6, 6)


def test_files_are_for_nobody_else(tmp_path: Path) -> None:
    folder = tmp_path / "audit"
    written_by(folder, 1)

    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}
    assert folder.stat().st_mode & 0o777 == 0o700


def test_processes_and_days_are_one_chain(tmp_path: Path) -> None:
    clock = Clock()
    for _ in range(3):
        written_by(tmp_path, 2, clock)
        written_by(tmp_path, 1, clock)
        clock.now += DAY
    found = checked(tmp_path)

    assert found.broken is None
    assert (found.files, found.lines) == (3, 15)
    assert [one["before"] for one in lines(tmp_path, "opened")[1:]] == [
        *("2026-11-23.0.jsonl", "2026-11-23.0.jsonl"),
        *("2026-11-24.0.jsonl", "2026-11-24.0.jsonl"),
        "2026-11-25.0.jsonl",
    ]


def test_a_process_goes_on_in_the_file_of_the_next_day(tmp_path: Path) -> None:
    clock = Clock()
    trail = Trail.open(tmp_path, KEY, clock=clock)
    trail.append(b'{"word":"a"}', day_of(clock))
    clock.now += DAY
    trail.append(b'{"word":"b"}', day_of(clock))
    trail.append(b'{"word":"c"}', day_of())  # the clock was set back
    trail.close()

    assert checked(tmp_path).broken is None
    assert [path.name for path in sorted(tmp_path.glob("*.jsonl"))] == [
        "2026-11-23.0.jsonl",
        "2026-11-24.0.jsonl",
    ]


def test_processes_at_the_same_time_have_a_chain_each(tmp_path: Path) -> None:
    trails = [Trail.open(tmp_path, KEY) for _ in range(3)]
    for number in range(30):
        trails[number % 3].append(b'{"word":"a"}', day_of())
    for one in trails:
        one.close()
    again = Trail.open(tmp_path, KEY)
    chain = again.chain
    again.close()

    assert [one.chain for one in trails] == [0, 1, 2]
    assert chain == 0
    assert all(one.broken is None for one in verify(tmp_path, KEY))


@pytest.fixture
def whole(tmp_path: Path) -> Path:
    """A chain of two days."""
    folder = tmp_path / "audit"
    clock = Clock()
    for _ in range(2):
        written_by(folder, 6, clock)
        clock.now += DAY
    return folder


@pytest.mark.parametrize(
    ("change", "line", "what"),
    [
        (lambda rows: [*rows[:3], rows[3].replace(b'"2"', b'"9"'), *rows[4:]], 4, "changed"),
        (lambda rows: [*rows[:3], *rows[4:]], 4, "removed"),
        (lambda rows: [*rows[:3], b'{"kind":"access"}\n', *rows[3:]], 4, "inserted"),
        (lambda rows: [*rows[:4], rows[1], *rows[4:]], 5, "inserted"),
        (lambda rows: [*rows[:3], rows[4], rows[3], *rows[5:]], 4, "reordered"),
        (lambda rows: rows[1:], 1, "removed"),
    ],
)
def test_what_was_done_is_named_and_where(whole: Path, change, line: int, what: str) -> None:
    path = whole / "2026-11-23.0.jsonl"
    path.write_bytes(b"".join(change(path.read_bytes().splitlines(keepends=True))))
    broken = checked(whole).broken

    assert broken is not None
    assert (broken.file, broken.line, broken.what) == (path.name, line, what)


def test_lines_that_were_cut_off_at_the_end_are_missed(whole: Path) -> None:
    path = whole / "2026-11-24.0.jsonl"
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:-2]))
    broken = checked(whole).broken

    assert broken is not None
    assert (broken.file, broken.line, broken.what) == (path.name, 5, "truncated")


def test_going_on_after_a_cut_hides_nothing(whole: Path) -> None:
    path = whole / "2026-11-24.0.jsonl"
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:-2]))
    written_by(whole, 3, Clock(NOON + DAY))
    broken = checked(whole).broken

    assert broken is not None
    assert (broken.file, broken.line, broken.what) == (path.name, 6, "removed")


def test_files_that_are_gone_are_missed(whole: Path) -> None:
    (whole / "2026-11-23.0.jsonl").unlink()
    first = checked(whole).broken
    (whole / "2026-11-24.0.jsonl").unlink()
    both = checked(whole).broken

    assert first is not None
    assert (first.file, first.line, first.what) == ("2026-11-24.0.jsonl", 1, "removed")
    assert both is not None
    assert both.what == "truncated"


def test_files_under_each_others_names_are_found(whole: Path) -> None:
    one, other = (whole / f"2026-11-2{day}.0.jsonl" for day in (3, 4))
    one.rename(whole / "x")
    other.rename(one)
    (whole / "x").rename(other)
    broken = checked(whole).broken

    assert broken is not None
    assert broken.what == "reordered"


def test_an_older_state_of_everything_is_found_by_what_was_noted(tmp_path: Path) -> None:
    folder, copy = tmp_path / "audit", tmp_path / "copy"
    written_by(folder, 3)
    shutil.copytree(folder, copy)
    written_by(folder, 3)
    noted = checked(folder).end
    shutil.rmtree(folder)
    copy.rename(folder)

    assert checked(folder).broken is None
    assert (broken := checked(folder, {0: noted}).broken) is not None
    assert broken.what == "truncated"

    written_by(folder, 6, Clock(NOON + timedelta(hours=1)))

    assert (broken := checked(folder, {0: noted}).broken) is not None
    assert broken.what == "forked"


def test_nobody_without_the_key_writes_a_line(tmp_path: Path) -> None:
    written_by(tmp_path, 3)
    other = Trail.open(tmp_path, b"x" * 32, clock=Clock())
    other.append(b'{"word":"a"}', day_of())
    other.close()
    broken = checked(tmp_path).broken

    assert broken is not None
    assert broken.line == 5


@given(data=st.data())
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_whatever_is_done_to_the_files_is_found(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("audit")
    clock = Clock()
    for _ in range(data.draw(st.integers(1, 3))):
        written_by(folder, data.draw(st.integers(1, 5)), clock)
        clock.now += data.draw(st.sampled_from((timedelta(), DAY)))
    paths = sorted(folder.glob("*.jsonl"))
    path = data.draw(st.sampled_from(paths))
    before = path.read_bytes()
    after = data.draw(manipulated(before))
    path.write_bytes(after)
    broken = checked(folder).broken

    assert (broken is not None) == (after != before)


@st.composite
def manipulated(draw: st.DrawFn, text: bytes) -> bytes:
    """Bytes or lines of a file changed, taken away, put in, or in another order."""
    rows = text.splitlines(keepends=True)
    at, other = (draw(st.integers(0, len(rows) - 1)) for _ in range(2))
    byte = draw(st.integers(0, len(text) - 1))
    match draw(st.sampled_from(("byte", "cut", "drop", "move", "copy", "foreign", "join"))):
        case "byte":
            return text[:byte] + bytes((draw(st.integers(0, 255)),)) + text[byte + 1 :]
        case "cut":
            return text[:byte]
        case "drop":
            del rows[min(at, other) : max(at, other) + 1]
        case "move":
            rows.insert(other, rows.pop(at))
        case "copy":
            rows.insert(other, rows[at])
        case "foreign":
            rows.insert(other, draw(st.binary(max_size=20)).replace(b"\n", b"") + b"\n")
        case "join":
            rows[at] = rows[at].removesuffix(b"\n")
    return b"".join(rows)


def test_a_torn_line_is_kept_aside_and_the_chain_goes_on(tmp_path: Path) -> None:
    written_by(tmp_path, 3)
    path = tmp_path / "2026-11-23.0.jsonl"
    with path.open("ab") as file:
        file.write(b'{"n":5,"previous":"12')
    while_torn = checked(tmp_path)
    written_by(tmp_path, 2)
    found = checked(tmp_path)

    assert while_torn.broken is None
    assert found.broken is None
    assert (found.lines, found.torn) == (7, 1)
    assert (tmp_path / "2026-11-23.0.torn").read_bytes() == b'{"n":5,"previous":"12\n'
    assert lines(tmp_path, "opened")[1]["torn"] == 21


def test_a_file_that_was_only_begun_is_gone_on_with(tmp_path: Path) -> None:
    written_by(tmp_path, 1)
    (tmp_path / "2026-11-24.0.jsonl").touch()
    written_by(tmp_path, 1, Clock(NOON + DAY))

    assert checked(tmp_path).broken is None


def test_old_files_are_deleted_and_the_trail_says_so(tmp_path: Path) -> None:
    clock = Clock()
    for _ in range(5):
        written_by(tmp_path, 2, clock, keep_days=2)
        clock.now += DAY
    found = checked(tmp_path)

    assert [path.name[:10] for path in sorted(tmp_path.glob("*.jsonl"))] == [
        *("2026-11-25", "2026-11-26", "2026-11-27")
    ]
    assert found.broken is None
    assert found.first > 1

    (tmp_path / "2026-11-25.0.jsonl").unlink()  # not old enough

    assert checked(tmp_path).broken is not None


def test_a_chain_that_nobody_goes_on_with_is_deleted_too(tmp_path: Path) -> None:
    clock = Clock()
    trails = [Trail.open(tmp_path, KEY, clock=clock) for _ in range(2)]
    for one in trails:
        one.append(b'{"word":"a"}', day_of(clock))
        one.close()
    clock.now += 5 * DAY
    written_by(tmp_path, 1, clock, keep_days=2)
    clock.now += DAY
    trails = [Trail.open(tmp_path, KEY, clock=clock, keep_days=2) for _ in range(2)]
    for one in trails:
        one.close()

    assert [path.name for path in sorted(tmp_path.glob("*.jsonl"))] == [
        *("2026-11-28.0.jsonl", "2026-11-29.0.jsonl", "2026-11-29.1.jsonl")
    ]
    assert [one.broken for one in verify(tmp_path, KEY)] == [None, None]


def test_a_folder_that_cannot_be_made_stops_the_start(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(SettingsError, match=r"audit\.folder"):
        Trail.open(tmp_path / "file" / "audit", KEY)


def open_files() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def test_no_file_stays_open(tmp_path: Path) -> None:
    before = open_files()
    clock = Clock()
    trail = Trail.open(tmp_path, KEY, clock=clock)
    for _ in range(3):
        clock.now += DAY
        trail.append(b'{"word":"a"}', day_of(clock))
    trail.close()

    assert open_files() == before
