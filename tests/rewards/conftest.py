from __future__ import annotations

import sys
from pathlib import Path

import torch

# On a machine that does other things too, threads that wait for each other cost minutes.
torch.set_num_threads(1)
# Samples of recorded episodes are shared with the tests of demonstrations.
sys.path.insert(0, str(Path(__file__).parent.parent / "demonstrations"))
