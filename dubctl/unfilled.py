"""Networks whose weights are loaded next: torch's random ones, which take longer to draw than the file to read, are
left out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch.nn import init
from torch.overrides import TorchFunctionMode

# torch.nn.init's are named too: inside them the mode below is off
_DRAWS = {torch.Tensor.uniform_, torch.Tensor.normal_, init.kaiming_uniform_, init.xavier_uniform_, init.uniform_,
          init.normal_}


class _NoDraws(TorchFunctionMode):
    def __torch_function__(self, func: Callable[..., Any], types: Any, args: Any = (), kwargs: Any = None) -> Any:
        given = kwargs or {}
        if func in _DRAWS:
            return args[0] if args else given["tensor"]
        return func(*args, **given)


@contextmanager
def unfilled() -> Iterator[None]:
    """Modules made inside hold whatever was in memory: every parameter must be loaded or reset afterwards."""
    with _NoDraws():
        yield
