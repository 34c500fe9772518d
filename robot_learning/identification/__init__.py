"""System identification: what a simulator lacks to move as the recorded arm does."""
