"""`beacon demo`: three countries of invented people, and the network that asks them together."""

from __future__ import annotations

import contextlib
import hashlib
import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from multiprocessing.connection import wait
from multiprocessing.context import SpawnProcess
from pathlib import Path

import click

from beacon import __version__, databases, settings_file
from beacon.commands.options import bare_sink, err
from beacon.commands.together import Server, run_together
from beacon.framework.errors import OperatorError
from beacon.settings import Settings

_HOST = "127.0.0.1"
_PORT = 5050
_TELLS = {"record": "all of them shown", "count": "counts only", "boolean": "yes or no only"}


@click.command()
@click.option(
    "--port",
    type=click.IntRange(0, 65532),
    default=_PORT,
    show_default=True,
    help="TCP port of the network; the countries have the three after it. 0: any that are free.",
)
@click.option(
    "--folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path(".beacon/demo"),
    show_default=True,
    help="Where the demo's settings, files and database are kept. Those of an older demo there "
    "are replaced.",
)
def demo(port: int, folder: Path) -> None:
    """Make up three countries, load them, and serve them and their network."""
    from beacon.demo import BEACONS, NETWORK, write_settings

    signal.signal(signal.SIGTERM, signal.default_int_handler)
    folder = folder.absolute()
    folder.mkdir(parents=True, exist_ok=True)
    keys = (NETWORK, *(one.key for one in BEACONS))
    ports = _ports(keys, port)
    files = write_settings(folder, ports)
    with databases.database_uri(_settings(files[BEACONS[0].key])) as uri:
        _load_what_is_not(folder, files, uri)
        servers = {key: _server(key, files[key], ports[key]) for key in keys}
        network = servers.pop(NETWORK)
        run_together(
            [tuple(servers.values()), (network,)],  # so it meets all of them at once
            environment=_environment(),
            say=_say,
            on_ready=lambda: _say(_overview(files, ports)),
        )


def _environment() -> dict[str, str]:
    """Ours without what would override the settings files: the demo is as they say."""
    return {name: value for name, value in os.environ.items() if not name.startswith("BEACON_")}


def _settings(file: Path) -> Settings:
    return settings_file.load(file, {})


def _ports(keys: Sequence[str], first: int) -> dict[str, int]:
    """A free port for each key: `first` and those after it, or any.

    Raises:
        OperatorError: Another program has one of them.
    """
    from beacon.web import server

    with contextlib.ExitStack() as held:
        ports = {}
        for number, key in enumerate(keys):
            (sock,) = server.bind(_HOST, first + number if first else 0)
            ports[key] = held.enter_context(sock).getsockname()[1]
    return ports


def _server(key: str, settings: Path, port: int) -> Server:
    from beacon.demo import NETWORK

    command = ("network", "serve") if key == NETWORK else ("serve",)
    return Server(
        key,
        (sys.executable, "-m", "beacon.cli", *command, "--settings", str(settings)),
        f"http://{_HOST}:{port}/readyz",
    )


def _say(text: str) -> None:
    click.echo(text, err=True)


def _overview(files: Mapping[str, Path], ports: Mapping[str, int]) -> str:
    from beacon.demo import BEACONS, NETWORK

    rows = [("the network", NETWORK, "asks all three")]
    rows += [
        (
            one.name,
            one.key,
            f"{one.people:,} people on {one.assembly}, {_TELLS[one.datasets[0].public['*']]}",
        )
        for one in BEACONS
    ]
    lines = [
        f"  {name:12} http://{_HOST}:{ports[key]}/api   {what}   {files[key].name}"
        for name, key, what in rows
    ]
    lines.append(f"\n  Pages to look variants up with: http://{_HOST}:{ports[NETWORK]}/")
    where = f"Their settings are in {files[NETWORK].parent}. Ctrl-C ends them."
    return "\n".join(["", "Ready:", *lines, where, ""])


def _load_what_is_not(folder: Path, files: Mapping[str, Path], uri: str) -> None:
    """Load the countries that are not, at the same time, each in a process of its own.

    Raises:
        OperatorError: One could not be loaded.
    """
    from beacon.demo import BEACONS

    mark = _mark()
    missing = {}
    for one in BEACONS:
        record = _record(_settings(files[one.key]), one.key)
        if not record.exists() or record.read_text(encoding="utf-8") != mark:
            missing[one.key] = one.name
    if not missing:
        return
    began = time.monotonic()
    with err.status(f"making up and loading {', '.join(missing.values())}"):
        for key in _each_done(
            {key: (folder / "files", files[key], key, uri, mark) for key in missing}
        ):
            err.print(f"{missing[key]} is loaded, after {time.monotonic() - began:.0f} s")


def _each_done(work: Mapping[str, tuple[object, ...]]) -> Iterator[str]:
    """The keys, as their loads end well."""
    context = multiprocessing.get_context("spawn")
    loads: dict[str, SpawnProcess] = {
        key: context.Process(target=_load, args=arguments, daemon=True)
        for key, arguments in work.items()
    }
    try:
        for load in loads.values():
            load.start()
        while loads:
            ended = wait([load.sentinel for load in loads.values()])
            for key in [key for key, load in loads.items() if load.sentinel in ended]:
                load = loads.pop(key)
                load.join()
                if load.exitcode:
                    raise OperatorError(f"{key} could not be loaded; the lines above say why")
                yield key
    finally:
        for load in loads.values():
            load.terminate()
            load.join()


def _load(folder: Path, file: Path, key: str, uri: str, mark: str) -> None:
    """Write and load one country, in place of what its database holds."""
    from beacon.demo import BEACONS, write_beacon
    from beacon.load.bff import load_bff
    from beacon.load.reference import ensure_reference
    from beacon.load.vcf import load_vcf

    signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    (beacon,) = (one for one in BEACONS if one.key == key)
    settings = _settings(file)
    with databases.database_at(uri, settings) as database:
        database.client.drop_database(database.name)
        sink = bare_sink(database, settings)
        ensure_reference(sink)
        for one in write_beacon(folder, beacon):
            records = load_bff(sink, one.id, [one.bff])
            genotypes = load_vcf(sink, one.id, one.assembly, [one.vcf])
            if not (records.ok and genotypes.ok):
                sys.exit(f"{one.id} could not be loaded whole; this is a bug")
    _record(settings, key).write_text(mark, encoding="utf-8")


def _record(settings: Settings, key: str) -> Path:
    """Where it says what a country's database was loaded from; it goes when the database does."""
    return Path(settings.data_dir) / f"demo-{key}.txt"


def _mark() -> str:
    """Names what makes the demo what it is: it changes with the code that makes it up."""
    from beacon import demo as package

    sources = sorted(Path(path) for path in Path(package.__file__).parent.glob("*.py"))
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in sources))
    return f"{__version__} {digest.hexdigest()}\n"
