"""Calibration of cameras with a ChArUco board: of the lens, and of where the camera is."""
