"""`python -m robot_learning VERB`: the command line where its script is not on the path."""

from robot_learning.cli import main

main()
