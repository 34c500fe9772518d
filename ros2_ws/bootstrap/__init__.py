"""Set-up of this checkout: a virtual environment, its wheels, and the ROS 2 workspace.

Runs on the standard library alone, because nothing else is there yet. `make setup` starts it.
"""
