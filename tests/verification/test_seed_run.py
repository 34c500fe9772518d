"""Which commands make a seed, in which order, and which are left out when it goes on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from robot_learning.verification import Row
from robot_learning.verification.gymnasium_seed import GymnasiumSeedRun


def seed_run(directory: Path, **changes: Any) -> GymnasiumSeedRun:
    fields: dict[str, Any] = {
        "name": "row",
        "algorithm": "bc",
        "environment": "PandaPush-v3",
        "import_module": "panda_gym",
        "steps": 60,
        "bar": None,
        "reference": "none",
        "episodes": 7,
    }
    return GymnasiumSeedRun(Row(**(fields | changes)), 3, directory)


def option(command: list[str], name: str) -> str:
    return command[command.index(name) + 1]


def whole(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("")


def test_a_row_without_more_is_trained_and_then_judged(tmp_path: Path) -> None:
    train, judge = seed_run(tmp_path, algorithm="td3").commands()
    assert train[3] == "train" and judge[3] == "evaluate"
    assert option(train, "--seed") == option(judge, "--seed") == "3"
    assert option(train, "--out") == judge[4] == str(tmp_path / "run")
    assert option(judge, "--episodes") == "7" and option(judge, "--import") == "panda_gym"


def test_the_best_policy_is_judged_where_the_row_looks_for_it(tmp_path: Path) -> None:
    _, judge = seed_run(tmp_path, evaluate_every=10).commands()
    assert judge[4] == str(tmp_path / "run" / "best")


def test_demonstrations_are_made_first_for_the_seed_and_learned_from(tmp_path: Path) -> None:
    show, train, _ = seed_run(tmp_path, demonstrations=20).commands()
    assert show[3] == "demonstrate"
    assert (option(show, "--episodes"), option(show, "--seed")) == ("20", "3")
    assert option(show, "--env") == option(train, "--env") == "gymnasium:PandaPush-v3"
    assert option(show, "--out") == option(train, "--demonstrations")


def test_an_expert_is_made_first_for_the_seed_and_asked(tmp_path: Path) -> None:
    changes = {"environment": "Pendulum-v1", "import_module": None, "expert_steps": 500}
    make, train, judge = seed_run(tmp_path, **changes).commands()
    assert make[2] == "robot_learning.verification.expert"
    assert make[3:] == ["Pendulum-v1", "500", "3", str(tmp_path / "expert")]
    assert option(train, "--expert") == str(tmp_path / "expert")
    assert "--import" not in [*make, *train, *judge]


def test_what_was_made_before_a_run_was_stopped_is_not_made_again(tmp_path: Path) -> None:
    run = seed_run(tmp_path, demonstrations=20, expert_steps=500)
    make, show, train, _ = run.commands()
    (tmp_path / "expert").mkdir()  # an expert that was stopped has left no policy
    assert run.commands()[0] == make

    whole(tmp_path / "expert" / "policy.json")
    whole(Path(option(show, "--out")))
    assert [command[3] for command in run.commands()] == ["train", "evaluate"]
    assert "--resume" not in run.train_command()

    whole(tmp_path / "run" / "config.yaml")
    assert run.commands()[0] == [*train[:-1], "--resume", "--json"]
