"""Success from pictures: frames with labels, a classifier of them, and a judge that acts on it."""
