"""How alike two emotion vectors are, in one place: the same numbers for the index, the exact search and the tables."""

from __future__ import annotations

import numpy as np

from dubctl.errors import UsageError
from dubctl.library.schema import QUERY_MODALITIES
from dubctl.library.store import Library

METRICS = ("cosine", "dot", "euclidean")
DECIMALS = 6  # scores are compared after rounding, so that equal footage ranks by its place, not by rounding noise


def check_metric(metric: str) -> str:
    """The metric itself. Raises UsageError for an unknown one."""
    if metric not in METRICS:
        raise UsageError(f"no such metric: {metric}", f"metrics: {', '.join(METRICS)}")
    return metric


def unit(vectors: np.ndarray) -> np.ndarray:
    """Rows (…, d) scaled to length 1; a zero row stays zero."""
    norms = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.divide(vectors, norms, out=np.zeros_like(vectors), where=norms > 0)


def prepared(vectors: np.ndarray, metric: str) -> np.ndarray:
    """Scene or face vectors (…, d) as they are searched: unit for cosine, as they are for dot and euclidean."""
    vectors = np.asarray(vectors, np.float32)
    return unit(vectors) if metric == "cosine" else vectors


def joint_text(own: np.ndarray, react: np.ndarray, metric: str) -> np.ndarray:
    """T_self and T_react (…, d) as one vector (…, 2d): [self ; react] / sqrt(2) of what `prepared` gives.

    The cosine of two such vectors is exactly the mean of the two cosines (paper, text retrieval), their dot the mean
    of the two dots, their euclidean distance the root mean square of the two distances.
    """
    both = [prepared(own, metric), prepared(react, metric)]
    return np.concatenate(both, axis=-1) / np.float32(np.sqrt(2))


def search_matrix(library: Library, modality: str, metric: str) -> np.ndarray:
    """All clips' vectors (N, D) of a query modality as they are searched; kept with the library."""
    name = f"matrix:{modality}:{metric}"
    if name not in library.cache:
        vectors = library.vectors
        library.cache[name] = (joint_text(vectors["text_self"], vectors["text_react"], metric)
                               if modality == "text" else prepared(vectors[modality], metric))
    return library.cache[name]


def scores(rows: np.ndarray, query: np.ndarray, metric: str) -> np.ndarray:
    """Similarity (n,) of rows (n, D) to a query (D,), higher is more alike: cosine, dot, or minus the distance."""
    found = -np.linalg.norm(rows - query, axis=1) if metric == "euclidean" else rows @ query
    return np.round(found.astype(np.float64), DECIMALS)


def ranked(places: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Row numbers (n,) by falling score (n,), equal scores by row number."""
    return places[np.lexsort((places, -values))]


def check_modality(modality: str) -> str:
    """The modality itself. Raises UsageError for one that footage is not searched by."""
    if modality not in QUERY_MODALITIES:
        raise UsageError(f"no such modality: {modality}", f"modalities: {', '.join(QUERY_MODALITIES)}")
    return modality
