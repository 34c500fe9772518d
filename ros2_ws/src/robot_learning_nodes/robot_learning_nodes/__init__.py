"""Thin ROS 2 nodes: parameters, messages in, one call into the library, messages out."""
