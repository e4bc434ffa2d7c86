"""Profiles: which extractors work together. A profile is a composition; nothing else asks for its name."""

from __future__ import annotations

import difflib
import importlib.util
from collections.abc import Callable

from dubctl.emotion.base import Profile
from dubctl.errors import DependencyError, UsageError

PAPER_PACKAGES = ("transformers", "accelerate", "funasr", "sentencepiece")
PAPER_WEIGHTS = ("a video-text-to-text checkpoint (VideoLLaMA family)", "j-hartmann/emotion-english-roberta-large",
                 "svjack/comet-atomic-en", "emotion2vec")


def load_profile(name: str) -> Profile:
    """The extractors of a profile, ready to use.

    Raises:
        UsageError: no profile of that name (the message names the nearest).
        DependencyError: its weights or packages are missing.
    """
    if name not in PROFILES:
        near = difflib.get_close_matches(name, PROFILES, n=1, cutoff=0.4)
        hint = f"did you mean {near[0]}?" if near else f"profiles: {', '.join(PROFILES)}"
        raise UsageError(f"no such profile: {name}", hint)
    return PROFILES[name]()


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


def paper() -> Profile:
    """The paper's own models: named here, not yet part of this version.

    Raises:
        DependencyError: always, saying what is missing.
    """
    lacking = [package for package in PAPER_PACKAGES if importlib.util.find_spec(package) is None]
    packages = f"missing packages: {', '.join(lacking)}; " if lacking else ""
    raise DependencyError(f"the paper profile's backends are not part of this version; {packages}"
                          f"it would need the weights of {', '.join(PAPER_WEIGHTS)}", "use --profile lite")


PROFILES: dict[str, Callable[[], Profile]] = {"lite": lite, "paper": paper}
