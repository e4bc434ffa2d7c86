"""What a profile changes in a dub beside its extractors: the vocoder, and which voices understand its vectors."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dubctl.emotion.base import Profile
from dubctl.errors import DependencyError, InputError
from dubctl.files import sha256_file
from dubctl.synth.voice import Voice

if TYPE_CHECKING:
    from dubctl.emotion.paper.parts import PaperParts


def fit_voice(voice: Voice, profile: Profile, parts: PaperParts | None,
              device: str) -> tuple[Voice, dict[str, str]]:
    """The voice with the vocoder that the parts name, and that vocoder's digest by file name ({} where it stays).

    Raises:
        InputError: the voice was trained with emotion vectors of other sizes.
        DependencyError: the vocoder is missing, or reads another mel than voices make.
    """
    config, spaces = voice.model.config, profile.spaces()
    wanted = {"scene": config.scene_dim, "face": config.face_dim, "text": config.text_dim // 2,
              "audio": config.audio_dim}
    other = next((name for name, dim in wanted.items() if spaces[name].dim != dim), "")
    if voice.emotional and other:
        raise InputError(f"the voice hears {other} vectors of {wanted[other]} numbers, the profile {profile.name} "
                         f"makes {spaces[other]}", "train a voice on a library of this profile (dubctl train LIB -o "
                         "RUN), then --voice RUN/voice")
    if parts is None or parts.vocoder == "lite":
        return voice, {}
    from dubctl.synth.bigvgan import BigVgan

    vocoder = BigVgan(parts.vocoder, device)
    if misfit := vocoder.misfit():
        raise DependencyError(misfit, "[paper] vocoder = 'nvidia/bigvgan_v2_22khz_80band_fmax8k_256x', or 'lite'")
    return (Voice(voice.model, vocoder, device, voice.schooling, voice.refiner),
            {f"vocoder {parts.vocoder}": sha256_file(vocoder.path)})
