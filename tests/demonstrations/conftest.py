from __future__ import annotations

import sys
from pathlib import Path

import torch

# On a machine that does other things too, threads that wait for each other cost minutes.
torch.set_num_threads(1)
# Samples are shared with the tests of training and replay.
_TESTS = Path(__file__).parent.parent
sys.path[:0] = [str(_TESTS / "training"), str(_TESTS / "replay")]
