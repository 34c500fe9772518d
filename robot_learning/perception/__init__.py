"""From a camera's image to the image that a policy sees."""
