"""One thread: on small tensors more of them cost time, and their sums change order."""

import torch

torch.set_num_threads(1)
