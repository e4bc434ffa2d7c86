"""The nearest clips of every clip of a library at once: what training reads instead of a search per item."""

from __future__ import annotations

import numpy as np

from dubctl.errors import UsageError
from dubctl.library.query import Query
from dubctl.library.retrieve import MOST_REFERENCES, allowed_rows, same_footage
from dubctl.library.schema import QUERY_MODALITIES
from dubctl.library.similarity import check_metric, ranked, scores, search_matrix
from dubctl.library.store import Library

BLOCK = 256  # queries compared at a time


def neighbour_table(library: Library, k: int, *, metric: str = "cosine", allowed: np.ndarray | None = None,
                    same_speaker: bool | None = None,
                    most: int = MOST_REFERENCES) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """The K nearest clips of each of N clips by scene, face and text, exactly and never itself.

    Args:
        allowed: rows (N,) bool that may be found (`allowed_rows`), all by default.
        same_speaker: True finds only clips of the query's own speaker (speaker-specific retrieval), False only of
            others, None any (speaker-agnostic).
        most: the largest K; more than the graphs take is for export.

    Returns:
        by modality: row numbers (N, K) int32, -1 behind the last; similarities (N, K) float32, 0 there.

    Raises:
        UsageError: K out of range or an unknown metric.
    """
    check_metric(metric)
    if not 0 <= k <= most:
        raise UsageError(f"-k {k} is out of range", f"0 to {most} references per modality")
    allowed = allowed_rows(library) if allowed is None else allowed
    speakers = np.unique([row.speaker for row in library.rows], return_inverse=True)[1]
    selves = [list(same_footage(library, Query.from_library(library, place))) for place in range(len(library))]
    out = {}
    for modality in QUERY_MODALITIES:
        places = np.full((len(library), k), -1, np.int32)
        values = np.zeros((len(library), k), np.float32)
        matrix, mask = search_matrix(library, modality, metric), library.masks[modality]
        asking, footage = np.flatnonzero(mask), allowed & mask
        for block in np.array_split(asking, max(1, -(-len(asking) // BLOCK))) if k else ():
            for place, close in zip(block, _compare(matrix[block], matrix, metric), strict=True):
                fits = footage.copy() if same_speaker is None else (
                    footage & ((speakers == speakers[place]) == same_speaker))
                fits[selves[place]] = False
                best = _best(np.flatnonzero(fits), close, k)
                places[place, :len(best)] = best
                values[place, :len(best)] = scores(matrix[best], matrix[place], metric)
        out[modality] = (places, values)
    return out


def _compare(queries: np.ndarray, matrix: np.ndarray, metric: str) -> np.ndarray:
    """Similarities (B, N) as `scores`, of many queries in one product."""
    product = queries @ matrix.T
    if metric == "euclidean":
        squares = (queries**2).sum(1)[:, None] + (matrix**2).sum(1)[None] - 2 * product
        product = -np.sqrt(np.maximum(squares, 0))
    return np.round(product, 5)  # coarser than `scores`: a product of many rows rounds otherwise than one of few


def _best(places: np.ndarray, close: np.ndarray, k: int) -> np.ndarray:
    if len(places) > 4 * k:
        least = np.partition(close[places], -k)[-k]
        places = places[close[places] >= least]
    return ranked(places, close[places])[:k]
