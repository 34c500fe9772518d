from __future__ import annotations

from pathlib import Path

from bootstrap.cmake_exports import repair, repair_text

INCLUDE = Path("/home/me/python/include/python3.11")
SITE_PACKAGES = Path("/home/me/repo/.venv/lib/python3.11/site-packages")

EXPORT = """\
set_target_properties(rosidl_generator_py PROPERTIES
  INCLUDES "${_IMPORT_PREFIX}/include;/opt/python/cp311-cp311/include/python3.11"
  NUMPY "/opt/python/cp311-cp311/lib/python3.11/site-packages/numpy/_core/include"
)
"""


def test_headers_and_packages_of_the_build_machine_become_this_environments() -> None:
    repaired = repair_text(EXPORT, INCLUDE, SITE_PACKAGES)
    assert "/opt/python" not in repaired
    assert f"${{_IMPORT_PREFIX}}/include;{INCLUDE}" in repaired
    assert f"{SITE_PACKAGES}/numpy/_core/include" in repaired


def test_wheels_of_another_python_are_repaired_too() -> None:
    text = EXPORT.replace("311", "312").replace("3.11", "3.12")
    assert "/opt/python" not in repair_text(text, INCLUDE, SITE_PACKAGES)


def test_repairing_twice_changes_nothing() -> None:
    once = repair_text(EXPORT, INCLUDE, SITE_PACKAGES)
    assert repair_text(once, INCLUDE, SITE_PACKAGES) == once


def test_a_folder_name_is_taken_literally() -> None:
    odd = Path(r"/home/a\1b/include")
    assert str(odd) in repair_text(EXPORT, odd, SITE_PACKAGES)


def test_only_files_that_need_it_are_written(tmp_path: Path) -> None:
    folder = tmp_path / "share" / "rosidl_generator_py" / "cmake"
    folder.mkdir(parents=True)
    broken, sound = folder / "export.cmake", folder / "config.cmake"
    broken.write_text(EXPORT)
    sound.write_text("set(x 1)\n")
    sound.chmod(0o444)
    assert repair(tmp_path, INCLUDE, SITE_PACKAGES) == 1
    assert repair(tmp_path, INCLUDE, SITE_PACKAGES) == 0
    assert broken.read_text() == repair_text(EXPORT, INCLUDE, SITE_PACKAGES)
