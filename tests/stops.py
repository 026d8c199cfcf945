"""For tests of what happens when a training is stopped: a loss that stops it."""


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
