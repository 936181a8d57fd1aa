"""The records in our answers pass the validator of `beacon2-cbi-tools`, whose schemas are of 2.0.

One thing is adapted. Those schemas want exactly one form of a time to fit, and an age such as
`{"iso8601duration": "P9Y"}` fits two of theirs, one of which requires nothing; so did the
specification's own. Since 2.1 one is enough, and that is what is held against them here.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from beacon.framework.entry_types import EntryType
from beacon.model.entry_types import MODEL
from tests.clients.advertised import records_of
from tests.clients.live import FILES
from tests.conformance.client import Beacon

validator = pytest.importorskip("bff_tools.validator", exc_type=ImportError)

TWO_FORMS_FIT = "is valid under each of"


@pytest.mark.parametrize("test_mode", [False, True])
@pytest.mark.parametrize("entry_type", MODEL.entry_types, ids=lambda one: one.id)
def test_records_are_valid_in_beacon_friendly_format(
    beacon: Beacon, tmp_path: Path, entry_type: EntryType, test_mode: bool
) -> None:
    query = {
        "requestedGranularity": "record",
        "pagination": {"limit": 0},
        "testMode": test_mode,
    }
    records = records_of(beacon.post(f"/{entry_type.path}", query).document)
    file = tmp_path / f"{FILES[entry_type.id]}.json"
    file.write_text(json.dumps(records))

    report = validator.validate_inputs([file], include_genomic=True)
    problems = [
        f"{records[one.row - 1]['id']}: {one.message}"
        for one in report.issues
        if TWO_FORMS_FIT not in one.message
    ]

    assert report.checked == len(records) > 0
    assert problems == []
