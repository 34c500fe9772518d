"""Quality of service, by what a topic is for."""

from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy

# Sensor streams are published as REP-2003 says (SystemDefaults: reliable) and only the newest
# samples matter; reliable on both sides so that lockstep never waits for a lost sample.
STREAM = QoSProfile(depth=5, reliability=ReliabilityPolicy.RELIABLE)

# Commands: the newest only, never an old one after a stall.
COMMAND = QoSProfile(depth=1, reliability=ReliabilityPolicy.RELIABLE)

# Images: newest only, a lost one is not sent again.
IMAGE = QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)

# States that a late joiner must see: a stop, the weights, the target.
LATCHED = QoSProfile(
    depth=1,
    reliability=ReliabilityPolicy.RELIABLE,
    durability=DurabilityPolicy.TRANSIENT_LOCAL,
)

# Records that must all arrive: episode steps and events.
RECORD = QoSProfile(depth=5000, reliability=ReliabilityPolicy.RELIABLE)

# Heartbeats: many publishers on one topic.
HEARTBEAT = QoSProfile(depth=50, reliability=ReliabilityPolicy.RELIABLE)
