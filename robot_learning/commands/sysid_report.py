"""What `robot-learning sysid` shows of a fit and of the replay gap, and leaves in files."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from robot_learning.files import write_atomic
from robot_learning.identification.estimates import Identification
from robot_learning.identification.gap import Gap
from robot_learning.identification.picture import draw_gap
from robot_learning.identification.proof import Draw
from robot_learning.identification.recording import MotionRecording

REPORT_FILE, PICTURE_FILE = "replay_gap.json", "replay_gap.png"


def leave_report(
    report: dict[str, Any], motion: MotionRecording, gaps: Mapping[str, Gap], out: Path
) -> None:
    """Writes report and picture into a folder."""
    out.mkdir(parents=True, exist_ok=True)
    write_atomic(out / REPORT_FILE, json.dumps(report, indent=1).encode())
    draw_gap(motion, gaps, out / PICTURE_FILE)


def show_fit(
    found: Identification, report: dict[str, Any], names: tuple[str, ...], out: Path | None
) -> None:
    """Prints what was found, with intervals, and the gap before and after."""
    console = Console(soft_wrap=True)
    table = Table(title=f"{report['robot']}, with 95 % intervals", title_justify="left")
    headers = ("joint", "stiffness, 1/s²", "damping, 1/s", "viscous, 1/s", "coulomb, rad/s²")
    for header in headers:
        table.add_column(header)
    rows = zip(
        names,
        found.stiffness_1_s2,
        found.damping_1_s,
        found.viscous_friction_1_s,
        found.coulomb_friction_rad_s2,
        strict=True,
    )
    for name, *estimates in rows:
        table.add_row(name, *(f"{e.value:.3g} ({e.low:.3g} to {e.high:.3g})" for e in estimates))
    console.print(table)
    delay = found.control_delay_s
    texts = [f"command to motion {1e3 * delay.value:.1f} ms"]
    texts[0] += f" ({1e3 * delay.low:.1f} to {1e3 * delay.high:.1f})"
    if found.state_latency_s is not None:
        texts.append(f"state latency {1e3 * found.state_latency_s.value:.1f} ms")
    else:
        texts.append("state latency unknown: stamps and receipt are on different clocks")
    console.print("; ".join(texts), highlight=False)
    show_gaps(report["gap"])
    if report["written"]:
        console.print(f"written: {report['written']}", highlight=False)
    else:
        console.print("nothing written; --write puts it under `simulation`", highlight=False)
    if out is not None:
        console.print(f"look at: {out / PICTURE_FILE}", highlight=False)


def show_gaps(gaps: Mapping[str, Mapping[str, Any]]) -> None:
    """Prints gaps side by side, each as `Gap.plain`."""
    table = Table(title="replay gap, rms (at most), mrad", title_justify="left")
    table.add_column("")
    for name in gaps:
        table.add_column(name, justify="right")
    first = next(iter(gaps.values()))
    for joint in first["rmse_rad"]:
        cells = [
            f"{1e3 * g['rmse_rad'][joint]:.2f} ({1e3 * g['max_rad'][joint]:.2f})"
            for g in gaps.values()
        ]
        table.add_row(joint, *cells)
    tool = [f"{g['tool_rmse_mm']:.2f} ({g['tool_max_mm']:.2f}) mm" for g in gaps.values()]
    table.add_row("tool", *tool)
    Console(soft_wrap=True).print(table)


def show_proof(results: Sequence[Draw]) -> None:
    """Prints how each hidden arm was found."""
    passed = sum(result.passed for result in results)
    table = Table(title=f"{passed} of {len(results)} hidden arms found", title_justify="left")
    for header in ("seed", "delay, ms", "its error, ms", "worst gain error", "in intervals"):
        table.add_column(header, justify="right")
    for result in results:
        figures = result.figures
        table.add_row(
            str(result.seed),
            f"{1e3 * figures['control_delay_s']:.1f}",
            f"{1e3 * figures['control_delay_error_s']:+.2f}",
            f"{figures['worst_gain_error']:.1%}",
            f"{figures['in_interval']} of {figures['intervals']}",
        )
    Console(soft_wrap=True).print(table)
