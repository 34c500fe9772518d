"""What every kind of model is to a policy file and a checkpoint."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
import torch
from model_samples import SMALL, linear_system

from robot_learning.dynamics import (
    MODELS,
    DynamicsError,
    StoredModel,
    begin_fit,
    describe_model,
    read_model,
)

DATA = linear_system(200, noise=0.05)


def made(kind: str) -> Any:
    chosen = MODELS[kind].settings.model_validate(SMALL if kind == "ensemble" else {})
    return MODELS[kind].make(2, 1, chosen, torch.Generator().manual_seed(0))


@pytest.fixture(scope="module", params=sorted(MODELS))
def model(request: pytest.FixtureRequest) -> StoredModel:
    found = made(request.param)
    fit = begin_fit(found, DATA, np.random.default_rng(0))
    while not fit.advance():
        pass
    assert fit.report is not None
    assert set(fit.report.figures()) >= {"model_loss", "model_error", "model_transitions"}
    return found


def test_what_is_read_from_float32_and_json_is_the_same_model(model: StoredModel) -> None:
    described = json.loads(json.dumps(describe_model(model)))
    tensors = {k: v.float() for k, v in model.state_dict().items() if "adam" not in k}
    twin = read_model(described, tensors, 2, 1)
    assert twin.kind == model.kind and twin.fitted
    rows = (
        DATA.observations.expand(model.members, -1, -1),
        DATA.actions.expand(model.members, -1, -1),
    )
    for one, other in zip(model.predict(*rows), twin.predict(*rows), strict=True):
        assert torch.equal(one, other)


def test_it_changes_with_nothing_that_was_given_out(model: StoredModel) -> None:
    before = model.state_dict()
    for tensor in model.state_dict().values():
        tensor.zero_()
    assert all(torch.equal(kept, before[name]) for name, kept in model.state_dict().items())


def test_tensors_of_another_size_are_refused(model: StoredModel) -> None:
    tensors = {k: v.float() for k, v in model.state_dict().items() if "adam" not in k}
    with pytest.raises((DynamicsError, RuntimeError)):
        read_model(describe_model(model), tensors, 3, 1)
    with pytest.raises(KeyError):
        read_model(describe_model(model), {}, 2, 1)


@pytest.mark.parametrize("kind", sorted(MODELS))
def test_one_that_was_not_fitted_does_not_answer_and_can_be_stored(kind: str) -> None:
    fresh = made(kind)
    again = read_model(describe_model(fresh), fresh.state_dict(), 2, 1)
    assert not again.fitted
    rows = torch.zeros(again.members, 1, 2), torch.zeros(again.members, 1, 1)
    with pytest.raises(DynamicsError, match="asked before it was fitted"):
        again.predict(*rows)
    with pytest.raises(DynamicsError, match="asked before it was fitted"):
        again.disagreement(torch.zeros(1, 2), torch.zeros(1, 1))


def test_doubt_grows_with_the_distance_from_the_data(model: StoredModel) -> None:
    actions = torch.zeros(50, 1)
    near = model.disagreement(DATA.observations[:50] * 0.3, actions)
    far = model.disagreement(DATA.observations[:50] + 25.0, actions)
    assert near.shape == (50,) and far.median() > 3.0 * near.median()


def test_an_unknown_kind_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(DynamicsError, match="'quadratic'; known: ensemble, linear, gaussian"):
        read_model({"kind": "quadratic", "settings": {}}, {}, 2, 1)
