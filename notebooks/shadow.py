"""Compute what a chapter computes a second time in float64, beside its own run: what it then prints is the second's.

Each tensor that torch computes has a shadow: the same function in float64 of its inputs' shadows. Draws, optimisers'
steps and what `GIVEN` names are given, as float32 has them; bools, whole numbers and what follows from them are its
own, so that the same lines run. A number or an array that leaves torch is the shadow's.
"""

import functools
import importlib
import re
import sys
from collections import Counter

import torch
import torch._dynamo  # an optimiser brings it in at its first step, and in torch 2.6 that fails inside a mode
from torch import Tensor
from torch.distributions.utils import clamp_probs
from torch.overrides import TorchFunctionMode, resolve_name
from torch.utils._pytree import tree_leaves, tree_map
from torch.utils.weak import WeakTensorKeyDictionary

# Data, trainings and long chains: what they return is given, as a draw is.
GIVEN = {
    "genbook.data": ["mnist", "load"],
    "genbook.train": ["fit"],
    "genbook.gan": ["train_points", "train_images"],
    "genbook.rbm": ["train_pcd"],
    "genbook.gibbs": ["sample_table", "sample_gaussian", "sample_ising"],
}
# fmt: off
DRAWS = {
    "rand", "randn", "rand_like", "randn_like", "randint", "randint_like", "randperm", "normal", "normal_", "uniform_",
    "bernoulli", "bernoulli_", "multinomial", "poisson", "exponential_", "geometric_", "cauchy_", "log_normal_",
    "random_", "dropout", "dropout_", "trunc_normal_", "kaiming_uniform_", "kaiming_normal_", "xavier_uniform_",
    "xavier_normal_", "orthogonal_",
}
# fmt: on
# Decisions, written as floats: they follow the chapter's own numbers, as bools do.
STEPS = {"lt_", "le_", "gt_", "ge_", "eq_", "ne_", "sign", "round", "floor", "ceil", "trunc", "heaviside"}
PLAIN = {"backward", "__deepcopy__", "__reduce_ex__", "register_hook", "retain_grad", "share_memory_"}
LEAVING = {"item", "tolist", "numpy", "__array__", "__float__", "__format__", "__repr__"}
FACTORIES = {"tensor", "as_tensor", "linspace", "logspace", "arange", "full", "scalar_tensor"}
CHANGING = {"__setitem__", "__iadd__", "__isub__", "__imul__", "__itruediv__", "__ipow__"}  # and all that end in one _
FLOATS = (torch.float32, torch.float64)


class Shadows(TorchFunctionMode):
    """While it is entered, torch's functions are computed twice."""

    def __init__(self):
        super().__init__()
        self.kept = WeakTensorKeyDictionary()  # tensor -> (its version, its shadow)
        self.failed = Counter()  # functions that float64 could not follow: their results are given

    def __torch_function__(self, func, types, args=(), kwargs=None):
        kwargs, name = kwargs or {}, getattr(func, "__name__", "")
        if name in ("__get__", "__set__"):
            return self._property(func, name, args)
        if name in LEAVING and self._has(args[0]):
            return func(self._shadow(args[0]), *args[1:], **kwargs)
        if name == "__iter__":
            return iter(self.__torch_function__(Tensor.unbind, types, args))
        if name in DRAWS | STEPS | PLAIN:
            return func(*args, **kwargs)
        # What works in place says so by its name, or by a True among its arguments: inplace=True.
        says_so = any(x is True for x in (*args, *kwargs.values()))
        may_change = says_so or name in CHANGING or re.fullmatch("[^_].*[^_]_", name)
        given = self._given(args, kwargs) if may_change else None  # before it changes
        version = args[0]._version if may_change and isinstance(args[0], Tensor) else None
        out = _own(func, args, kwargs)
        if version is not None and args[0]._version != version:
            self._follow(self._changed, func, given, args[0])
        elif any(isinstance(x, Tensor) and x.dtype in FLOATS for x in tree_leaves(out)):
            self._follow(self._computed, func, given or self._given(args, kwargs), out)
        return out

    def _property(self, func, name, args):
        out = func(*args)
        what = func.__self__.__name__
        if name == "__set__" and what == "data":
            self._forget(args[0])
            self._keep(args[0], self._shadow(args[1]).detach().requires_grad_(args[0].requires_grad))
        elif name == "__get__" and what == "data":
            self._forget(args[0])  # what is done to it does not count as a version
        elif name == "__get__" and what != "grad" and isinstance(out, Tensor) and self._has(args[0]):
            self._follow(self._computed, func, self._given(args, {}), out)
        return out

    def _follow(self, how, func, given, out):
        try:
            self._keep(out, how(func, *given, out))
        except Exception:  # any: the result then counts as given
            self.failed[resolve_name(func) or str(func)] += 1

    def _computed(self, func, args, kwargs, out):
        name = func.__name__
        if name in FACTORIES and out.dtype == torch.float32:
            kwargs = kwargs | {"dtype": torch.float64}
        return (Tensor.double if name == "float" else func)(*args, **kwargs)

    def _changed(self, func, args, kwargs, out):
        changed = args[0].detach().clone() if func is Tensor.requires_grad_ else args[0].clone()
        func(changed, *args[1:], **kwargs)
        return changed

    def as_given(self, function):
        """The function as a draw is: computed once. What it was handed may have been changed by it."""

        @functools.wraps(function)
        def plain(*args, **kwargs):
            with torch._C.DisableTorchFunction():
                out = function(*args, **kwargs)
            for x in args:
                if isinstance(x, torch.nn.Module):
                    x = [*x.state_dict(keep_vars=True).values()]
                elif isinstance(x, torch.optim.Optimizer):
                    x = [p for group in x.param_groups for p in group["params"]]
                for t in tree_leaves(x):
                    self._forget(t)
            return out

        return plain

    def as_a_whole(self, function):
        """The function as torch's own are, since it does another thing in float64."""

        @functools.wraps(function)
        def twice(*args, **kwargs):
            return self.__torch_function__(function, (), args, kwargs)

        return twice

    def _keep(self, out, shadow):
        if isinstance(out, tuple | list):
            for one, other in zip(out, shadow, strict=True):
                self._keep(one, other)
        elif isinstance(out, Tensor) and out.dtype in FLOATS and shadow.shape == out.shape:
            self.kept[out] = (out._version, shadow.double())

    def _has(self, x) -> bool:
        found = self.kept.get(x) if isinstance(x, Tensor) else None
        return found is not None and found[0] == x._version

    def _forget(self, x):
        if isinstance(x, Tensor):
            self.kept.pop(x, None)

    def _shadow(self, x: Tensor) -> Tensor:
        if self._has(x):
            return self.kept[x][1]
        shadow = x.detach().double()
        if x.requires_grad and x.is_leaf:  # kept, so that torch.autograd.grad finds it again
            self.kept[x] = (x._version, shadow := shadow.clone().requires_grad_())
        return shadow

    def _given(self, args, kwargs):
        """The arguments of the shadow's function."""

        def given(x):
            if isinstance(x, Tensor):
                return self._shadow(x) if x.is_floating_point() else x
            return torch.float64 if x is torch.float32 else x

        return tree_map(given, (args, {key: value for key, value in kwargs.items() if key != "out"}))


def _own(func, args, kwargs):
    """The chapter's own result; an array that float64 has made comes back as the float32 that it would have been."""
    try:
        return func(*args, **kwargs)
    except RuntimeError as error:
        if "dtype" not in str(error) and "scalar type" not in str(error):
            raise
        return func(*tree_map(_single, args), **tree_map(_single, kwargs))


def _single(x):
    return x.float() if isinstance(x, Tensor) and x.dtype == torch.float64 else x


def begin() -> Shadows:
    """Enter the mode for the rest of this process."""
    shadows = Shadows()
    for module, names in GIVEN.items():
        for name in names:
            _replace("genbook", original := getattr(importlib.import_module(module), name), shadows.as_given(original))
    _replace("torch.distributions", clamp_probs, shadows.as_a_whole(clamp_probs))
    for optimizer in torch.optim.Optimizer.__subclasses__():
        optimizer.step = shadows.as_given(optimizer.step)
    shadows.__enter__()
    return shadows


def _replace(package: str, original, new) -> None:
    """Wherever a module of the package has the function under its name."""
    for module in [module for key, module in sys.modules.items() if key.startswith(package)]:
        if getattr(module, original.__name__, None) is original:
            setattr(module, original.__name__, new)
