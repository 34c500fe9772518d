"""Critics that give the distribution of the return as quantiles.

Quantile regression after Dabney et al. 2018 (arXiv 1710.10044, section 4); the target of several
such critics without their highest quantiles after Kuznetsov et al. 2020 (arXiv 2005.04269,
section 3), which keeps values from growing as a minimum of critics does, in finer steps.
"""

from __future__ import annotations

import torch
from torch import Tensor


def quantile_huber(quantiles: Tensor, targets: Tensor) -> Tensor:
    """Loss of each row: summed over its quantiles, mean over the target's samples.

    Args:
        quantiles: in order of their levels, (i + 1/2) / q, shape (critics, n, q).
        targets: samples of the return, shape (n, k).

    Returns:
        shape (critics, n).
    """
    q = quantiles.shape[-1]
    levels = (torch.arange(q, dtype=quantiles.dtype) + 0.5) / q
    errors = targets[None, :, None, :] - quantiles[..., None]
    sizes = errors.abs()
    huber = torch.where(sizes <= 1.0, 0.5 * errors.square(), sizes - 0.5)
    # Being below a high quantile costs more than being above it.
    losses = (levels[:, None] - (errors < 0.0).to(levels.dtype)).abs() * huber
    return losses.mean(-1).sum(-1)


def without_highest(quantiles: Tensor, dropped: int) -> Tensor:
    """All critics' quantiles of each row together, without the highest `dropped` a critic.

    (critics, n, q) -> (n, critics * (q - dropped)), in rising order.
    """
    critics, n, q = quantiles.shape
    pooled = quantiles.transpose(0, 1).reshape(n, critics * q).sort(1).values
    return pooled[:, : critics * (q - dropped)]
