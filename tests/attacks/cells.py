"""Attack A9: few people, told by totals and parts, frequencies, pages and lists of terms."""

from __future__ import annotations

import asyncio
import itertools
import json
from typing import Any

import numpy as np

from tests.attacks import people
from tests.attacks.live import Account, Beacon, Protections
from tests.attacks.stage import DATABASE, Arm, Stage, limits

K = 10


async def cells(stage: Stage) -> list[Arm]:
    """Counts of few people from totals, parts, frequencies, pages and lists of terms."""
    return [
        await _parts(stage, stage.off, "off"),
        await _parts(stage, stage.on, "registered"),
        *await _frequencies(stage),
        *await _beside(stage),
    ]


async def _parts(stage: Stage, beacon: Beacon, name: str) -> Arm:
    """Carriers by sex: of few men, what all less the women are."""
    genomes, scale = stage.cohorts.genomes, stage.scale
    dataset_id = stage.datasets(max(scale.sizes))[0]
    members = stage.cohorts.members[dataset_id]
    carried = genomes.carried[:, members]
    men = carried[:, members % 2 == 0].sum(axis=1)
    few = np.flatnonzero((men > 0) & (men < K))
    chosen = np.random.default_rng(9).permutation(few)[: max(scale.cells // 25, 60)]
    recovered = 0

    async def third(number: int, sites: Any) -> int:
        asked: list[dict[str, Any]] = []
        for site in sites:
            parameters = {"g_variant": genomes.asked(int(site))}
            asked.append({"requestParameters": parameters})
            asked += [
                {"requestParameters": parameters, "filters": [{"id": sex["id"]}]}
                for sex in (people.FEMALE, people.MALE)
            ]
        account = stage.account("a9", number)
        told = await beacon.many(account, dataset_id, asked)
        found = 0
        for place, site in enumerate(sites):
            every, women, own = told[3 * place : 3 * place + 3]
            guess = own.number or (every.number - women.number if women.exists else 0)
            found += guess == men[site]
        return found

    parts = np.array_split(chosen, max(len(chosen) // 20, 1))
    for begin in range(0, len(parts), 8):
        recovered += sum(
            await asyncio.gather(
                *(third(begin + n, part) for n, part in enumerate(parts[begin : begin + 8]))
            )
        )
    share = recovered / len(chosen)
    return Arm(
        "A9",
        name,
        f"carriers of one sex, fewer than {K}: told, or all less the others, of {len(chosen)}",
        share,
        measure="share of cells whose number is found",
        questions=3 * len(chosen),
        **limits(off=name == "off", control=0.9, protected=0.0),
    )


async def _frequencies(stage: Stage) -> list[Arm]:
    """Records of alleles with their frequencies, where these are told of ten people or more."""
    arms = []
    open_to_all = Protections(power=None, noise=None, variants="record")
    async with stage.beacon("records", DATABASE, list(stage.cohorts.members), open_to_all) as told:
        for beacon, name in ((stage.off, "off"), (told, "frequencies from ten on")):
            looked_at = recovered = 0
            for dataset_id in stage.cohorts.members:
                one, found = await _scraped_cells(stage, beacon, dataset_id)
                looked_at += one
                recovered += found
                if looked_at >= stage.scale.cells:
                    break
            arms.append(
                Arm(
                    "A9",
                    name,
                    f"allele counts by sex of fewer than {K}, of {looked_at} cells",
                    recovered,
                    measure="number of cells found",
                    questions=looked_at / 1000,
                    **limits(off=name == "off", control=1, protected=0),
                )
            )
    return arms


async def _scraped_cells(stage: Stage, beacon: Beacon, dataset_id: str) -> tuple[int, int]:
    """Cells with 1 to 9 copies, and how many of them records tell, or all less the others do."""
    genomes = stage.cohorts.genomes
    members = stage.cohorts.members[dataset_id]
    site_of = {
        (genomes.chromosome(site), int(start)): site for site, start in enumerate(genomes.start)
    }
    dosage = genomes.dosage[:, members]
    by_sex = {
        "M": dosage[:, members % 2 == 0].sum(axis=1),
        "F": dosage[:, members % 2 == 1].sum(axis=1),
    }
    looked_at = int(sum(((one > 0) & (one < K)).sum() for one in by_sex.values()))
    recovered = 0
    account = stage.account("a9-records")
    for skip in itertools.count():
        parameters = {
            "requestedGranularity": "record",
            "limit": "1000",
            "skip": str(skip),
            "datasets": dataset_id,
        }
        status, raw = await beacon.get("/api/g_variants", account, parameters)
        assert status == 200, raw
        sets = json.loads(raw)["response"]["resultSets"]
        records = sets[0]["results"] if sets else []
        for record in records:
            _, chromosome, position, *_ = record["variantInternalId"].split("-")
            site = site_of[chromosome, int(position) - 1]
            told = _told_copies(record)
            for sex, other in (("M", "F"), ("F", "M")):
                true = int(by_sex[sex][site])
                guess = told.get(sex)
                if guess is None and "Total" in told and other in told:
                    guess = told["Total"] - told[other]
                recovered += 0 < true < K and guess == true
        if len(records) < 1000:
            return looked_at, recovered
    raise AssertionError


def _told_copies(record: dict[str, Any]) -> dict[str, int]:
    """Allele counts by population: as told, and as the digits of the frequency betray them."""
    told: dict[str, int] = {}
    for source in record.get("frequencyInPopulations", ()):
        for one in source["frequencies"]:
            if (count := one.get("alleleCount")) is None and (n := one.get("alleleNumber")):
                count = round(one["alleleFrequency"] * n)
            if count is not None:
                told[one["population"]] = count
    return told


async def _beside(stage: Stage) -> list[Arm]:
    """Whether anything tells nobody from few: other result sets, pages, lists of terms."""
    genomes = stage.cohorts.genomes
    dataset_id = stage.datasets(max(stage.scale.sizes))[0]
    carriers = genomes.carried[:, stage.cohorts.members[dataset_id]].sum(axis=1)
    few = np.flatnonzero((carriers > 0) & (carriers < K))
    none = np.flatnonzero(carriers == 0)
    account = stage.account("a9-beside")
    arms = []
    for beacon, name in ((stage.off, "off"), (stage.on, "registered")):
        different = asked = 0
        for include, skip in itertools.product(("HIT", "MISS", "ALL", "NONE"), (0, 1)):
            bodies = []
            for site in (int(few[asked % len(few)]), int(none[asked % len(none)])):
                query = {
                    "requestedGranularity": "count",
                    "includeResultsetResponses": include,
                    "pagination": {"skip": skip, "limit": 1},
                    "requestParameters": {
                        "g_variant": genomes.asked(site),
                        "datasets": {"datasetIds": [dataset_id]},
                    },
                }
                bodies.append(await _body(beacon, account, query))
            asked += 1
            different += bodies[0] != bodies[1]
        arms.append(
            Arm(
                "A9",
                name,
                "answers that differ between nobody and fewer than ten",
                different,
                measure="number",
                questions=2 * asked,
                **limits(off=name == "off", control=1, protected=0),
            )
        )
    status, raw = await stage.on.get("/api/filtering_terms", account, {"limit": "0"})
    assert status == 200
    counts = [
        one["count"] for one in json.loads(raw)["response"]["filteringTerms"] if "count" in one
    ]
    arms.append(
        Arm(
            "A9",
            "registered",
            "filtering terms with a number below ten",
            sum(0 < one < K for one in counts),
            measure="number",
            at_most=0,
        )
    )
    return arms


async def _body(beacon: Beacon, account: Account, query: dict[str, Any]) -> Any:
    status, raw = await beacon.post("/api/individuals", account, {"query": query})
    document = json.loads(raw)
    return status, document.get("response"), document.get("responseSummary")
