"""Grasping from the camera: QT-Opt on images, its data and its exploration."""
