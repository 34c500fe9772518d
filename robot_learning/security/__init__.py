"""Who may say what in a graph: a table in config/security, and the SROS2 policy made of it."""

from robot_learning.security.access import AccessTable, Profile, load_access
from robot_learning.security.policy import policy_xml

__all__ = ["AccessTable", "Profile", "load_access", "policy_xml"]
