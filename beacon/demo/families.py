"""The home of the demo's people before they have records: families, ages, origins, stories."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from beacon.demo.stories import STORIES, TUMOURS, Inheritance, Story, Tumour
from beacon.demo.terms import COUNTRY, Country

GENERATION_YEARS = 28


@dataclass(slots=True)
class Person:
    """One person in the making.

    `mother` and `father` are indices into the list of people, always smaller than the person's own.
    `maternal` and `paternal` are keys of alleles that the person has on that copy, whatever chance
    would give; `somatic` says that the tumour has its allele.
    """

    id: str
    sex: str
    country: Country
    age: int
    family: str | None = None
    role: str = "proband"
    mother: int | None = None
    father: int | None = None
    story: Story | None = None
    affected: bool = False
    maternal: set[str] = field(default_factory=set)
    paternal: set[str] = field(default_factory=set)
    tumour: Tumour | None = None
    somatic: bool = False


@dataclass(frozen=True, slots=True)
class Home:
    """Where a dataset is: the key of the country, and the share of people by where they are from.

    `prefix` begins the ids of its people.
    """

    country: str
    origins: Mapping[str, float]
    prefix: str


def rare_disease_people(rng: np.random.Generator, total: int, home: Home) -> list[Person]:
    """Families of every story, then people without a diagnosis, `total` people in all."""
    people: list[Person] = []
    family = 0
    for story in STORIES:
        for _ in range(_families(story, home)):
            family += 1
            _add_family(people, rng, story, f"{home.prefix}-FAM{family:04d}", home)
    for tumour in TUMOURS:
        for _ in range(tumour.patients):
            age = int(rng.integers(tumour.onset[0], tumour.onset[1] + 6))
            person = _new(people, rng, home, age=age)
            if tumour.diagnosis.id == "NCIT:C4872":
                person.sex = "F"
            person.tumour = tumour
            person.somatic = bool(rng.random() < tumour.share)
    while len(people) < total:
        _new(people, rng, home, age=_age(rng))
    return _numbered(people, home)


def population_people(rng: np.random.Generator, total: int, home: Home) -> list[Person]:
    """Unrelated adults, as a population study would have them."""
    people: list[Person] = []
    for _ in range(total):
        _new(people, rng, home, age=int(rng.integers(20, 88)))
    return _numbered(people, home)


def _families(story: Story, home: Home) -> int:
    """How many families: few where the disease is at home elsewhere."""
    if story.countries and home.country not in story.countries:
        return story.families // 5
    return story.families


def _numbered(people: list[Person], home: Home) -> list[Person]:
    for number, person in enumerate(people, start=1):
        person.id = f"{home.prefix}{number:04d}"
    return people


def _new(
    people: list[Person],
    rng: np.random.Generator,
    home: Home,
    *,
    age: int,
    sex: str | None = None,
    country: Country | None = None,
) -> Person:
    drawn = str(rng.choice(list(home.origins), p=list(home.origins.values())))
    person = Person(
        id="",
        sex=sex or ("F" if rng.random() < 0.5 else "M"),
        country=country or COUNTRY[drawn],
        age=age,
    )
    people.append(person)
    return person


def _age(rng: np.random.Generator) -> int:
    return int(np.clip(rng.normal(34, 22), 0, 92))


def _add_family(
    people: list[Person], rng: np.random.Generator, story: Story, family: str, home: Home
) -> None:
    """One patient, with or without parents and a sibling, and the alleles that explain it."""
    country = None
    if story.countries and home.country not in story.countries:
        country = COUNTRY[str(rng.choice(story.countries))]
    size = int(rng.choice((1, 3, 4), p=(0.45, 0.4, 0.15)))
    age = int(story.onset[1] + rng.integers(0, 32))
    mother = father = None
    if size > 1:
        mother = _new(people, rng, home, age=age + GENERATION_YEARS, sex="F", country=country)
        years = age + GENERATION_YEARS + 2
        father = _new(people, rng, home, age=years, sex="M", country=mother.country)
        country = mother.country
        for parent, role in ((mother, "mother"), (father, "father")):
            parent.family, parent.role = family, role
    proband = _new(people, rng, home, age=age, sex=_sex(rng, story), country=country)
    proband.family, proband.story, proband.affected = family, story, True
    sibling = None
    if size == 4:
        sibling = _new(people, rng, home, age=max(age - 3, 0), country=country)
        sibling.family, sibling.role = family, "sibling"
    if mother is not None:
        parents = len(people) - size
        for child in (proband, sibling):
            if child is not None:
                child.mother, child.father = parents, parents + 1
    _give_alleles(rng, story, proband, mother, father, sibling)


def _sex(rng: np.random.Generator, story: Story) -> str | None:
    match story.inheritance:
        case Inheritance.X_RECESSIVE:
            return "M"
        case Inheritance.X_DOMINANT:
            return "F"
        case _:
            return None


def _give_alleles(
    rng: np.random.Generator,
    story: Story,
    proband: Person,
    mother: Person | None,
    father: Person | None,
    sibling: Person | None,
) -> None:
    def pick() -> str:
        """The first allele of a story is the commonest."""
        if len(story.alleles) == 1 or rng.random() < 0.6:
            return story.alleles[0]
        return str(rng.choice(story.alleles[1:]))

    children = [child for child in (proband, sibling) if child is not None]
    match story.inheritance:
        case Inheritance.RECESSIVE:
            # Two alleles other than the first are rare; every patient has at least one of it.
            from_mother, from_father = story.alleles[0], pick()
            if mother is not None and father is not None:
                mother.maternal.add(from_mother)
                father.maternal.add(from_father)
            for child in children:
                has_both = child is proband
                if has_both or rng.random() < 0.5:
                    child.maternal.add(from_mother)
                if has_both or rng.random() < 0.5:
                    child.paternal.add(from_father)
                child.affected = bool(child.maternal and child.paternal)
        case Inheritance.X_RECESSIVE:
            allele = pick()
            if mother is not None:
                mother.maternal.add(allele)
            for child in children:
                if child is proband or rng.random() < 0.5:
                    child.maternal.add(allele)
                child.affected = child.sex == "M" and allele in child.maternal
        case Inheritance.MITOCHONDRIAL:
            allele = story.alleles[0]
            for member in (mother, *children):
                if member is not None:
                    member.maternal.add(allele)
                    # Heteroplasmy is not modelled: carriers in the line are affected or not.
                    member.affected = member is proband or bool(rng.random() < 0.4)
        case Inheritance.DOMINANT:
            allele = pick()
            parent = None
            if mother is not None and father is not None and rng.random() < 0.8:
                parent = mother if rng.random() < 0.5 else father
                parent.maternal.add(allele)
                parent.affected = True
            for child in children:
                if child is proband or (parent is not None and rng.random() < 0.5):
                    copy = child.paternal if parent is father else child.maternal
                    copy.add(allele)
                    child.affected = True
        case Inheritance.DE_NOVO | Inheritance.X_DOMINANT:
            (proband.maternal if rng.random() < 0.5 else proband.paternal).add(pick())
    for member in (mother, father, sibling):
        if member is not None and member.affected:
            member.story = story
