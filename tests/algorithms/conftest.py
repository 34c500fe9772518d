import torch

# On a machine that does other things too, threads that wait for each other cost minutes.
torch.set_num_threads(1)
