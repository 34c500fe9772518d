from __future__ import annotations

import json
from pathlib import Path

import pytest

from robot_learning.diagnosis import packages
from robot_learning.diagnosis.check import Status


@pytest.mark.parametrize(
    ("found", "status"),
    [
        ((3, 10, 9), Status.FAIL),
        ((3, 11, 7), Status.OK),
        ((3, 12, 3), Status.OK),
        ((3, 13, 0), Status.FAIL),
    ],
)
def test_python_3_11_and_3_12_are_supported(found: tuple[int, int, int], status: Status) -> None:
    assert packages.check_python(found).status is status


def torch_says(gpu: str | None) -> str:
    return json.dumps({"version": "2.13.0+cpu", "threads": 2, "gpu": gpu})


def test_torch_tells_its_version_and_threads_and_the_gpu() -> None:
    torch, gpu = packages.check_torch(torch_says("RTX 4070"))
    assert torch.fact == "2.13.0+cpu, 2 threads"
    assert gpu.fact == "RTX 4070"


def test_a_gpu_that_this_torch_cannot_use_warns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packages, "_has_nvidia_device", lambda: True)
    _, gpu = packages.check_torch(torch_says(None))
    assert gpu.status is Status.WARN
    assert "ROBOT_LEARNING_TORCH=default" in gpu.mend
    monkeypatch.setattr(packages, "_has_nvidia_device", lambda: False)
    assert packages.check_torch(torch_says(None))[1].status is Status.OK


def test_a_torch_that_does_not_import_fails_with_the_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "torch.py").write_text("raise ImportError('libtorch_cpu.so: cannot open')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    (torch,) = packages.check_torch()
    assert torch.status is Status.FAIL
    assert "libtorch_cpu.so" in torch.fact


def test_the_simulators_engine_is_asked_in_a_process_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert packages.check_pybullet().status is Status.OK
    (tmp_path / "pybullet.py").write_text("raise ImportError('libGL.so.1')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    broken = packages.check_pybullet()
    assert broken.status is Status.FAIL
    assert "libGL.so.1" in broken.fact
