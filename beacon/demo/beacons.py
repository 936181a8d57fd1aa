"""The home of the demo's beacons: three countries, what each of them has, and what it tells."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from beacon.demo.families import Home
from beacon.demo.grch37 import GRCH37
from beacon.demo.variants import ASSEMBLY as GRCH38

NETWORK_ID = "network.example.demo"

INVENTED = (
    "All people are invented. Published alleles have their true coordinates; the other variants "
    "lie within real genes at invented positions, with invented reference bases."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoSet:
    """A dataset before it has people.

    `uses` are keys of the data use terms. `families` says whether its people are families with
    rare diseases and patients with tumours, or unrelated adults. `public` is entry type id, or
    `*`, to the most that anybody may learn; without any the dataset does not exist for callers.
    `every` is which of the invented sites it has: each, or every so many.
    """

    id: str
    name: str
    description: str
    uses: tuple[str, ...]
    people: int
    prefix: str
    families: bool
    public: Mapping[str, str] = field(default_factory=dict)
    every: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoBeacon:
    """One country's beacon.

    `chromosome_prefix` is how its VCFs begin the names of chromosomes. `origins` is the share of
    its people by country of origin. `reporting` is what a network may take its counts for.
    `policy` says in words what it tells.
    """

    key: str
    country: str
    name: str
    assembly: str
    chromosome_prefix: str
    origins: Mapping[str, float]
    policy: str
    reporting: str
    datasets: tuple[DemoSet, ...]

    @property
    def id(self) -> str:
        """Its identifier."""
        return f"{self.key}.example.demo"

    @property
    def people(self) -> int:
        """How many people are in what it tells of."""
        return sum(one.people for one in self.datasets if one.public)

    def home(self, dataset: DemoSet) -> Home:
        """Where a dataset of it is."""
        return Home(self.country, self.origins, dataset.prefix)


FINLAND = DemoBeacon(
    key="fi",
    country="FI",
    name="Finland",
    assembly=GRCH38,
    chromosome_prefix="chr",
    origins={"FI": 0.84, "EE": 0.06, "SE": 0.06, "NO": 0.02, "PL": 0.02},
    policy="Everything about its first dataset is public: its people are invented.",
    reporting="exact",
    datasets=(
        DemoSet(
            id="fi-rare-disease",
            name="Finland: rare diseases and cancer",
            description="A thousand people: families with rare diseases, and patients with "
            "sequenced tumours.",
            uses=("disease", "non-profit"),
            people=1000,
            prefix="FI",
            families=True,
            public={"*": "record"},
        ),
        DemoSet(
            id="fi-unannounced",
            name="Finland: a dataset nobody sees",
            description="Forty adults of a study not yet announced.",
            uses=("biomedical",),
            people=40,
            prefix="FIU",
            families=False,
            every=25,
        ),
    ),
)

SPAIN = DemoBeacon(
    key="es",
    country="ES",
    name="Spain",
    assembly=GRCH38,
    chromosome_prefix="",
    origins={"ES": 0.84, "PT": 0.06, "IT": 0.04, "DE": 0.02, "IE": 0.02, "PL": 0.02},
    policy="Anybody may learn numbers, and what the dataset is.",
    reporting="exact",
    datasets=(
        DemoSet(
            id="es-population",
            name="Spain: population",
            description="Two thousand adults, with common conditions.",
            uses=("general", "ethics"),
            people=2000,
            prefix="ES",
            families=False,
            public={"*": "count", "dataset": "record", "cohort": "record"},
        ),
    ),
)

GERMANY = DemoBeacon(
    key="de",
    country="DE",
    name="Germany",
    assembly=GRCH37,
    chromosome_prefix="",
    origins={"DE": 0.82, "PL": 0.06, "IT": 0.05, "GR": 0.04, "NO": 0.03},
    policy="Anybody may learn yes or no, and what the dataset is.",
    reporting="boolean",
    datasets=(
        DemoSet(
            id="de-hospitals",
            name="Germany: hospitals",
            description="Eight hundred patients and their families, sequenced some years ago and "
            "still on GRCh37.",
            uses=("disease", "ethics"),
            people=800,
            prefix="DE",
            families=True,
            public={"*": "boolean", "dataset": "record", "cohort": "record"},
        ),
    ),
)

BEACONS = (FINLAND, SPAIN, GERMANY)
