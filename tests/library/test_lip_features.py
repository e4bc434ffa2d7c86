"""Lip-reading features of a download: found by name, cut to the speech, refused in another shape."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dubctl.errors import InputError
from dubctl.library.importing import import_dataset
from dubctl.library.lip_features import FIELD, lip_features_of, sort_lip_features
from dubctl.library.store import Library
from dubctl.progress import silent
from dubctl.training.corpus import build_corpus
from tests import community


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Library:
    root = tmp_path_factory.mktemp("lips")
    report = import_dataset("v2c", [community.v2c_denoise2(root / "disk")], root / "lib")
    assert report["found"]["lip features"] == 13
    return Library.open(root / "lib")


def test_they_are_cut_on_the_25_fps_clock(library: Library) -> None:
    whole = np.load(library.rows[2].extra[FIELD])
    assert np.array_equal(lip_features_of(library, 2, 512, 0.2, 1.0), whole[5:25])
    assert lip_features_of(library, 2, 512, 1.38, 9.0) is None, "one frame is no track"


def test_another_width_is_an_error_that_says_what_to_set(library: Library) -> None:
    with pytest.raises(InputError, match="frames, 256") as caught:
        lip_features_of(library, 0, 256, 0, 1)
    assert "lip_features" in caught.value.hint


def test_training_reads_them_where_the_network_wants_them(library: Library) -> None:
    wide = build_corpus(library, 9.0, silent, 512)
    assert all(item.lips is not None and item.lips.shape[1] == 512 and len(item.lips) > 10 for item in wide.train)
    assert all(item.lips is None for item in build_corpus(library, 9.0, silent).train), "no landmarks in this download"
    bare = Library.open(library.path)
    del bare.rows[0].extra[FIELD]
    assert lip_features_of(bare, 0, 512, 0, 1) is None


def test_names_of_both_datasets(tmp_path: Path) -> None:
    files = [tmp_path / "extrated_embedding_Grid_152_gray" / "s6-face-bwba2a.npy",
             tmp_path / "face_emo_roberta" / "s6-bwba2a-face_caption.npy"]
    assert sort_lip_features(files, {"s6-bwba2a"}) == {"s6-bwba2a": str(files[0])}
