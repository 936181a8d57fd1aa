"""Beacons of ours with a country's share of one cohort each, in a process of their own.

`python -m tests.network.real_beacons URI FOLDER` loads the VCF files of a folder and serves each.
"""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import json
import random
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import cyvcf2
import numpy as np
import pymongo
from aiohttp import web

from beacon import composition, logs, network_composition
from beacon.framework.errors import OperatorError
from beacon.load.vcf import load_vcf
from beacon.mongo.sink import MongoSink
from beacon.settings import (
    CountSettings,
    DatasetPolicy,
    IdentitySettings,
    Level,
    LimitSettings,
    LogSettings,
    MemberSettings,
    MongoSettings,
    NetworkSettings,
    PolicySettings,
    Reporting,
    ServerSettings,
    Settings,
)
from beacon.web import connections, server

ROOT = Path(__file__).parents[2]
REAL = ROOT.parent / "shared/data/vcf-genotypes/1kg_pgx_genes_3202samples.GRCh38.vcf.gz"
RECORDS = 400
"""Records of the file that are taken, from its start: rare alleles and common ones."""

ASSEMBLY = "GRCh38"

_LEVELS = (Level.RECORD, Level.COUNT, Level.BOOLEAN)
_CODES = (
    *("AT", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GR", "HR", "HU"),
    *("IE", "IT", "LT", "LU", "LV", "MT", "NL", "NO", "PL", "PT", "RO", "SE", "SI"),
)


@dataclass(frozen=True, slots=True)
class Country:
    """One member: its place among the others decides what the public may learn."""

    place: int
    code: str

    @property
    def level(self) -> Level:
        """The most that it tells of anything."""
        return _LEVELS[self.place % len(_LEVELS)]

    @property
    def dataset_id(self) -> str:
        return f"{self.code.lower()}-genomes"

    @property
    def beacon_id(self) -> str:
        return f"{self.code.lower()}.example.beacon"


COUNTRIES = tuple(Country(place, code) for place, code in enumerate(_CODES))


@dataclass(frozen=True, slots=True)
class Seen:
    """An allele as the whole cohort's file has it.

    `carriers` are their names, `copies` of the allele they have together, and `called` the alleles
    that are known there, each by place of country.
    """

    chromosome: str
    pos: int
    ref: str
    alt: str
    carriers: tuple[frozenset[str], ...]
    copies: tuple[int, ...]
    called: tuple[int, ...]

    @property
    def parameters(self) -> dict[str, Any]:
        """What to ask for it with."""
        return {
            "assemblyId": ASSEMBLY,
            "referenceName": self.chromosome,
            "start": self.pos - 1,
            "referenceBases": self.ref,
            "alternateBases": self.alt,
        }

    @property
    def total(self) -> int:
        """How many people carry it in all countries."""
        return sum(map(len, self.carriers))


@dataclass(frozen=True, slots=True)
class Running:
    """Beacons that are running: `urls` by code of country, and what is true of them all."""

    urls: Mapping[str, str]
    truth: Sequence[Seen]
    people: Mapping[str, int]
    pid: int

    def members(self, *codes: str) -> dict[str, MemberSettings]:
        """How a network is told of some of them, or of all."""
        return {
            one.beacon_id: MemberSettings(
                name=f"Beacon {one.code}",
                country=one.code,
                url=self.urls[one.code],
                allow_private=True,
                people=self.people[one.code],
                disjoint=True,
                counts=CountSettings(
                    reporting=Reporting.BOOLEAN if one.level is Level.BOOLEAN else Reporting.EXACT
                ),
            )
            for one in COUNTRIES
            if one.code in (codes or self.urls)
        }


@contextlib.contextmanager
def running(uri: str, folder: Path, countries: Sequence[Country] = COUNTRIES) -> Iterator[Running]:
    """Load and serve a cohort, split by countries; real people where their file is to be had.

    Args:
        uri: A database server; a database for each country is made, and dropped at the end.
        folder: Empty; the files go there.
    """
    cohort = folder / "cohort.vcf"
    if REAL.is_file():
        take(REAL, cohort)
    else:
        invent(cohort)
    files = folder / "countries"
    files.mkdir()
    people = split(cohort, files, countries)
    with (
        (folder / "log").open("wb") as log,
        subprocess.Popen(
            [sys.executable, "-m", "tests.network.real_beacons", uri, str(files)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
        ) as process,
    ):
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            urls = json.loads(process.stdout.readline() or "{}")
            assert len(urls) == len(countries), (folder / "log").read_text()
            yield Running(urls, truth(cohort, countries), people, process.pid)
        finally:
            process.stdin.close()
            process.wait(timeout=120)
            with pymongo.MongoClient[dict[str, Any]](uri) as client:
                for one in countries:
                    client.drop_database(_database(one))


def take(source: Path, path: Path) -> None:
    """Write the first records of a VCF, without what it says of them for all its samples."""
    records = 0
    with gzip.open(source) as lines, path.open("wb") as file:
        for line in lines:
            if not line.startswith(b"#"):
                columns = line.split(b"\t")
                line = b"\t".join([*columns[:7], b".", *columns[8:]])
                records += 1
            file.write(line)
            if records == RECORDS:
                return


def invent(path: Path, people: int = 540, seed: int = 7) -> None:
    """Write a cohort of nobody: most of its alleles are rare."""
    random = np.random.default_rng(seed)
    calls = np.array(["0|0", "0|1", "1|0", "1|1"])
    names = "\t".join(f"P{number:04}" for number in range(people))
    with path.open("w") as file:
        file.write("##fileformat=VCFv4.2\n##contig=<ID=17,length=83257441>\n")
        file.write('##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">\n')
        file.write(f"#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\t{names}\n")
        for number in range(RECORDS):
            frequency = float(np.exp(random.uniform(np.log(1 / people), np.log(0.5))))
            copies = random.random((2, people)) < frequency
            written = "\t".join(calls[copies[0] + 2 * copies[1]])
            file.write(f"17\t{43_000_000 + 50 * number}\t.\tG\tA\t.\tPASS\t.\tGT\t{written}\n")


def split(cohort: Path, folder: Path, countries: Sequence[Country]) -> dict[str, int]:
    """Write a VCF for each country, with every so-manieth sample; how many people each has."""
    people: dict[str, int] = {}
    with ExitStack() as stack:
        files = [stack.enter_context((folder / f"{one.code}.vcf").open("wb")) for one in countries]
        for line in stack.enter_context(cohort.open("rb")):
            if line.startswith(b"##"):
                for file in files:
                    file.write(line)
                continue
            columns = line.rstrip(b"\n").split(b"\t")
            for place, file in enumerate(files):
                own = columns[9 + place :: len(countries)]
                people[countries[place].code] = len(own)
                file.write(b"\t".join([*columns[:9], *own]) + b"\n")
    return people


def truth(cohort: Path, countries: Sequence[Country]) -> list[Seen]:
    """Every allele of the cohort, read apart from all code of ours."""
    file = cyvcf2.VCF(str(cohort))
    names = np.array(file.samples)
    found = []
    for record in file:
        calls = record.genotype.array()[:, :-1]
        shares = [calls[place :: len(countries)] for place in range(len(countries))]
        for number, alt in enumerate(record.ALT, start=1):
            has = [(share == number).any(axis=1) for share in shares]
            seen = Seen(
                record.CHROM.removeprefix("chr"),
                record.POS,
                record.REF,
                alt,
                carriers=tuple(
                    frozenset(names[place :: len(countries)][one].tolist())
                    for place, one in enumerate(has)
                ),
                copies=tuple(int((share == number).sum()) for share in shares),
                called=tuple(int((share >= 0).sum()) for share in shares),
            )
            found.append(seen)
    file.close()
    return found


def free_port() -> int:
    """A port that nobody listened on a moment ago.

    Below those from which connections are given theirs: one of them could take it meanwhile.
    """
    while True:
        with contextlib.suppress(OperatorError):
            (sock,) = server.bind("127.0.0.1", random.randrange(16_384, 32_768))
            with sock:
                port: int = sock.getsockname()[1]
                return port


@contextlib.asynccontextmanager
async def serving_network(
    network_id: str,
    members: Mapping[str, MemberSettings],
    folder: Path,
    *,
    port: int = 0,
    **settings: Any,
) -> AsyncIterator[str]:
    """A network in this event loop; gives the URL of its API.

    Args:
        folder: Where it keeps what it knows of members.
        port: One that is free, where others must know it before.
        settings: Of `[network]`.
    """
    (sock,) = server.bind("127.0.0.1", port)
    port = sock.getsockname()[1]
    chosen = Settings(
        data_dir=str(folder),
        server=ServerSettings(port=port),
        identity=IdentitySettings(id=network_id, name="Network"),
        log=LogSettings(access=False),
        network=NetworkSettings(members=dict(members), **settings),
    )
    async with AsyncExitStack() as stack:
        app = await stack.enter_async_context(network_composition.open_network_app(chosen))
        await stack.enter_async_context(_listening(app, sock))
        yield chosen.api_url


@contextlib.asynccontextmanager
async def _listening(app: web.Application, sock: Any) -> AsyncIterator[None]:
    runner = web.AppRunner(
        app,
        access_log=None,
        shutdown_timeout=1,
        max_line_size=connections.MAX_LINE_BYTES,
        max_field_size=connections.MAX_LINE_BYTES,
    )
    await runner.setup()
    try:
        await web.SockSite(runner, sock, backlog=1024).start()
        yield
    finally:
        await runner.cleanup()


def _database(country: Country) -> str:
    return f"network_{country.code}"


def _load(uri: str, folder: Path, country: Country) -> None:
    with pymongo.MongoClient[dict[str, Any]](uri) as client:
        client.drop_database(_database(country))
        path = folder / f"{country.code}.vcf"
        sink = MongoSink(client[_database(country)])
        assert load_vcf(sink, country.dataset_id, ASSEMBLY, [path]).ok


def _settings(uri: str, folder: Path, country: Country, port: int) -> Settings:
    return Settings(
        data_dir=str(folder / country.code),
        mongo=MongoSettings(uri=uri, database=_database(country)),
        server=ServerSettings(port=port),
        identity=IdentitySettings(id=country.beacon_id, name=f"Beacon {country.code}"),
        limits=LimitSettings(case_level_data_max=10_000),
        log=LogSettings(access=False),
        policy=PolicySettings(
            datasets={
                country.dataset_id: DatasetPolicy(
                    public={"*": country.level}, min_count=1, accept_risk="invented people"
                )
            }
        ),
    )


async def _serve(uri: str, folder: Path, countries: Sequence[Country]) -> None:
    urls: dict[str, str] = {}
    async with AsyncExitStack() as stack:
        for one in countries:
            (sock,) = server.bind("127.0.0.1", 0)
            settings = _settings(uri, folder, one, sock.getsockname()[1])
            app = await stack.enter_async_context(composition.open_app(settings))
            await stack.enter_async_context(_listening(app, sock))
            urls[one.code] = settings.api_url
        server.settle_garbage_collector()
        click.echo(json.dumps(urls))
        parent_left = asyncio.Event()
        asyncio.get_running_loop().add_reader(sys.stdin.fileno(), parent_left.set)
        await parent_left.wait()


def main(uri: str, folder: Path) -> None:
    """Load and serve until standard input ends."""
    logs.configure(LogSettings(access=False))
    countries = [one for one in COUNTRIES if (folder / f"{one.code}.vcf").is_file()]
    for one in countries:
        _load(uri, folder, one)
    with asyncio.Runner(loop_factory=server.new_loop) as runner:
        runner.run(_serve(uri, folder, countries))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
