"""Random shooting, CEM, iCEM and MPPI."""

from __future__ import annotations

import torch
from torch import Tensor

from robot_learning.planning.search import Search, moved_on


class RandomShooting(Search):
    """The best of many plans that are drawn uniformly (Nagabandi et al. 2018, section IV.B)."""

    def __init__(self, horizon: int, action_size: int, *, population: int) -> None:
        super().__init__(horizon, action_size)
        self._population = population

    @property
    def rounds(self) -> int:
        """One."""
        return 1

    def candidates(self, number: int, generator: torch.Generator) -> Tensor:
        """Uniform ones; the rest of the plan before is among them."""
        del number
        drawn = torch.rand(self._population, self.horizon, self.action_size, generator=generator)
        drawn = drawn * 2.0 - 1.0
        drawn[0] = self._mean
        return drawn

    def learn(self, candidates: Tensor, values: Tensor) -> None:
        """Nothing."""


class Cem(Search):
    """The cross-entropy method as PETS uses it (Chua et al. 2018, appendix A.1 and their code).

    Candidates around a mean, which with their deviation moves towards the best of every round.
    """

    def __init__(
        self,
        horizon: int,
        action_size: int,
        *,
        population: int,
        rounds: int = 5,
        elite_share: float = 0.1,
        inertia: float = 0.1,
        std: float = 0.5,
        std_min: float = 0.02,
    ) -> None:
        """Makes one.

        Args:
            horizon: steps.
            action_size: of each.
            population: candidates of a round.
            rounds: of a search.
            elite_share: of the candidates that the next round is fitted to.
            inertia: share of the mean and deviation before that stays (alpha).
            std: of the first round.
            std_min: lowest deviation of a later one.
        """
        super().__init__(horizon, action_size)
        self._population, self._rounds = population, rounds
        self._elites = max(2, round(elite_share * population))
        self._inertia, self._first_std, self._std_min = inertia, std, std_min
        self._std = torch.full_like(self._mean, std)

    @property
    def rounds(self) -> int:
        """As asked for."""
        return self._rounds

    def candidates(self, number: int, generator: torch.Generator) -> Tensor:
        """Gaussian ones within [-1, 1]; the mean itself is among them."""
        if number == 0:
            self._std = torch.full_like(self._mean, self._first_std)
        drawn = self._noise(self._size(number), generator)
        found = (self._mean + self._std * drawn).clamp_(-1.0, 1.0)
        found[0] = self._mean
        return found

    def learn(self, candidates: Tensor, values: Tensor) -> None:
        """Moves mean and deviation towards the best."""
        count = min(self._elites, len(values))
        kept = candidates[values.topk(count).indices]
        keep = self._inertia
        self._mean = keep * self._mean + (1.0 - keep) * kept.mean(0)
        spread = kept.std(0, correction=0)
        self._std = (keep * self._std + (1.0 - keep) * spread).clamp_min(self._std_min)

    def _size(self, number: int) -> int:
        del number
        return self._population

    def _noise(self, count: int, generator: torch.Generator) -> Tensor:
        return torch.randn(count, self.horizon, self.action_size, generator=generator)


class ICem(Cem):
    """CEM with coloured noise, fewer candidates a round, and elites that stay.

    Pinneri et al. 2020, arXiv 2008.06389, section 3.
    """

    def __init__(
        self,
        horizon: int,
        action_size: int,
        *,
        population: int,
        rounds: int = 3,
        colour: float = 2.0,
        shrinking: float = 1.25,
        kept_share: float = 0.3,
        **options: float,
    ) -> None:
        """Makes one.

        Args:
            horizon: steps.
            action_size: of each.
            population: candidates of the first round.
            rounds: of a search.
            colour: beta: the noise's power falls with frequency to this power; 0 is white.
            shrinking: gamma: each round has fewer candidates by this factor.
            kept_share: of the elites that are candidates of the next round again.
            options: as of `Cem`.
        """
        super().__init__(horizon, action_size, population=population, rounds=rounds, **options)
        self._colour, self._shrinking, self._kept_share = colour, shrinking, kept_share
        self._kept = torch.empty(0, horizon, action_size)

    def forget(self) -> None:
        """See `Search.forget`."""
        super().forget()
        self._kept = self._kept[:0]

    def shift(self, actions: Tensor, steps: int = 1) -> None:
        """Elites go on too."""
        super().shift(actions, steps)
        self._kept = moved_on(self._kept, steps)

    def candidates(self, number: int, generator: torch.Generator) -> Tensor:
        """The new ones, then the elites that stay."""
        return torch.cat((super().candidates(number, generator), self._kept))

    def learn(self, candidates: Tensor, values: Tensor) -> None:
        """As `Cem`, and keeps the best."""
        super().learn(candidates, values)
        count = min(max(1, round(self._kept_share * self._elites)), len(values))
        self._kept = candidates[values.topk(count).indices]

    def _size(self, number: int) -> int:
        return max(2 * self._elites, round(self._population * self._shrinking**-number))

    def _noise(self, count: int, generator: torch.Generator) -> Tensor:
        return coloured_noise(count, self.horizon, self.action_size, self._colour, generator)


class Mppi(Search):
    """Model predictive path integral control (Williams et al. 2017, algorithm 2).

    Every candidate counts by the exponential of its value; what is carried out is their mean.
    """

    def __init__(
        self,
        horizon: int,
        action_size: int,
        *,
        population: int,
        rounds: int = 1,
        temperature: float = 0.1,
        std: float = 0.5,
        colour: float = 1.0,
    ) -> None:
        """Makes one.

        Args:
            horizon: steps.
            action_size: of each.
            population: candidates of a round.
            rounds: of a search.
            temperature: lambda, as a share of the spread of a round's values.
            std: of the noise.
            colour: of the noise, as of `ICem`.
        """
        super().__init__(horizon, action_size)
        self._population, self._rounds = population, rounds
        self._temperature, self._std, self._colour = temperature, std, colour

    @property
    def rounds(self) -> int:
        """As asked for."""
        return self._rounds

    def candidates(self, number: int, generator: torch.Generator) -> Tensor:
        """The mean, and noise around it."""
        del number
        size = self._population, self.horizon, self.action_size
        drawn = self._mean + self._std * coloured_noise(*size, self._colour, generator)
        drawn[0] = self._mean
        return drawn.clamp_(-1.0, 1.0)

    def learn(self, candidates: Tensor, values: Tensor) -> None:
        """The mean, weighted."""
        finite = values.isfinite()
        if not finite.any():
            return
        values, candidates = values[finite], candidates[finite]
        spread = values.std(correction=0).clamp_min(1e-8)
        weights = ((values - values.max()) / (self._temperature * spread)).softmax(0)
        self._mean = (weights[:, None, None] * candidates).sum(0)

    def answer(self, best: Tensor) -> Tensor:
        """The weighted mean."""
        del best
        return self._mean


def coloured_noise(
    count: int, horizon: int, action_size: int, colour: float, generator: torch.Generator
) -> Tensor:
    """Gaussian noise of variance 1 whose power falls as 1 / f^colour (Timmer and Koenig 1995).

    Returns:
        shape (count, horizon, action_size).
    """
    if colour == 0.0 or horizon < 2:
        return torch.randn(count, horizon, action_size, generator=generator)
    frequencies = torch.fft.rfftfreq(horizon)
    frequencies[0] = frequencies[1]
    scale = frequencies ** (-colour / 2.0)
    shape = (count, action_size, len(scale))
    real, imaginary = (torch.randn(shape, generator=generator) for _ in range(2))
    imaginary[..., 0] = 0.0
    power = torch.full((len(scale),), 2.0)
    power[0] = 1.0
    if horizon % 2 == 0:
        imaginary[..., -1] = 0.0
        power[-1] = 1.0
    spectrum = torch.complex(real * scale, imaginary * scale)
    # A bin with two parts has half the variance in each of them.
    both = torch.where(power == 2.0, torch.tensor(2.0**-0.5), torch.tensor(1.0))
    drawn = torch.fft.irfft(spectrum * both, n=horizon)
    variance = (power * scale.square()).sum() / horizon**2
    noise: Tensor = (drawn / variance.sqrt()).transpose(1, 2)
    return noise
