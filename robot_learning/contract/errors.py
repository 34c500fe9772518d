"""The one error of the contract package: it says what is wrong, where, and what was expected."""

from __future__ import annotations


class ContractError(ValueError):
    """A contract file is malformed, or two contracts that must agree do not."""
