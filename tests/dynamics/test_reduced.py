"""An ensemble in bfloat16, and the loop over members that it is measured against."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from model_samples import linear_system, settings
from torch import Tensor

from robot_learning.benchmark.member_loop import MemberLoop
from robot_learning.dynamics import Ensemble, EnsembleFit
from robot_learning.dynamics.reduced import ROWS_MIN, Reduced, multiplies_bfloat16, saves_time


def fitted(**changes: object) -> Ensemble:
    model = Ensemble(2, 1, settings(epochs=30, **changes), torch.Generator().manual_seed(0))
    EnsembleFit(model, linear_system(), np.random.default_rng(0)).run()
    return model


@pytest.fixture(scope="module")
def model() -> Ensemble:
    return fitted()


def rows(count: int, members: int = 2) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(1)
    seen = torch.randn(members, count, 2, generator=generator)
    return seen, torch.rand(members, count, 1, generator=generator)


def test_bfloat16_errs_far_less_than_the_model_does(model: Ensemble) -> None:
    seen, done = rows(200)
    exact, rough = model.predict(seen, done)[0], Reduced(model).predict(seen, done)[0]
    changes = (exact - seen).std()
    assert 0.0 < (exact - rough).abs().max() < 0.1 * changes
    assert (exact - rough).square().mean().sqrt() < 0.01 * changes
    assert rough.dtype == torch.float32


def test_few_rows_are_in_float32(model: Ensemble) -> None:
    asked = rows(ROWS_MIN - 1)
    for one, other in zip(model.predict(*asked), Reduced(model).predict(*asked), strict=True):
        assert torch.equal(one, other)


def test_narrow_networks_are_planned_with_in_float32() -> None:
    wide, narrow = (
        Ensemble(2, 1, settings(hidden_sizes=sizes), torch.Generator())
        for sizes in ((200, 200), (200, 64))
    )
    assert not saves_time(narrow)
    assert saves_time(wide) is multiplies_bfloat16()


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_what_was_learned_since_is_in_the_copies_of_the_weights(dtype: torch.dtype) -> None:
    learner = fitted()  # of 3 members 2 are asked, which are copies
    asked = rows(50)
    before = learner.predict(*asked, dtype=dtype)[0]
    assert torch.equal(before, learner.predict(*asked, dtype=dtype)[0])
    EnsembleFit(learner, linear_system(seed=7), np.random.default_rng(1)).run()
    after = learner.predict(*asked, dtype=dtype)[0]
    twin = Ensemble(2, 1, learner.settings, torch.Generator())
    twin.load_state_dict(learner.state_dict())
    assert not torch.equal(before, after)
    assert torch.equal(after, twin.predict(*asked, dtype=dtype)[0])


def test_the_yardstick_of_the_bench_predicts_and_learns_the_same() -> None:
    ensemble = fitted(members=3, elites=3)
    ensemble.restart_optimiser()
    loop = MemberLoop(ensemble)
    for one, other in zip(ensemble.predict(*rows(20, 3)), loop.predict(*rows(20, 3)), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-6)
    data = linear_system(64)
    inputs = ensemble.inputs.scale(data.inputs).expand(3, -1, -1)
    wanted = ensemble.changes.scale(data.changes).expand(3, -1, -1)
    with torch.no_grad():
        ensemble.network.flat.add_(0.05)  # away from where it was well
    loop = MemberLoop(ensemble)
    first, last = (
        [learner.descend(inputs, wanted) for _ in range(60)] for learner in (ensemble, loop)
    )
    assert first[-1] < first[0] and abs(first[-1] - last[-1]) < 0.1 * abs(first[0] - first[-1])
