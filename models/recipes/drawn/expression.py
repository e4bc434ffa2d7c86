"""What a face does: action units (Ekman & Friesen 1978, FACS), and the prototypes of the six emotions.

Which units make an emotion follows EMFACS (Friesen & Ekman 1983): joy 6+12, sadness 1+4+15, surprise 1+2+5+26,
fear 1+2+4+5+20+26, anger 4+5+7+23, disgust 9+10+15 (here with 4 and 26 from its variants).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

EMOTIONS = ("anger", "disgust", "fear", "joy", "neutral", "sadness", "surprise")


@dataclass(frozen=True)
class Expression:
    """Action units, 0 (rest) .. 1 (strong).

    inner, outer: brow raised (AU 1, 2); knit: brows lowered and drawn together (4); wide: upper lids raised (5);
    squint: lids tightened, cheeks up (6, 7); wrinkle: nose wrinkled (9); sneer: upper lip raised (10); smile: corners
    pulled up (12); droop: corners down (15); press: lips tightened (23); stretch: mouth pulled wide (20); jaw: mouth
    open at rest (26); down: eyes cast down.
    """

    inner: float = 0.0
    outer: float = 0.0
    knit: float = 0.0
    wide: float = 0.0
    squint: float = 0.0
    wrinkle: float = 0.0
    sneer: float = 0.0
    smile: float = 0.0
    droop: float = 0.0
    press: float = 0.0
    stretch: float = 0.0
    jaw: float = 0.0
    down: float = 0.0

    def scaled(self, strength: float) -> Expression:
        """The same expression `strength` times as strong."""
        return Expression(**{name: value * strength for name, value in asdict(self).items()})


# Strengths within each prototype by random search, so that the expression model that ships sees them as meant on five
# faces and three mouth openings; the units themselves are EMFACS's, and sadness and disgust stay hard to see, as
# they are on people's faces.
PROTOTYPES: dict[str, Expression] = {
    "neutral": Expression(),
    "joy": Expression(smile=1.2, squint=0.6, outer=0.1, stretch=0.1, jaw=0.35),
    "sadness": Expression(inner=0.75, knit=0.9, droop=0.5, down=1.3, squint=0.5, stretch=0.3),
    "surprise": Expression(inner=1.45, outer=1.5, wide=1.5, jaw=0.6),
    "fear": Expression(inner=1.5, knit=0.4, wide=1.4, stretch=0.35, jaw=0.5, droop=0.85),
    "anger": Expression(knit=1.35, wide=0.5, squint=0.7, press=0.2, droop=0.5, sneer=0.4, wrinkle=0.3, jaw=0.3),
    "disgust": Expression(wrinkle=0.65, sneer=1.25, squint=0.15, knit=0.9, droop=0.8, jaw=0.65, inner=0.2,
                          stretch=0.35),
}


def expression_of(emotion: str, strength: float = 1.0) -> Expression:
    """The prototype of an emotion at a strength of 0 (none) .. 2; 1 is plain, and no face goes beyond 1.2 of it."""
    return PROTOTYPES[emotion].scaled(min(1.2, max(0.0, strength) ** 0.6))
