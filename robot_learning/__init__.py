"""Real-robot learning: the library that simulation and the ROS 2 graph both stand on.

Imports point one way: the ROS nodes and the simulator import this package; it imports neither.
"""

__version__ = "0.1.0"
