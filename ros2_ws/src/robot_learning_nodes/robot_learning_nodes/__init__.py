"""Thin ROS 2 nodes: parameters, messages in, one call into the library, messages out."""

import signal
import sys
from pathlib import Path

# A node that still imports moves nothing: Ctrl-C ends it at once, without a traceback each. From
# `graph_node.run` on a signal brings the arm to rest first.
if Path(sys.argv[0]).parent.name == __name__:
    signal.signal(signal.SIGINT, signal.SIG_DFL)
