"""Gaussian processes (Rasmussen and Williams 2006, algorithm 2.1), one a dimension, for few data.

scikit-learn finds the kernels: a squared exponential with a length for each dimension of the
inputs, and noise, where the marginal likelihood is highest (section 5.4.1). What is predicted then
takes a product with the points, in torch: so a policy file holds tensors, and whoever plays it
needs no scikit-learn.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Annotated, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field
from torch import Tensor

from robot_learning.dynamics.model import NOT_FITTED, DynamicsError, FitSettings, tensor_of
from robot_learning.dynamics.scaling import Scaling
from robot_learning.dynamics.transitions import Transitions

# Of scaled inputs and changes: a length of 100 deviations is a straight line.
_LENGTHS, _SIGNALS, _NOISES = (0.1, 100.0), (1e-2, 1e3), (1e-6, 10.0)
_PIECE = 512  # rows predicted at once: what they need grows with the points


class GaussianProcessSettings(FitSettings):
    """How much a Gaussian process keeps."""

    points_max: Annotated[int, Field(ge=2, le=2000)] = Field(
        300,
        description="Transitions that a Gaussian process keeps, the work of a fit grows with their "
        "third power; of more those that lie furthest apart.",
    )


class GaussianProcess:
    """Says how observations change from how alike inputs are (it is a `StoredModel`).

    The deviation that it predicts holds the noise and what is not known of the mean: far from
    every point it is that of all changes. A dimension that never changes is predicted to stay.

    Attributes:
        settings: of its fit.
        inputs: scaling of observation and action.
        changes: scaling of what is predicted.
    """

    kind: ClassVar[str] = "gaussian_process"
    members = 1

    def __init__(
        self,
        observation_size: int,
        action_size: int,
        settings: GaussianProcessSettings | None = None,
        generator: torch.Generator | None = None,
    ) -> None:
        """Knows nothing yet. Nothing is drawn."""
        del generator
        self.settings = settings or GaussianProcessSettings.model_validate({})
        self._sizes = inputs, outputs = observation_size + action_size, observation_size
        self.inputs, self.changes = Scaling.none(inputs), Scaling.none(outputs)
        # Scaled, float32; of kernels: lengths, then the variances of signal and noise.
        self._points, self._targets = torch.zeros(0, inputs), torch.zeros(0, outputs)
        self._kernels = torch.ones(outputs, inputs + 2)
        self.fitted = False

    def fit_pieces(self, data: Transitions) -> Iterator[None]:
        """See `SolvedModel`; each finds the kernel of one dimension."""
        inputs, changes = Scaling.of_inputs(data.inputs), Scaling.of_outputs(data.changes)
        rows = inputs.scale(data.inputs)
        kept = spread_out(rows, self.settings.points_max)
        points, targets = rows[kept], changes.scale(data.changes)[kept]
        kernels = []
        for column in targets.T:
            kernels.append(_kernel(points.double().numpy(), column.double().numpy()))
            yield
        self.inputs, self.changes = inputs, changes
        self._points, self._targets = points, targets
        self._kernels = torch.from_numpy(np.array(kernels, np.float32))
        self._prepare()

    def predict(self, observations: Tensor, actions: Tensor) -> tuple[Tensor, Tensor]:
        """See `DynamicsModel`."""
        rows = torch.cat((observations, actions), -1)
        mean, unknown = self._asked(rows.reshape(-1, rows.shape[-1]))
        noise = torch.where(self._varies, self._noise, 0.0)
        std = (unknown + noise).sqrt().float() * self.changes.std
        moved = observations + self.changes.unscale(mean.float()).view(observations.shape)
        return moved, std.view(observations.shape)

    def disagreement(self, observations: Tensor, actions: Tensor) -> Tensor:
        """See `StoredModel`: the deviation of the function, without noise."""
        _, unknown = self._asked(torch.cat((observations, actions), -1))
        return unknown.mean(-1).sqrt().float()

    def state_dict(self) -> dict[str, Tensor]:
        """See `StoredModel`."""
        return {
            "points": self._points.clone(),
            "targets": self._targets.clone(),
            "kernels": self._kernels.clone(),
            **self.inputs.state_dict("inputs"),
            **self.changes.state_dict("changes"),
        }

    def load_state_dict(self, tensors: dict[str, Tensor]) -> None:
        """See `StoredModel`; one without points was not fitted."""
        inputs, outputs = self._sizes
        points = tensor_of(tensors, "points", None, inputs)
        self._targets = tensor_of(tensors, "targets", len(points), outputs)
        self._kernels = tensor_of(tensors, "kernels", outputs, inputs + 2)
        self.inputs = Scaling.read(tensors, "inputs", inputs)
        self.changes = Scaling.read(tensors, "changes", outputs)
        self._points, self.fitted = points, False
        if len(points):
            self._prepare()

    def _prepare(self) -> None:
        """What every prediction needs, from points and kernels: lines 2 and 3 of the algorithm."""
        if not bool((self._kernels > 0.0).all()):
            raise DynamicsError("a length or variance of a kernel is not above zero")
        kernels = self._kernels.double()
        self._lengths, self._signal, self._noise = kernels[:, :-2], kernels[:, -2], kernels[:, -1]
        self._varies = self._targets.abs().amax(0) > 0.0
        self._near = self._points.double() / self._lengths[:, None]
        alike = self._alike(self._near) + torch.diag_embed(
            self._noise[:, None].expand(-1, len(self._points))
        )
        root, failed = torch.linalg.cholesky_ex(alike)
        if bool(failed.any()):
            raise DynamicsError("the points of a Gaussian process do not fit its kernels")
        self._root = torch.linalg.solve_triangular(
            root, torch.eye(len(self._points), dtype=root.dtype).expand_as(root), upper=False
        )
        targets = self._targets.double().T[..., None]
        self._weights = self._root.mT @ (self._root @ targets)
        self.fitted = True

    def _alike(self, rows: Tensor) -> Tensor:
        """Kernel with the points, (o, n, points), of rows in units of lengths, (o, n, o + a)."""
        apart = torch.cdist(rows, self._near, compute_mode="use_mm_for_euclid_dist")
        return self._signal[:, None, None] * (-0.5 * apart.square()).exp()

    @torch.no_grad()
    def _asked(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and variance of the function in scaled units, (n, o + a) -> twice (n, o)."""
        if not self.fitted:
            raise DynamicsError(NOT_FITTED)
        found = []
        for part in torch.split(self.inputs.scale(rows), _PIECE):
            alike = self._alike(part.double() / self._lengths[:, None])
            mean = (alike @ self._weights)[..., 0]
            known = (self._root @ alike.mT).square().sum(1)
            unknown = torch.where(self._varies[:, None], self._signal[:, None] - known, 0.0)
            found.append((mean.T, unknown.T.clamp_min(0.0)))
        means, variances = zip(*found, strict=True)
        return torch.cat(means), torch.cat(variances)


def spread_out(rows: Tensor, count: int) -> Tensor:
    """Numbers of rows that lie far apart, ascending (Gonzalez 1985): each new one is the furthest
    from those before.

    Args:
        rows: shape (n, size).
        count: at most so many; all where there are no more.
    """
    if len(rows) <= count:
        return torch.arange(len(rows))
    chosen, nearest = [len(rows) - 1], torch.full((len(rows),), torch.inf)
    while len(chosen) < count:
        away = (rows - rows[chosen[-1]]).square().sum(1)
        nearest = torch.minimum(nearest, away)
        chosen.append(int(nearest.argmax()))
    return torch.tensor(sorted(set(chosen)))


def _kernel(points: NDArray[np.float64], targets: NDArray[np.float64]) -> NDArray[np.float64]:
    """Lengths, signal and noise of one dimension, shape (o + a + 2,)."""
    # Here, for it takes a second: who only plays a policy needs none of it.
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.gaussian_process import GaussianProcessRegressor
    from sklearn.gaussian_process.kernels import RBF, ConstantKernel, WhiteKernel
    from threadpoolctl import threadpool_limits

    size = points.shape[1]
    if not targets.any():
        return np.ones(size + 2)
    kernel = ConstantKernel(1.0, _SIGNALS) * RBF(np.ones(size), _LENGTHS)
    kernel += WhiteKernel(1e-2, _NOISES)
    # Matrices this small are many times slower on several threads.
    with threadpool_limits(1), warnings.catch_warnings():
        # A length at its bound says that a dimension does not matter.
        warnings.simplefilter("ignore", ConvergenceWarning)
        found = GaussianProcessRegressor(kernel, alpha=0.0).fit(points, targets).kernel_
    lengths = np.broadcast_to(found.k1.k2.length_scale, size)
    return np.array([*lengths, found.k1.k1.constant_value, found.k2.noise_level])
