"""Quality of service as `ros2 bag` writes it, so that it plays a stream as it was offered."""

from __future__ import annotations

_FOREVER = {"sec": 9223372036, "nsec": 854775807}


def offered(depth: int, *, reliable: bool, latched: bool) -> str:
    """One profile as the YAML list that a bag's channel carries."""
    values = {
        "history": "keep_last",
        "depth": depth,
        "reliability": "reliable" if reliable else "best_effort",
        "durability": "transient_local" if latched else "volatile",
        "deadline": _FOREVER,
        "lifespan": _FOREVER,
        "liveliness": "automatic",
        "liveliness_lease_duration": _FOREVER,
        "avoid_ros_namespace_conventions": "false",
    }
    lines = []
    for key, value in values.items():
        if isinstance(value, dict):
            lines += [f"{key}:", *(f"  {name}: {number}" for name, number in value.items())]
        else:
            lines.append(f"{key}: {value}")
    return "- " + "\n  ".join(lines) + "\n"
