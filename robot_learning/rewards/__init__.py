"""What a state is worth: reward and success, apart from environments and nodes."""
