"""A graph that answers at once: driver, arm, reward monitor in one. The real one: tests/graph."""

from __future__ import annotations

from robot_learning.control.action import ActionKind
from robot_learning.control.gripper_control import GripperControl
from robot_learning.envs.arm_stepper import ArmStepper
from robot_learning.rewards.judge import make_judge
from robot_learning.training.actor_types import Judgement, Receipt


class ObedientGraph:
    """Says what the nodes would say, when it is spun."""

    def __init__(self, hardware):
        self.hardware, self.contract = hardware, hardware.contract
        self.arm = ArmStepper(hardware)
        self.arm.reset(0)
        self.judge = make_judge(self.contract)
        self.gripper = GripperControl(self.contract)
        self.gripper.set_allowed(None)
        self.now_s, self.sent, self.mail = 0.0, [], []
        self.silent = set()
        self.refuse_reset = ""
        self.closed = False
        self.deaf_to = 0
        self.lies_about = {}  # of the scene, said instead of what is there

    def attach(self, listener):
        self.listener = listener
        self.say("safety", lambda: listener.set_allowed(None))
        self.say_state()

    def say(self, what, message):
        if what not in self.silent:
            self.mail.append(message)

    def say_state(self):
        state, scene = self.hardware.read_state(), self.hardware.read_scene()
        judged = self.judge.judge(state, scene)
        seen = {name: scene[name] for name in scene if name != "target_position_m"}
        seen |= self.lies_about
        self.say("state", lambda: self.listener.on_state(state, seen))
        judgement = Judgement(judged.reward, judged.success, judged.terminated)
        self.say("reward", lambda: self.listener.on_reward(state.stamp_s, judgement))

    def spin(self, timeout_s):
        self.now_s += timeout_s
        if not self.mail and timeout_s:
            self.say_state()  # as the simulator does while time stands still
        mail, self.mail = self.mail, []
        for message in mail:
            message()

    def missing(self):
        return None

    def request(self, kind, action, stamp_s, doubt):
        sequence = len(self.sent)
        self.sent.append(kind)
        if sequence < self.deaf_to:
            return sequence
        sha256 = self.contract.sha256
        self.gripper.on_request("policy", sequence, kind, action, stamp_s, stamp_s, sha256, doubt)
        if self.gripper.width_m is not None:
            self.hardware.write_gripper(self.gripper.width_m, 30.0)
        if kind is ActionKind.HOME:
            self.arm.reset(0)
        else:
            self.arm.request(action, doubt)
            self.arm.step()
            done = self.arm.info()
            parts = (done[f"{what}_action"] for what in ("requested", "gated", "executed"))
            receipt = Receipt(*parts, observation_age_s=0.0, limits=done["limits"])
            self.say("receipt", lambda: self.listener.on_receipt(sequence, receipt))
        self.say_state()
        return sequence

    def reset(self, seed):
        if self.refuse_reset:
            self.say("reset", lambda: self.listener.on_reset(None, self.refuse_reset))
            return
        state = self.arm.reset(seed)
        self.say_state()
        self.say("reset", lambda: self.listener.on_reset(state.stamp_s))
        target = self.hardware.read_scene().get("target_position_m")
        if target is not None:
            self.say("target", lambda: self.listener.on_target(state.stamp_s, target))

    def close(self):
        self.closed = True
