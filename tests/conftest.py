"""Property-based tests draw the same examples every time, so that a green run stays green.

None has a deadline: how long an example takes says nothing on a loaded machine.

`HYPOTHESIS_PROFILE=explore pytest` draws others, and many more of them: what it finds becomes an
`@example`.
"""

from __future__ import annotations

import os

from hypothesis import settings

settings.register_profile("repeat", derandomize=True, deadline=None)
settings.register_profile("explore", max_examples=1_000, deadline=None, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "repeat"))
