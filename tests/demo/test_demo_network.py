"""`beacon demo` serves three countries and their network, which answer what its files hold."""

from __future__ import annotations

import os
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

import pytest

from beacon.demo import BEACONS
from beacon.demo.known_alleles import KNOWN_ALLELES
from beacon.demo.variants import KnownAllele
from tests.demo.conftest import Dataset, RunningDemo, read, running

COUNTRIES = ("fi", "es", "de")
BRONCHIECTASIS = "HP:0002110"
QUESTIONS = [
    pytest.param("CFTR-F508del", None, id="seen everywhere"),
    pytest.param("CFTR-F508del", BRONCHIECTASIS, id="and a phenotype"),
    pytest.param("HBB-C", None, id="seen in one country"),
    pytest.param("TTR-V142I", None, id="seen nowhere"),
    pytest.param("MT-TL1-3243", None, id="mitochondrial"),
    pytest.param("G6PD-S188F", None, id="on X"),
]


@pytest.fixture(scope="module")
def truth(live: RunningDemo) -> dict[str, Dataset]:
    """What each country tells of, read back from the files that the demo wrote."""
    told = {one.key: one for one in BEACONS}
    return {
        key: read(live.folder / "files", one.datasets[0].id, one.assembly)
        for key, one in told.items()
    }


def people(dataset: Dataset, key: str, term: str | None) -> int:
    found = dataset.people_with(key)
    return len(found if term is None else found & dataset.people_who_have(term))


def question(known: KnownAllele, term: str | None) -> str:
    asked = {
        "assemblyId": known.assembly,
        "referenceName": known.name,
        "start": known.pos - 1,
        "referenceBases": known.ref,
        "alternateBases": known.alt,
        "requestedGranularity": "count",
        "includeResultsetResponses": "ALL",
    }
    return "/individuals?" + urlencode(asked | ({"filters": term} if term else {}))


@pytest.mark.parametrize(("key", "term"), QUESTIONS)
@pytest.mark.parametrize("country", COUNTRIES)
def test_a_country_answers_what_it_holds_as_far_as_it_tells(
    live: RunningDemo, truth: dict[str, Dataset], country: str, key: str, term: str | None
):
    dataset = truth[country]
    expected = people(dataset, key, term)

    summary = live.ask(country, question(dataset.known(key), term))["responseSummary"]

    assert summary["exists"] == (expected > 0)
    assert summary.get("numTotalResults") == (None if country == "de" else expected)


@pytest.mark.parametrize(("key", "term"), QUESTIONS)
@pytest.mark.parametrize("assembly", ["GRCh38", "GRCh37"])
def test_the_network_answers_for_all_on_either_assembly(
    live: RunningDemo, truth: dict[str, Dataset], assembly: str, key: str, term: str | None
):
    expected = {country: people(truth[country], key, term) for country in COUNTRIES}
    known = KNOWN_ALLELES[key] if assembly == "GRCh38" else truth["de"].known(key)

    answer = live.ask("network", question(known, term))

    status = answer["info"]["networkStatus"]
    counts = {one["beaconId"]: one.get("resultsCount") for one in answer["response"]["resultSets"]}
    states = {one["beaconId"][:2]: one["status"] for one in status["members"]}
    assert answer["responseSummary"]["exists"] == any(expected.values())
    assert states == {one: "hit" if count else "miss" for one, count in expected.items()}
    assert counts["fi.example.demo"] == expected["fi"]
    assert counts["es.example.demo"] == expected["es"]
    lower, upper = status["bounds"]["lower"], status["bounds"]["upper"]
    assert lower <= sum(expected.values()) <= upper
    assert lower == expected["fi"] + expected["es"] + bool(expected["de"])


@pytest.mark.parametrize("key", ["network", *COUNTRIES])
def test_the_hidden_dataset_does_not_exist_for_callers(live: RunningDemo, key: str):
    listed = live.ask(key, "/datasets?requestedGranularity=record")
    asked = live.ask(key, "/datasets/fi-unannounced?requestedGranularity=count")

    assert (live.folder / "files/fi-unannounced").is_dir()
    assert "fi-unannounced" not in str(listed["response"])
    assert asked["responseSummary"]["exists"] is False


def test_finland_shows_records_through_the_network(live: RunningDemo):
    known = KNOWN_ALLELES["CFTR-F508del"]
    asked = question(known, BRONCHIECTASIS).replace("=count", "=record")

    sets = live.ask("network", asked)["response"]["resultSets"]

    shown = {one["beaconId"]: {record["id"] for record in one["results"]} for one in sets}
    assert len(shown["fi.example.demo"]) == 6
    assert all(not records for member, records in shown.items() if not member.startswith("fi."))


@pytest.fixture(scope="module")
def again(live: RunningDemo) -> Iterator[RunningDemo]:
    """A second start in a folder whose countries are loaded."""
    with running(live.folder) as demo:
        yield demo


class TestAnotherStart:
    """Runs last: its settings files take the place of the first one's."""

    def test_it_loads_nothing_again(self, live: RunningDemo, again: RunningDemo):
        assert any("is loaded" in line for line in live.said)
        assert not any("is loaded" in line for line in again.said)
        asked = question(KNOWN_ALLELES["CFTR-F508del"], BRONCHIECTASIS)
        assert again.ask("fi", asked)["responseSummary"]["numTotalResults"] == 6

    def test_a_country_that_ends_is_reported_and_the_others_go_on(self, again: RunningDemo):
        (spain,) = (pid for pid in children(again.process.pid) if "es.toml" in command_of(pid))

        os.kill(spain, signal.SIGKILL)

        wait_for(lambda: any("es ended with status -9" in line for line in again.said))
        answer = again.ask("network", question(KNOWN_ALLELES["CFTR-F508del"], BRONCHIECTASIS))
        members = answer["info"]["networkStatus"]["members"]
        states = {one["beaconId"][:2]: one["status"] for one in members}
        assert states.pop("es") in ("unreachable", "breakerOpen")
        assert states == {"fi": "hit", "de": "hit"}

    def test_all_end_with_it(self, again: RunningDemo):
        pids = children(again.process.pid)

        again.process.send_signal(signal.SIGTERM)

        assert again.process.wait(60) == 0
        wait_for(lambda: not any(Path(f"/proc/{pid}").exists() for pid in pids))
        assert not any(is_listening(port) for port in again.ports.values())


def children(pid: int) -> list[int]:
    text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return [int(one) for one in text.split()]


def command_of(pid: int) -> str:
    return Path(f"/proc/{pid}/cmdline").read_text()


def is_listening(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


def wait_for(condition) -> None:
    end = time.monotonic() + 240
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.1)
