"""A stand-in for the controller of an xArm 7, for the maker's own SDK to connect to."""
