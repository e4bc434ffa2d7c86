"""What is searched for: the clip to dub, as its extractors or a library describe it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from dubctl.emotion.base import FaceEmotion, SceneEmotion, TextEmotion
from dubctl.library.similarity import joint_text, prepared
from dubctl.library.store import Library


@dataclass(frozen=True)
class Query:
    """The clip to dub. Vectors (d,), None where it has no such modality.

    id, digests (`footage_digests`) and text say which library clip is the query itself. captions, profiles: for
    `explain` only.
    """

    scene: np.ndarray | None = None
    face: np.ndarray | None = None
    text_self: np.ndarray | None = None
    text_react: np.ndarray | None = None
    id: str | None = None
    speaker: str | None = None
    film: str | None = None
    text: str = ""
    digests: Mapping[str, str] = field(default_factory=dict)
    captions: Mapping[str, str] = field(default_factory=dict)
    profiles: Mapping[str, Sequence[float]] = field(default_factory=dict)

    @classmethod
    def of(cls, scene: SceneEmotion | None, face: FaceEmotion | None, words: TextEmotion | None, *, text: str = "",
           id: str | None = None, speaker: str | None = None, film: str | None = None,
           digests: Mapping[str, str] | None = None) -> Query:
        """From what the extractors found in a clip and its script."""
        captions = {name: part.caption for name, part in (("scene", scene), ("face", face)) if part is not None}
        felt = {"scene": scene and scene.profile, "face": face and face.profile, "text": words and words.profile}
        profiles = {name: [float(share) for share in shares] for name, shares in felt.items() if shares is not None}
        if words is not None:
            captions["reaction"] = words.reaction
        return cls(scene.vector if scene else None, face.vector if face else None,
                   words.self_vector if words else None, words.react_vector if words else None,
                   id, speaker, film, text, digests or {}, captions, profiles)

    @classmethod
    def from_library(cls, library: Library, place: int) -> Query:
        """A clip of the library as a query (it will not find itself)."""
        row, masks = library.rows[place], library.masks

        def vector(name: str, modality: str) -> np.ndarray | None:
            return library.vectors[name][place] if masks[modality][place] else None

        return cls(vector("scene", "scene"), vector("face", "face"), vector("text_self", "text"),
                   vector("text_react", "text"), row.id, row.speaker, row.film, row.text, row.digests, row.captions,
                   row.profiles)

    def vector(self, modality: str, metric: str) -> np.ndarray | None:
        """The query (D,) as it is searched, or None where the clip has no such modality."""
        if modality == "text":
            if self.text_self is None or self.text_react is None:
                return None
            return joint_text(self.text_self, self.text_react, metric)
        found = self.scene if modality == "scene" else self.face
        return None if found is None else prepared(found, metric)
