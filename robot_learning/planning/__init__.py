"""Choosing actions by search: the cross-entropy method."""

from robot_learning.planning.cem import Found, cross_entropy_method

__all__ = ["Found", "cross_entropy_method"]
