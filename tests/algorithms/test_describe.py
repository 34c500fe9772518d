"""The list of methods: on the command line, and as the page made from it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from robot_learning import cli
from robot_learning.algorithms import ALGORITHMS
from robot_learning.algorithms.describe import reference_page

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "algorithms.md"


def test_the_page_is_what_the_code_says() -> None:
    assert PAGE.read_text() == reference_page(), (
        f"write it again: python -m robot_learning.algorithms.describe > {PAGE}"
    )


@pytest.mark.parametrize("name", ALGORITHMS)
def test_every_method_names_its_source_and_describes_what_can_be_set(name: str) -> None:
    done = CliRunner().invoke(cli.app, ["algorithms", name, "--json"])
    told = json.loads(done.stdout)
    assert told["name"] == name and len(told["source"]) > 10 and len(told["what"]) > 20
    settings = told["hyper_parameters"]
    assert {"gamma", "hidden_sizes"} <= {setting["name"] for setting in settings}
    assert all(len(setting["description"]) > 4 for setting in settings)


def test_the_list_has_every_method() -> None:
    done = CliRunner().invoke(cli.app, ["algorithms", "--json"])
    assert [told["name"] for told in json.loads(done.stdout)["algorithms"]] == list(ALGORITHMS)


def test_an_unknown_method_is_wrong_use_with_the_nearest_name() -> None:
    done = CliRunner().invoke(cli.app, ["algorithms", "td4"])
    assert done.exit_code == 2 and "td3" in done.stderr
