"""Guided back-propagation (Springenberg et al., ICLR workshop 2015)."""

from __future__ import annotations

from torch import Tensor, nn

from models.saliency.rewiring import Network, rewired

RECTIFIERS = (nn.ReLU, nn.ReLU6)


class GuidedReLU(nn.Module):
    """A rectifier whose backward pass lets only positive gradients through.

    The gradient is masked twice: by the sign of the input, which the rectifier does, and
    by its own sign, which the hook does before the rectifier sees it.
    """

    def __init__(self, rectifier: nn.Module) -> None:
        super().__init__()
        self.rectifier = rectifier

    def forward(self, x: Tensor) -> Tensor:
        """Rectifies; the hook exists only where gradients are recorded."""
        y = self.rectifier(x)
        if y.grad_fn is not None:
            # On the node and not on the tensor: whether a tensor's hook runs before its
            # gradient is read depends on what else is asked for, and DCSM reads it signed.
            y.grad_fn.register_prehook(_rectified)
        return y


def _rectified(gradients: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    return tuple(gradient.relu() for gradient in gradients)


def guided(network: Network) -> Network:
    """A frozen copy of a network in evaluation mode, with every rectifier guided.

    Args:
        network: A network whose rectifiers are ``nn.ReLU`` or ``nn.ReLU6`` modules inside it.

    Returns:
        The copy; the network itself is not touched.
    """
    # The copy rectifies out of place: its output may be the tap's own tensor.
    return rewired(network, RECTIFIERS, lambda layer: GuidedReLU(type(layer)(inplace=False)))
