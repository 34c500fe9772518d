from __future__ import annotations

import sys
from pathlib import Path

# Samples are shared with the replay tests, and by the processes that tests here start.
_HERE = Path(__file__).parent
sys.path[:0] = [str(_HERE), str(_HERE.parent / "replay")]
