"""The gate keeps the arm off itself and off the table, and never traps it."""

import numpy as np
import pytest
from gate_world import ROBOTS, World, contract_of, kinematics_of
from hypothesis import given, settings
from hypothesis import strategies as st

from robot_learning.benchmark.gate import opened
from robot_learning.control.joint_stream import JointStream
from robot_learning.control.motion import JointTarget, Motion
from robot_learning.kinematics.arm_kinematics import resolve
from robot_learning.kinematics.collision_model import CollisionModel
from robot_learning.safety.collision_guard import CollisionGuard
from robot_learning.safety.limits import MotionLimits
from robot_learning.safety.stop_profile import StopProfile

robots = st.sampled_from(ROBOTS)
seeds = st.integers(0, 2**32)


class Touch:
    """A gate whose workspace ends nowhere, with exact distances beside it."""

    def __init__(self, robot, start=None):
        self.contract = opened(contract_of(robot))
        self.kinematics = kinematics_of(robot)
        self.model = CollisionModel(self.contract.robot, self.kinematics)
        self.distances = self.model.workspace()
        self.world = World(robot, start, contract=self.contract)
        self.limits = self.world.gate.limits

    def clearance(self, q=None):
        self.distances.update(self.world.position if q is None else q)
        return self.distances.clearance()

    def slope(self, pair):
        here, slope = self.clearance()[pair], np.zeros(7)
        for joint in range(7):
            probe = self.world.position.copy()
            probe[joint] += 1e-5
            slope[joint] = (self.clearance(probe)[pair] - here) / 1e-5
        return slope

    def as_fast_as_allowed(self, direction, share=0.9):
        twist = self.kinematics.jacobian(self.world.position) @ direction
        size = max(
            (np.abs(direction) / self.limits.velocity_rad_s).max(),
            np.linalg.norm(twist[:3]) / self.limits.tcp_speed_m_s,
            np.linalg.norm(twist[3:]) / self.limits.tcp_angular_speed_rad_s,
            1e-9,
        )
        return JointTarget(velocity_rad_s=direction * (share / size))

    def pair(self, first, second):
        """The pair of these bodies that is nearest now."""
        found = [i for i, pair in enumerate(self.model.pairs) if pair.names == (first, second)]
        return min(found, key=lambda i: self.clearance()[i])

    def near(self, rng, depth_m):
        """A posture in which some pair is nearer than its margin by at most this, or None."""
        limits = self.limits
        for _ in range(300):
            q = rng.uniform(limits.position_min_rad, limits.position_max_rad)
            least = self.clearance(q).min()
            if -depth_m <= least < 0.0:
                return q
        return None


@pytest.mark.parametrize("robot", ROBOTS)
def test_driven_down_the_tool_stops_over_the_table_and_can_go_up_again(robot):
    touch = Touch(robot)
    world = touch.world
    world.arm()
    tool = touch.pair("fingers", "table")
    for way in (-1.0, 1.0):
        for _ in range(250):
            jacobian = touch.kinematics.jacobian(world.position)
            twist = np.array([0.0, 0.0, way * 0.2, 0.0, 0.0, 0.0])
            velocity = resolve(jacobian, twist, np.zeros(7), 1e-4)
            world.tick(JointTarget(velocity_rad_s=velocity))
            assert touch.clearance().min() >= -1e-12
        if way < 0.0:
            assert world.gate.limit_counts["table_collision"] > 0
            assert world.gate.collision_pair == "fingers and table"
            assert touch.clearance()[tool] < 0.02
            world.rest_time_s()
    assert touch.clearance()[tool] > 0.1


@pytest.mark.parametrize(
    ("robot", "first", "second"),
    [
        ("panda", "link1", "hand"),
        ("fr3", "link2", "fingers"),
        ("iiwa7", "base", "hand"),
        ("gen3", "link2", "fingers"),
        ("xarm7", "link2", "hand"),
    ],
)
def test_folded_onto_itself_the_arm_stops_before_and_unfolds_again(robot, first, second):
    touch = Touch(robot)
    world = touch.world
    world.arm()
    for _ in range(60):
        pair = touch.pair(first, second)
        target = touch.as_fast_as_allowed(-touch.slope(pair))
        for _ in range(10):
            world.tick(target)
            assert touch.clearance().min() >= -1e-12
    counts = world.gate.limit_counts
    assert counts["self_collision"] + counts["table_collision"] > 0 or counts["joint_position"] > 0
    nearest = touch.clearance()[pair]
    world.rest_time_s()
    target = touch.as_fast_as_allowed(touch.slope(pair))
    for _ in range(100):
        world.tick(target)
    assert touch.clearance()[pair] > nearest + 0.02


@settings(max_examples=15)
@given(robots, seeds, st.integers(1, 3))
def test_whatever_is_asked_every_point_and_every_stop_keeps_its_distance(robot, seed, moves):
    rng = np.random.default_rng(seed)
    touch = Touch(robot)
    q = touch.world.position
    while touch.clearance(q).min() > 0.1 or touch.clearance(q).min() < 0.0:
        q = rng.uniform(touch.limits.position_min_rad, touch.limits.position_max_rad)
    world = touch.world
    world.position = q
    world.arm()
    for _ in range(moves):
        pair = int(np.argsort(touch.clearance())[rng.integers(6)])
        direction = -touch.slope(pair) + rng.choice([0.02, 0.3]) * rng.normal(size=7)
        target = touch.as_fast_as_allowed(direction, rng.choice([0.3, 0.9, 1.2]))
        for _ in range(int(rng.integers(1, 40))):
            world.tick(target, dt_s=float(rng.choice([0.01, 0.01, 0.004, 0.02])))
            assert touch.clearance().min() >= -1e-12
    for point in world.gate.stop_points(0.01):
        assert touch.clearance(point.position_rad).min() >= -1e-12
    world.rest_time_s()
    assert touch.clearance().min() >= -1e-12


@settings(max_examples=20)
@given(robots, seeds)
def test_a_way_that_is_proved_has_no_sample_that_is_too_near(robot, seed):
    # The proof itself, on motions that no gate led to: fast, turning, near by chance.
    rng = np.random.default_rng(seed)
    contract = opened(contract_of(robot))
    limits = MotionLimits.from_robot(contract.robot, contract.workspace)
    model = CollisionModel(contract.robot, kinematics_of(robot))
    guard, distances, stream = CollisionGuard(limits, model), model.workspace(), JointStream(limits)
    admitted = 0
    for _ in range(20):
        q = rng.uniform(limits.position_min_rad, limits.position_max_rad)
        before = Motion(
            q,
            rng.uniform(-0.6, 0.6, 7) * limits.velocity_rad_s * rng.choice([0.1, 1.0]),
            rng.uniform(-0.9, 0.9, 7) * limits.acceleration_rad_s2,
        )
        distances.update(q)
        if distances.clearance().min() < 0.0:
            continue
        after = stream.next(
            before, JointTarget(velocity_rad_s=rng.normal(size=7) * limits.velocity_rad_s), 0.01
        )
        if after is None:
            continue
        stop = StopProfile(after, limits)
        if guard.refuse(before, after, stop, 0.01) is not None:
            continue
        admitted += 1
        for time_s in np.linspace(0.0, stop.duration_s, 25):
            distances.update(stop.at(time_s).position)
            assert distances.clearance().min() >= -1e-12
    assert admitted  # else nothing was shown


@settings(max_examples=15)
@given(robots, seeds)
def test_what_is_too_near_already_only_parts(robot, seed):
    rng = np.random.default_rng(seed)
    touch = Touch(robot)
    q = touch.near(rng, 0.03)
    if q is None:
        return
    world = touch.world
    world.position = q
    world.arm()
    start = least = np.minimum(touch.clearance(), 0.0)
    for _ in range(4):
        target = touch.as_fast_as_allowed(rng.normal(size=7), rng.choice([0.1, 0.9]))
        for _ in range(15):
            world.tick(target)
            now = touch.clearance()
            assert (now >= start - 1e-10).all()
            assert (now >= least - 1e-4).all()  # a stop may turn, within what was admitted
            least = np.minimum(np.maximum(least, now), 0.0)


@settings(max_examples=12)
@given(robots, seeds)
def test_what_is_too_near_already_can_part(robot, seed):
    rng = np.random.default_rng(seed)
    touch = Touch(robot)
    q = touch.near(rng, 0.02)
    if q is None or (touch.clearance(q) < 0.0).sum() > 1:
        return  # of several at once, one way out need not be the other's
    world = touch.world
    world.position = q
    world.arm()
    pair = int(touch.clearance().argmin())
    before = touch.clearance()[pair]
    if np.abs(touch.slope(pair)).max() < 0.05:
        return  # hardly any joint moves these two
    for _ in range(20):
        target = touch.as_fast_as_allowed(touch.slope(pair), 0.3)
        for _ in range(5):
            world.tick(target)
    counts = world.gate.limit_counts
    assert touch.clearance()[pair] > min(before + 0.004, 0.0) or counts["joint_position"] > 0


def test_joints_that_do_not_move_a_pair_that_is_too_near_stay_free():
    touch = Touch("panda")
    rng = np.random.default_rng(0)
    world = touch.world
    while True:
        q = touch.near(rng, 0.03)
        pair = touch.model.pairs[int(touch.clearance(q).argmin())]
        if pair.joint >= 1 and (touch.clearance(q) < 0.0).sum() == 1 and abs(q[0]) < 2.0:
            break
    world.position = q
    world.arm()
    start = touch.clearance().min()
    for _ in range(60):
        world.tick(JointTarget(velocity_rad_s=np.array([0.2, 0, 0, 0, 0, 0, 0])))
    assert world.position[0] > q[0] + 0.05
    assert touch.clearance().min() == pytest.approx(start, abs=1e-9)


def test_a_robot_without_shapes_moves_as_before():
    contract = opened(contract_of("panda"))
    robot = contract.robot.model_copy(update={"collision": None})
    world = World("panda", contract=contract.model_copy(update={"robot": robot}))
    world.arm()
    for _ in range(50):
        world.tick(JointTarget(velocity_rad_s=np.full(7, 0.05)))
    assert world.gate.motion.velocity == pytest.approx(0.05)
