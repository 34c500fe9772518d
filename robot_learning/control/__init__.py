"""From requests to joint points: who is heard, what is asked of the arm, how it gets there."""
