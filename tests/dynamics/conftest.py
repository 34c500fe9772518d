"""Steps for tests are those of the replay's."""

import sys
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).parents[1] / "replay"))

# On a machine that does other things too, threads that wait for each other cost minutes.
torch.set_num_threads(1)
