"""Rewrite models/manifest.json (names, licences, sizes, SHA-256) from the folders and their cards.

    python models/recipes/checksums.py

Run it after any change under models/: `dubctl models verify`, `dubctl doctor` and a test compare against it.
"""

from __future__ import annotations

from pathlib import Path

from dubctl.model_registry import MANIFEST, write_manifest


def main() -> None:
    root = Path(__file__).resolve().parents[1]
    print(f"{write_manifest(root)} models in {root / MANIFEST}")


if __name__ == "__main__":
    main()
