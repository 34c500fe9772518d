"""The bin with its objects: drawn by the seed alone, at rest until touched, seen by one camera."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pybullet
import pytest
from skimage.metrics import structural_similarity

from robot_learning.contract import BinGraspTask, Contract, load_contract, task_of
from robot_learning.hardware import JointPoint
from robot_learning.kinematics import ArmKinematics
from robot_learning.perception.geometry import PictureGeometry
from robot_learning.perception.image_pipeline import ImagePipeline
from sim import layouts
from sim.objects import ObjectError, object_model, object_numbers


def changed(robot: str = "panda", **task: object) -> Contract:
    data = load_contract(robot, "bin_grasp").model_dump(mode="json")
    data["task"] |= task
    return Contract.model_validate(data)


STEADY = {
    "camera_fov_factor": [1.0, 1.0],
    "light_ambient": [0.6, 0.6],
    "mass_factor": [1.0, 1.0],
    "friction": [1.0, 1.0],
}
ONE = {"source": "random_urdfs", "count_min": 1, "count_max": 1}


@pytest.fixture(scope="module")
def single() -> Contract:
    """One object, and nothing varies but what it is and where it lies."""
    return changed(objects=ONE, randomisation=STEADY)


def test_a_tenth_of_the_objects_is_never_seen_in_training():
    train, unseen = object_numbers("train"), object_numbers("unseen")
    assert (len(train), len(unseen)) == (900, 100)
    assert not set(train) & set(unseen) and unseen[:3] == (0, 10, 20)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "No such file"),
        ("<robot", "unclosed token"),
        ("<robot><link/></robot>", "it has no <link/collision/geometry/mesh>"),
    ],
)
def test_an_object_that_cannot_be_used_is_named(monkeypatch, tmp_path, text, said):
    monkeypatch.setattr("sim.objects.pybullet_data.getDataPath", lambda: str(tmp_path))
    folder = tmp_path / "random_urdfs" / "007"
    folder.mkdir(parents=True)
    if text is not None:
        (folder / "007.urdf").write_text(text)
    object_model.cache_clear()
    with pytest.raises(ObjectError, match=r"007\.urdf: no usable object") as caught:
        object_model(7)
    assert said in str(caught.value)
    object_model.cache_clear()


def test_a_layout_is_made_once_and_a_damaged_one_anew(monkeypatch, tmp_path, single):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    task = task_of(single, BinGraspTask)
    made = layouts.layout(task, "train", 3)
    (path,) = Path(tmp_path).rglob("00003.json")
    assert layouts.layout(task, "train", 3) == made and len(made) == 1
    rows = json.loads(path.read_text())
    path.write_text(json.dumps([rows[0] | {"number": 999}]))
    assert layouts.layout(task, "train", 3)[0].number == 999, "it is read and not made again"
    path.write_text("[")
    with pytest.warns(UserWarning, match=r"00003\.json: is damaged and made anew"):
        assert layouts.layout(task, "train", 3) == made


def test_a_cache_that_cannot_be_written_says_what_to_set(monkeypatch, tmp_path, single):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    with pytest.raises(OSError, match="set XDG_CACHE_HOME to a folder that can"):
        layouts.layout(task_of(single, BinGraspTask), "train", 4)


def test_objects_lie_in_the_bin_and_stay_there(opened):
    contract = changed()
    hardware, box = opened(contract), task_of(contract, BinGraspTask).bin
    for seed in range(3):
        hardware.reset(seed)
        before = hardware.read_scene()["object_position_m"]
        assert 1 <= len(before) <= 10
        assert (np.abs(before[:, :2] - box.centre_m) < np.array(box.size_m) / 2).all()
        hardware.step(1.0)
        after = hardware.read_scene()["object_position_m"]
        np.testing.assert_allclose(after, before, atol=1e-3)


def test_the_seed_alone_decides_what_is_seen(opened):
    contract = changed()
    first, second = opened(contract), opened(contract)
    first.reset(8)  # whatever was there before leaves nothing
    for hardware in (first, second):
        hardware.reset(5)
        hardware.step(0.1)
    np.testing.assert_array_equal(*(h.read_scene()["object_position_m"] for h in (first, second)))
    np.testing.assert_array_equal(*(h.read_picture().rgb for h in (first, second)))
    assert not np.array_equal(first.read_picture().rgb, redrawn(second, 6))


def redrawn(hardware, seed):
    hardware.reset(seed)
    return hardware.read_picture().rgb


def test_resets_leave_no_bodies_behind(opened, single):
    hardware = opened(single)
    counts = set()
    for seed in range(4):
        hardware.reset(seed)
        counts.add(pybullet.getNumBodies(physicsClientId=hardware._client))
    assert len(counts) == 1


@pytest.mark.parametrize("robot", ["panda", "fr3", "iiwa7"])
def test_the_picture_is_the_part_of_the_cameras_image_that_the_contract_names(opened, robot):
    contract = changed(robot, objects=ONE, randomisation=STEADY)
    hardware, image = opened(contract), task_of(contract, BinGraspTask).image
    hardware.reset(1)
    camera = contract.robot.cameras[0]
    crop = image.crop_px(camera.width_px, camera.height_px)
    pipeline = ImagePipeline(image.size_px, camera.width_px, camera.height_px, crop)
    cut = pipeline.process(hardware.read_camera(camera.name).rgb)
    picture = hardware.read_picture().rgb
    assert picture.shape == cut.shape == (64, 64, 3)
    assert structural_similarity(cut, picture, channel_axis=2) > 0.9


def test_the_geometry_says_where_in_the_picture_an_object_is(opened, single):
    hardware, image = opened(single), task_of(single, BinGraspTask).image
    geometry = PictureGeometry(single.robot.cameras[0], image)
    np.testing.assert_allclose(geometry.intrinsics, hardware.read_picture().intrinsics)
    hardware.robot.place(np.array([2.5, -1.0, 0.0, -2.5, 0.0, 1.5, 0.0]), 0.0)  # out of the way
    hardware._task.clear()
    empty = hardware.read_picture().rgb.astype(int)
    for seed in range(4):
        hardware.redraw_scene(seed)
        moved = np.abs(hardware.read_picture().rgb.astype(int) - empty).max(axis=2) > 20
        row, column = np.nonzero(moved)
        (position,) = hardware.read_scene()["object_position_m"]
        near = 0.025 * geometry.pixels_per_metre(position)  # its middle is not its picture's
        assert (column.mean(), row.mean()) == pytest.approx(geometry.project(position), abs=near)


def test_every_range_of_the_contract_is_used_and_kept(opened):
    hardware = opened(changed())
    vary = task_of(hardware.contract, BinGraspTask).randomisation
    seen = []
    for seed in range(5):
        hardware.redraw_scene(seed)
        variation = hardware._task.camera_variation
        assert np.abs(variation.position_m).max() <= vary.camera_position_m
        assert np.abs(variation.look_at_m).max() <= vary.camera_look_at_m
        assert vary.camera_fov_factor[0] <= variation.fov_factor <= vary.camera_fov_factor[1]
        assert vary.light_ambient[0] <= variation.ambient <= vary.light_ambient[1]
        assert vary.latency_s[0] <= hardware._task.extra_delay_s <= vary.latency_s[1]
        for body in hardware._task._bodies:
            mass, friction = pybullet.getDynamicsInfo(body, -1, hardware._client)[:2]
            assert 0.1 * vary.mass_factor[0] <= mass <= 0.1 * vary.mass_factor[1] + 1e-9
            assert vary.friction[0] - 1e-9 <= friction <= vary.friction[1] + 1e-9
        seen.append((variation.fov_factor, hardware._task.extra_delay_s))
    assert len(set(seen)) == 5


def test_objects_that_nobody_touches_are_not_looked_at(opened):
    hardware = opened(changed(objects=ONE | {"count_min": 6, "count_max": 10}))
    for seed in range(3):  # the first reset restores nothing, later ones do
        hardware.reset(seed)
        hardware.step(0.2)
        assert not pybullet.getContactPoints(physicsClientId=hardware._client)


def test_what_never_moves_hides_what_lies_behind_it_and_no_more(opened, single):
    hardware = opened(single)
    hardware.robot.place(np.array([2.5, -1.0, 0.0, -2.5, 0.0, 1.5, 0.0]), 0.0)  # out of the way
    seen = hardware.read_picture().rgb
    (body,), client = hardware._task._bodies, hardware._client
    heights = []
    for height_m in (-0.3, 0.2):  # under the table, and over the bin
        where = ((0.5, 0.0, height_m), (0.0, 0.0, 0.0, 1.0))
        pybullet.resetBasePositionAndOrientation(body, *where, physicsClientId=client)
        heights.append(hardware.read_picture().rgb)
    hardware._task.clear()
    empty = hardware.read_picture().rgb
    np.testing.assert_array_equal(heights[0], empty)
    assert (heights[1] != empty).any() and (seen != empty).any()


def test_a_sleeping_object_wakes_when_it_is_touched_and_can_be_lifted(opened, single):
    hardware, kinematics = opened(single), ArmKinematics(single.robot.arm)
    home = kinematics.home_position_rad
    down = kinematics.tcp_pose(home)[1]
    lifted = 0
    for seed in range(6):
        hardware.reset(seed)
        (position,) = hardware.read_scene()["object_position_m"]
        low = np.append(position[:2], max(0.035, position[2] - 0.01))
        over = kinematics.inverse(low + np.array([0.0, 0.0, 0.1]), down, home)
        there = kinematics.inverse(low, down, over)
        for q, seconds in ((over, 2.0), (there, 1.5)):
            hardware.write_joint_trajectory([JointPoint(seconds, q, np.zeros(7))])
            hardware.step(seconds + 0.2)
        hardware.write_gripper(0.0, 20.0)
        hardware.step(0.8)
        hardware.write_joint_trajectory([JointPoint(1.5, over, np.zeros(7))])
        hardware.step(1.8)
        (after,) = hardware.read_scene()["object_position_m"]
        lifted += after[2] > position[2] + 0.05
    assert lifted >= 2
