"""Profiles: which extractors work together. A profile is a composition; nothing else asks for its name."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from typing import TYPE_CHECKING

from dubctl.emotion.base import Profile
from dubctl.errors import UsageError

if TYPE_CHECKING:
    from dubctl.emotion.paper.parts import PaperParts


def load_profile(name: str, parts: PaperParts | None = None) -> Profile:
    """The extractors of a profile, ready to use; `parts` for one that is made of named parts.

    Raises:
        UsageError: no profile of that name (the message names the nearest).
        DependencyError: its weights or packages are missing.
    """
    if name not in PROFILES:
        near = difflib.get_close_matches(name, PROFILES, n=1, cutoff=0.4)
        hint = f"did you mean {near[0]}?" if near else f"profiles: {', '.join(PROFILES)}"
        raise UsageError(f"no such profile: {name}", hint)
    return PROFILES[name]() if parts is None else PROFILES[name](parts)


def lite() -> Profile:
    """CPU, no network, weights shipped in `models/`."""
    from dubctl.emotion.audio import FunctionalsExtractor
    from dubctl.emotion.face import LiteFaceExtractor
    from dubctl.emotion.reaction import LiteReactionGenerator
    from dubctl.emotion.rter import LiteTextEmotionEncoder
    from dubctl.emotion.scene import LiteSceneExtractor
    from dubctl.emotion.text import LiteTextExtractor

    rter = LiteTextEmotionEncoder()
    return Profile("lite", LiteSceneExtractor(rter), LiteFaceExtractor(rter),
                   LiteTextExtractor(rter, LiteReactionGenerator(rter)), FunctionalsExtractor())


def paper(parts: PaperParts | None = None) -> Profile:
    """The paper's models, or what `parts` names instead of them.

    Raises:
        DependencyError: weights or packages are missing: the first of them, and the command that gets it.
    """
    from dubctl.emotion.paper.compose import compose
    from dubctl.emotion.paper.parts import PaperParts

    return compose(parts or PaperParts())


PROFILES: dict[str, Callable[..., Profile]] = {"lite": lite, "paper": paper}
