"""The countries that the pages are looked at with: each of them answers in another way.

The portal is `beacon network serve`, a process of its own; the countries run in the loop of the
tests. Spain is a beacon of ours on a handful of people in memory, the others are `FakeMember`s.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiohttp import ClientError, ClientSession, web

from beacon import composition
from beacon.memory import MemoryDataset, MemoryStore
from beacon.settings import (
    DatasetPolicy,
    IdentitySettings,
    Level,
    LogSettings,
    PolicySettings,
    ServerSettings,
    Settings,
)
from tests.network.fake_members import (
    Answers,
    Behaviour,
    FakeMember,
    Hangs,
    Received,
    Says,
    Slow,
    boolean_only,
    rounded,
)

Document = dict[str, Any]

CHROMOSOME, POS, REF, ALT = "17", 43_094_692, "G", "A"
VARIANT = f"{CHROMOSOME}-{POS}-{REF}-{ALT}"
ABSENT_POS = 43_094_700
ABSENT = f"{CHROMOSOME}-{ABSENT_POS}-C-T"
"""A variant that nobody has."""

SLOW_S = 3.0
TERMS = (
    {"id": "HP:0001250", "label": "Seizure", "type": "ontologyTerm", "scopes": ["individual"]},
    {"id": "HP:0001263", "label": "Global developmental delay", "type": "ontologyTerm"},
    {"id": "HP:0002721", "label": "Immunodeficiency", "type": "ontologyTerm"},
    {"id": "HP:0003002", "label": "Breast carcinoma", "type": "ontologyTerm"},
)

EXPECTED: Mapping[str, frozenset[str]] = {
    "Denmark": frozenset({"miss"}),
    "Estonia": frozenset({"restricted"}),
    "Finland": frozenset({"hit"}),
    "France": frozenset({"hit"}),
    "Germany": frozenset({"hit"}),
    "Latvia": frozenset({"notApplicable"}),
    "Norway": frozenset({"unreachable", "breakerOpen"}),
    "Spain": frozenset({"hit"}),
    "Sweden": frozenset({"hit"}),
}
"""By name: the states that a question for `VARIANT` may find it in, when everybody has said."""


@dataclass(frozen=True, slots=True)
class Carriers:
    """A country where some people carry whatever variant is asked for, with its frequencies."""

    people: int
    count: int
    number: int

    async def answer(
        self, fake: FakeMember, received: Received, request: web.BaseRequest
    ) -> web.StreamResponse:
        if not received.path.startswith("/g_variants") or "start" not in _asked_for(received):
            return await Answers({"genomes": self.people}).answer(fake, received, request)
        records = [self._record(_asked_for(received))]
        return await Answers({"genomes": 1}, records=records).answer(fake, received, request)

    def _record(self, asked: Document) -> Document:
        start = asked["start"][0] if isinstance(asked["start"], list) else asked["start"]
        if "referenceBases" not in asked:  # a region, which it has one variant in
            start = POS - 1
        ref, alt = asked.get("referenceBases", REF), asked.get("alternateBases", ALT)
        name = f"GRCh38-{asked['referenceName']}-{start + 1}-{ref}-{alt}"
        return {
            "variantInternalId": name,
            "variation": {
                "variantType": "SNP",
                "location": {
                    "type": "SequenceLocation",
                    "sequence_id": "refseq:NC_000017.11",
                    "interval": {
                        "type": "SequenceInterval",
                        "start": {"type": "Number", "value": start},
                        "end": {"type": "Number", "value": start + len(ref)},
                    },
                },
                "referenceBases": ref,
                "alternateBases": alt,
            },
            "identifiers": {
                "genomicHGVSId": f"NC_000017.11:g.{start + 1}{ref}>{alt}",
                "transcriptHGVSIds": ["NM_007294.4:c.2677C>T"],
                "proteinHGVSIds": ["NP_009225.1:p.Gln893Ter"],
                "clinvarVariantId": "clinvar:54620",
                "variantAlternativeIds": [{"id": "dbSNP:rs80357065"}],
            },
            "molecularAttributes": {
                "geneIds": ["BRCA1"],
                "molecularEffects": [{"id": "SO:0001587", "label": "stop_gained"}],
                "aminoacidChanges": ["Q893*"],
            },
            "variantLevelData": {
                "clinicalInterpretations": [
                    {
                        "conditionId": "MONDO:0003582",
                        "effect": {"id": "MONDO:0003582", "label": "hereditary breast cancer"},
                        "clinicalRelevance": "pathogenic",
                    }
                ]
            },
            "frequencyInPopulations": [
                {
                    "source": "Genomes of this country",
                    "sourceReference": "dataset:genomes",
                    "frequencies": [
                        self._frequency("Total", 1.0),
                        self._frequency("F", 0.6),
                        self._frequency("M", 0.4),
                        self._frequency("Finnish", 0.8),
                        self._frequency("European", 0.2),
                    ],
                }
            ],
        }

    def _frequency(self, population: str, share: float) -> Document:
        count, number = round(self.count * share), round(self.number * share)
        return {
            "population": population,
            "alleleFrequency": count / number,
            "alleleCount": count,
            "alleleNumber": number,
            "alleleCountHomozygous": count // 10,
            "alleleCountHemizygous": 0,
        }


_NONE = Answers({"genomes": 0})


@dataclass(frozen=True, slots=True)
class HasNot:
    """Says no to `ABSENT`, and of anything else what `then` says."""

    then: Behaviour
    no: Behaviour = _NONE

    async def answer(
        self, fake: FakeMember, received: Received, request: web.BaseRequest
    ) -> web.StreamResponse:
        is_absent = _asked_for(received).get("start") in (ABSENT_POS - 1, [ABSENT_POS - 1])
        return await (self.no if is_absent else self.then).answer(fake, received, request)


def _asked_for(received: Received) -> Document:
    asked: Document = ((received.json or {}).get("query") or {}).get("requestParameters") or {}
    return asked.get("g_variant", asked)


_REFUSES = Says(b'{"error": {"errorCode": 403, "errorMessage": "members only"}}', status=403)


def behaviours(slow_s: float) -> Mapping[str, Behaviour]:
    """What the countries do, but for Norway, which is away, and Spain, which is a real beacon."""
    return {
        "Denmark": Answers({"genomes": 0}),
        "Estonia": _REFUSES,
        "Finland": HasNot(Carriers(people=7, count=8, number=104_212)),
        "France": HasNot(rounded(23), rounded(0)),
        "Germany": HasNot(boolean_only(), boolean_only(exists=False)),
        "Latvia": Answers({"genomes": 0}),
        "Sweden": Slow(slow_s, HasNot(Carriers(people=3, count=3, number=1_100_120))),
    }


CODES = {
    "Denmark": "DK",
    "Estonia": "EE",
    "Finland": "FI",
    "France": "FR",
    "Germany": "DE",
    "Latvia": "LV",
    "Norway": "NO",
    "Spain": "ES",
    "Sweden": "SE",
}
_COUNTS = {
    "France": {"counts.reporting": "rounded", "counts.step": 10},
    "Germany": {"counts.reporting": "boolean"},
}


@dataclass(frozen=True, slots=True)
class World:
    """A portal over countries.

    Attributes:
        url: Of the portal, without a slash at the end.
        members: The countries that are not real beacons, by name.
        log: File of what the portal has logged, one request a line.
    """

    url: str
    members: Mapping[str, FakeMember]
    log: Path

    def member_id(self, name: str) -> str:
        """What a country is called where names are for programs."""
        return f"{CODES[name].lower()}.example.beacon"


@contextlib.asynccontextmanager
async def countries(folder: Path, *, slow_s: float = SLOW_S) -> AsyncIterator[World]:
    """The world that most pages are looked at with.

    Args:
        slow_s: Seconds that Sweden takes.
    """
    async with contextlib.AsyncExitStack() as stack:
        members = {}
        for name, behaviour in behaviours(slow_s).items():
            assemblies = ("GRCh37",) if name == "Latvia" else ("GRCh38",)
            fake = FakeMember(
                f"{CODES[name].lower()}.example.beacon",
                behaviour,
                assemblies=assemblies,
                filtering_terms=TERMS,
            )
            members[name] = await stack.enter_async_context(fake)
        urls = {name: one.url for name, one in members.items()}
        urls["Norway"] = f"http://127.0.0.1:{_unused_port()}/api"
        urls["Spain"] = await stack.enter_async_context(_spain())
        settings = _settings({name: (CODES[name], urls[name]) for name in sorted(urls)})
        url = await stack.enter_async_context(portal(folder, settings))
        yield World(url, members, folder / "log")


@contextlib.asynccontextmanager
async def silence(folder: Path, number: int = 27) -> AsyncIterator[World]:
    """A portal over countries that take questions and never answer."""
    async with contextlib.AsyncExitStack() as stack:
        members = {}
        for place in range(number):
            name = f"Country {place:02}"
            fake = FakeMember(f"c{place:02}.example.beacon", Hangs())
            members[name] = await stack.enter_async_context(fake)
        settings = _settings({name: ("FI", one.url) for name, one in members.items()})
        url = await stack.enter_async_context(portal(folder, settings))
        yield World(url, members, folder / "log")


@contextlib.asynccontextmanager
async def portal(folder: Path, settings: str) -> AsyncIterator[str]:
    """`beacon network serve`, until the context ends; yields where.

    Args:
        folder: Of its settings, its log and its data; empty.
        settings: TOML.
    """
    _write(folder / "settings.toml", settings)
    port = _unused_port()
    url = f"http://127.0.0.1:{port}"
    with (folder / "log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "beacon.cli", "network", "serve"),
            *("--port", str(port), "--settings", str(folder / "settings.toml")),
            stderr=log,
        )
    try:
        await _until_met(url, process, folder / "log")
        yield url
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        await process.wait()


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


async def _until_met(url: str, process: asyncio.subprocess.Process, log: Path) -> None:
    """Wait until every member has said what it can be asked, or could not be reached."""
    async with ClientSession() as session, asyncio.timeout(240):
        while True:
            assert process.returncode is None, log
            with contextlib.suppress(ClientError):
                async with session.get(f"{url}/readyz") as response:
                    if response.status == 200:
                        return
            await asyncio.sleep(0.1)


def _settings(members: Mapping[str, tuple[str, str]]) -> str:
    lines = [
        'data_dir = "data"',
        "[identity]",
        'id = "eu.example.network"',
        'name = "European Test Network"',
        'environment = "test"',
    ]
    for place, (name, (country, url)) in enumerate(members.items()):
        beacon_id = f"{country.lower()}.example.beacon" if name in CODES else f"c{place:02}.example"
        about = {"name": name, "country": country, "url": url, "allow_private": True}
        about |= {"people": 10_000, "disjoint": True, **_COUNTS.get(name, {})}
        lines += [f'[network.members."{beacon_id}"]']
        lines += [f"{key} = {json.dumps(value)}" for key, value in about.items()]
    return "\n".join(lines) + "\n"


@contextlib.asynccontextmanager
async def _spain() -> AsyncIterator[str]:
    """A beacon of ours with forty people, every fourth of whom carries `VARIANT`."""
    sock = socket.socket()
    sock.bind(("127.0.0.1", 0))
    port = sock.getsockname()[1]
    told: dict[str, Any] = {"min_count": 1, "accept_risk": "invented people"}
    settings = Settings(
        server=ServerSettings(port=port),
        identity=IdentitySettings(id="es.example.beacon", name="Spain"),
        log=LogSettings(access=False),
        policy=PolicySettings(
            datasets={"es-genomes": DatasetPolicy(public={"*": Level.RECORD}, **told)}
        ),
    )
    store = MemoryStore({"es-genomes": _people()})
    runner = web.AppRunner(composition.app(settings, store, store), shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.SockSite(runner, sock).start()
        yield f"http://127.0.0.1:{port}/api"
    finally:
        await runner.cleanup()


def _people(number: int = 40) -> MemoryDataset:
    names = [f"es{place:02}" for place in range(number)]
    carriers = names[::4]
    return MemoryDataset(
        assembly="GRCh38",
        records={
            "individual": [
                {
                    "id": name,
                    "sex": {"id": "NCIT:C16576", "label": "female"}
                    if place % 2
                    else {"id": "NCIT:C20197", "label": "male"},
                    "phenotypicFeatures": [
                        {"featureType": {"id": term["id"], "label": term["label"]}}
                        for term in TERMS[: place % 4]
                    ],
                }
                for place, name in enumerate(names)
            ],
            "biosample": [
                {
                    "id": f"{name}-blood",
                    "individualId": name,
                    "biosampleStatus": {"id": "EFO:0009654", "label": "reference sample"},
                    "sampleOriginType": {"id": "UBERON:0000178", "label": "blood"},
                }
                for name in names
            ],
            "genomicVariant": [
                {
                    "variantInternalId": f"GRCh38-{VARIANT}",
                    "variation": {
                        "variantType": "SNP",
                        "location": {
                            "type": "SequenceLocation",
                            "sequence_id": "refseq:NC_000017.11",
                            "interval": {
                                "type": "SequenceInterval",
                                "start": {"type": "Number", "value": POS - 1},
                                "end": {"type": "Number", "value": POS},
                            },
                        },
                        "referenceBases": REF,
                        "alternateBases": ALT,
                    },
                    "caseLevelData": [
                        {
                            "biosampleId": f"{name}-blood",
                            "individualId": name,
                            "zygosity": {"id": "GENO:0000135", "label": "heterozygous"},
                        }
                        for name in carriers
                    ],
                }
            ],
        },
    )


def _unused_port() -> int:
    with _bound() as sock:
        port: int = sock.getsockname()[1]
    return port


@contextlib.contextmanager
def _bound() -> Iterator[socket.socket]:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        yield sock
