"""The learner with its journal and checkpoints, the in-process loop, and what a run leaves."""
