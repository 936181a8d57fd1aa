"""What is named on the command line, files and datasets, is refused where it cannot be loaded."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from beacon.cli import main
from beacon.framework.errors import LoadError
from beacon.load.source_files import find_files


@pytest.mark.parametrize("dataset_id", ["", " d", "d ", "a/b", 'a"b', "a\tb"])
def test_an_id_that_could_not_be_asked_for_is_refused(dataset_id):
    arguments = ["load", "vcf", __file__, "--assembly", "GRCh38", "--dataset", dataset_id]

    result = CliRunner().invoke(main, arguments)

    assert result.exit_code == 2
    assert "is no id of a dataset" in result.output


def test_a_device_is_said_to_be_no_file():
    with pytest.raises(LoadError, match="/dev/null is neither a file nor a folder"):
        find_files([Path("/dev/null")], lambda _: True)
