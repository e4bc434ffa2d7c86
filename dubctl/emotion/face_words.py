"""Numbers of a face -> one English sentence about how its expression changes. Deterministic.

The words are the everyday ones (happy, sad, afraid …) that a text-emotion encoder learnt from comments and dialogue.
The expression model is weak (66 % on its own test set, single frames, upset by talking), so it speaks only in means
over a third of the clip, and what the landmarks measure (brows, eyes, corners of the mouth) stands beside it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

NO_FACE = "No face is visible."
FEELINGS = {"anger": "angry", "disgust": "disgusted", "fear": "afraid", "joy": "happy", "sadness": "sad",
            "surprise": "surprised"}
SLIGHT, PLAIN, STRONG = 0.20, 0.35, 0.65  # probability of the strongest expression but neutral

# Means of a speaker with a neutral face (a GRID talker), in eye distances, and how far from them is worth a word
RESTING = {"brows": 0.25, "frown": 0.35, "eyes": 0.095, "corners": 0.015}
MARGIN = {"brows": 0.05, "frown": 0.045, "eyes": 0.03, "corners": 0.045}
CHANGE = {"brows": 0.025, "frown": 0.02, "eyes": 0.02, "corners": 0.03}


def feeling(expression: Mapping[str, float]) -> str:
    """One word or two for mean expression probabilities: "calm", "slightly sad", "sad", "very sad"."""
    name = max(FEELINGS, key=lambda key: expression[key])
    share = expression[name]
    if share < SLIGHT or (share < PLAIN and expression["neutral"] > 3 * share):
        return "calm"
    degree = "slightly " if share < PLAIN else "very " if share >= STRONG else ""
    return degree + FEELINGS[name]


def course(words: Sequence[str]) -> str:
    """How the feeling goes through the clip, from the word of each third (1 to 3 words).

    >>> course(["calm", "sad", "sad"])
    'The face starts calm, then turns sad'
    """
    steps = [word for i, word in enumerate(words) if i == 0 or word != words[i - 1]]
    if len(steps) == 1:
        return f"The face stays {steps[0]} throughout"
    if len(steps) == 2:
        late = len(words) == 3 and words[1] == words[0]
        return f"The face is {steps[0]} and turns {steps[1]} at the end" if late else \
            f"The face starts {steps[0]}, then turns {steps[1]}"
    if steps[0] == steps[2]:
        return f"The face is {steps[0]}, turns {steps[1]} for a moment, then is {steps[2]} again"
    return f"The face starts {steps[0]}, turns {steps[1]} and ends {steps[2]}"


def features(stats: Mapping[str, float]) -> list[str]:
    """What the landmarks say, strongest kinds first: mouth, brows, eyes, smile, head."""
    said = [_mouth(stats)]
    said += _part(stats, "corners", "the mouth smiles", "the corners of the mouth droop", "a smile comes up",
                  "the smile fades")
    said += _part(stats, "brows", "the brows are raised", "the brows are lowered", "the brows go up",
                  "the brows come down")
    said += _part(stats, "frown", "", "the brows are drawn together in a frown", "the frown relaxes",
                  "a frown comes up")
    said += _part(stats, "eyes", "the eyes are wide open", "the eyes are narrowed or cast down", "the eyes widen",
                  "the eyes close or look down")
    if stats["head_motion"] > 0.06:
        said.append("the head moves restlessly" if stats["head_motion"] > 0.12 else "the head moves")
    if stats["blinks_per_second"] > 1.2:
        said.append("the eyes blink often")
    return said


def sentence(words: Sequence[str], stats: Mapping[str, float], coverage: float) -> str:
    """The caption: course of the feeling; features."""
    text = f"{course(words)}; {', '.join(features(stats))}."
    return text if coverage >= 0.5 else f"{text[:-1]}; the face is seen only for a part of the clip."


def _mouth(stats: Mapping[str, float]) -> str:
    if stats["mouth_motion"] < 0.003:
        return "the mouth hangs open and still" if stats["opening"] > 0.15 else "the mouth is still"
    if stats["opening_peak"] > 0.35:
        return "the mouth opens wide, as in a shout or a cry"
    return "the mouth moves a lot" if stats["mouth_motion"] > 0.012 else "the mouth moves a little"


def _part(stats: Mapping[str, float], name: str, high: str, low: str, rising: str, falling: str) -> list[str]:
    """A change through the clip where there is one, else an unusual level."""
    change, level = stats[f"{name}_change"], stats[name] - RESTING[name]
    if abs(change) > CHANGE[name]:
        word = rising if change > 0 else falling
    else:
        word = high if level > MARGIN[name] else low if level < -MARGIN[name] else ""
    return [word] if word else []
