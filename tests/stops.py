"""For tests of a training: a loss that stops it, and a count of how often it waits for a value."""

import torch
from torch.utils._python_dispatch import TorchDispatchMode


class Stopped(Exception):
    pass


def stops_at(loss, step):
    """The loss, up to that training step; there it raises Stopped."""
    count = 0

    def stopping(model, *x, generator, **options):
        nonlocal count
        count += model.training
        if count == step:
            raise Stopped
        return loss(model, *x, generator=generator, **options)

    return stopping


class Waits(TorchDispatchMode):
    """Counts how often Python waits for a tensor's value."""

    count = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        self.count += func is torch.ops.aten._local_scalar_dense.default
        return func(*args, **kwargs or {})
