"""Limits, the gate that enforces them last before the wire, and the latched state machine.

Software safety only: nothing here is safety-rated. The emergency stop of the robot is.
"""
