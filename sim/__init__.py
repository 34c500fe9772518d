"""PyBullet behind the library's `Hardware` protocol: the only place that imports pybullet."""
