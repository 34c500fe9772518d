"""Quality of service, by what a topic is for."""

from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy

# Streams are published as REP-2003 says (SystemDefaults: reliable), and read as it says too: best
# effort, since only the newest sample matters and one that is late is worse than one that is lost.
# Without acknowledgements a sample costs its readers less. Lockstep says a state again.
STREAM = QoSProfile(depth=5, reliability=ReliabilityPolicy.RELIABLE)
SENSOR = QoSProfile(depth=5, reliability=ReliabilityPolicy.BEST_EFFORT)

# What belongs to one request or one state, and is missed if it does not come: kept long enough to
# be sent again.
RECEIPT = QoSProfile(depth=100, reliability=ReliabilityPolicy.RELIABLE)

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

# Whole episodes of pictures, each up to a megabyte: few, and sent again until acknowledged.
EPISODE = QoSProfile(depth=10, reliability=ReliabilityPolicy.RELIABLE)

# Heartbeats: many publishers on one topic.
HEARTBEAT = QoSProfile(depth=50, reliability=ReliabilityPolicy.RELIABLE)
