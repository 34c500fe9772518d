from __future__ import annotations

from pathlib import Path

from bootstrap.stamps import Stamps, digest


def test_a_stage_is_done_only_with_the_inputs_it_was_finished_with(tmp_path: Path) -> None:
    stamps = Stamps(tmp_path)
    assert not stamps.matches("wheels", "a")
    stamps.finish("wheels", "a")
    assert stamps.matches("wheels", "a")
    assert not stamps.matches("wheels", "b")
    assert not stamps.matches("workspace", "a")


def test_a_stage_that_was_begun_and_not_finished_is_not_done(tmp_path: Path) -> None:
    stamps = Stamps(tmp_path)
    stamps.finish("wheels", "a")
    stamps.begin("wheels")
    assert not stamps.matches("wheels", "a")


def test_a_torn_stamp_is_not_done(tmp_path: Path) -> None:
    stamps = Stamps(tmp_path)
    stamps.finish("wheels", "abcdef")
    (tmp_path / "wheels").write_bytes(b"abc")
    assert not stamps.matches("wheels", "abcdef")
    (tmp_path / "wheels").write_bytes(b"\xff\xfe")
    assert not stamps.matches("wheels", "abcdef")


def test_the_digest_changes_with_content_name_addition_and_facts(tmp_path: Path) -> None:
    source = tmp_path / "src"
    source.mkdir()
    (source / "a.msg").write_text("int32 x\n")
    seen = {digest(["k"], [source], tmp_path)}
    (source / "a.msg").write_text("int64 x\n")
    seen.add(digest(["k"], [source], tmp_path))
    (source / "a.msg").rename(source / "b.msg")
    seen.add(digest(["k"], [source], tmp_path))
    (source / "c.msg").touch()
    seen.add(digest(["k"], [source], tmp_path))
    seen.add(digest(["other"], [source], tmp_path))
    assert len(seen) == 5


def test_the_digest_does_not_depend_on_where_the_checkout_is(tmp_path: Path) -> None:
    keys = set()
    for name in ("here", "there"):
        root = tmp_path / name
        root.mkdir()
        (root / "a.lock").write_text("x")
        keys.add(digest([], [root / "a.lock"], root))
    assert len(keys) == 1


def test_a_missing_input_differs_from_an_empty_one(tmp_path: Path) -> None:
    path = tmp_path / "a.lock"
    missing = digest([], [path], tmp_path)
    path.touch()
    assert digest([], [path], tmp_path) != missing


def test_bytecode_is_no_input(tmp_path: Path) -> None:
    before = digest([], [tmp_path], tmp_path)
    (tmp_path / "__pycache__").mkdir()
    (tmp_path / "__pycache__" / "x.pyc").touch()
    assert digest([], [tmp_path], tmp_path) == before
