"""Episodes in other people's formats, and theirs as episodes: with what cannot be held."""
