"""Downloads from a hub that the test serves, and weights found, or not found, in the cache."""

from __future__ import annotations

import hashlib
import json
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from dubctl.catalogue import RemoteModel, catalogue, find_remote
from dubctl.cli.main import run
from dubctl.download import choose, download, faults_of, git_blob, wanted
from dubctl.errors import DependencyError, UsageError
from dubctl.hub import cache_folder, find_weights, lock_path, pinned, read_lock

COMMIT = "0123456789abcdef0123456789abcdef01234567"
FILES = {"config.json": b'{"a": 1}', "model.safetensors": bytes(range(256)) * 300, "pytorch_model.bin": b"old",
         "README.md": b"card"}


class Hub(BaseHTTPRequestHandler):
    """What of the hub's interface a download uses; files of FILES, the safetensors as a large (LFS) one."""

    served: list[tuple[str, str]] = []
    body = dict(FILES)
    cut: set[str] = set()  # files whose first answer breaks off half way

    def do_HEAD(self) -> None:
        self.answer(False)

    def do_GET(self) -> None:
        self.answer(True)

    def answer(self, whole: bool) -> None:
        path = self.path.partition("?")[0]
        if path.startswith("/api/models/own/model"):
            if not path.endswith(("/own/model", "/revision/v1", COMMIT, COMMIT[:10])):
                self.refuse("RevisionNotFound")
                return
            rows = []
            for name, content in FILES.items():
                row = {"rfilename": name, "size": len(content),
                       "blobId": hashlib.sha1(f"blob {len(content)}\0".encode() + content).hexdigest()}
                if name == "model.safetensors":
                    row["lfs"] = {"sha256": hashlib.sha256(content).hexdigest(), "size": len(content),
                                  "pointerSize": 100}
                rows.append(row)
            self.send(json.dumps({"id": "own/model", "modelId": "own/model", "sha": COMMIT, "siblings": rows,
                                  "cardData": {"license": "mit"}}).encode(), whole, {})
        elif path.startswith(f"/own/model/resolve/{COMMIT}/"):
            content = self.body[path.rsplit("/", 1)[1]]
            self.served.append((self.command, f"{path.rsplit('/', 1)[1]} {self.headers.get('Range', '')}".strip()))
            self.send(content, whole, {"ETag": f'"{hashlib.sha256(content).hexdigest()}"', "X-Repo-Commit": COMMIT,
                                       "Accept-Ranges": "bytes"}, path.rsplit("/", 1)[1])
        else:
            self.refuse("RepoNotFound")

    def refuse(self, why: str) -> None:
        self.send_response(404)
        self.send_header("X-Error-Code", why)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def send(self, content: bytes, whole: bool, headers: dict[str, str], name: str = "") -> None:
        begin = 0
        if given := self.headers.get("Range"):
            begin = int(given.removeprefix("bytes=").partition("-")[0])
        self.send_response(206 if begin else 200)
        for header, value in headers.items():
            self.send_header(header, value)
        if begin:
            self.send_header("Content-Range", f"bytes {begin}-{len(content) - 1}/{len(content)}")
        self.send_header("Content-Length", str(len(content) - begin))
        self.end_headers()
        if whole and name in self.cut:
            self.wfile.write(content[begin:len(content) // 2])
            self.wfile.flush()
            self.close_connection = True
        elif whole:
            self.wfile.write(content[begin:])

    def log_message(self, *_: object) -> None:
        """Nothing on stderr."""


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Hub]]:
    from huggingface_hub import constants

    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    for name in ("HF_HUB_OFFLINE", "HF_HUB_CACHE", "http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(Hub, "served", [])
    monkeypatch.setattr(Hub, "body", dict(FILES))
    monkeypatch.setattr(Hub, "cut", set())
    yield Hub
    server.shutdown()
    server.server_close()


def test_a_download_is_verified_pinned_and_found_afterwards(hub: type[Hub], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["models", "download", "own/model"]) == 0
    got = capsys.readouterr()
    assert "licence: mit" in got.err and got.out.strip().endswith(COMMIT)
    assert sorted(read_lock()["own/model"]["files"]) == ["config.json", "model.safetensors"], "no second weights"
    assert read_lock()["own/model"]["revision"] == COMMIT and faults_of("own/model") == []
    found = find_weights("own/model")
    assert found.folder.name == COMMIT and found.label == "own/model" and found.revision == COMMIT[:12]
    before = len([how for how, _ in hub.served if how == "GET"])
    assert run(["models", "download", "own/model", "-q"]) == 0
    assert len([how for how, _ in hub.served if how == "GET"]) == before, "what is there is not fetched again"
    (found.folder / "config.json").resolve().write_bytes(b"{}")
    assert faults_of("own/model") == [f"changed: {found.folder / 'config.json'}"]
    assert run(["models", "verify", "own/model"]) == 4


def test_a_damaged_file_is_refused_and_removed(hub: type[Hub], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(hub.body, "model.safetensors", b"x" * len(FILES["model.safetensors"]))
    with pytest.raises(DependencyError, match="model.safetensors arrived damaged"):
        download(RemoteModel("own/model", "own/model"), lambda _: None)
    assert not (cache_folder("own/model") / "snapshots" / COMMIT / "model.safetensors").exists()
    assert "own/model" not in read_lock()


def test_what_broke_off_goes_on_where_it_stopped(hub: type[Hub], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.file_download.time.sleep", lambda _: None)  # between its own tries
    monkeypatch.setattr("huggingface_hub.constants.DOWNLOAD_CHUNK_SIZE", 1280)
    hub.cut = {"model.safetensors"}
    with pytest.raises(DependencyError, match="cannot download own/model") as caught:
        download(RemoteModel("own/model", "own/model"), lambda _: None)
    assert "goes on where it stopped" in caught.value.hint and "own/model" not in read_lock()
    hub.cut = set()
    hub.served.clear()
    download(RemoteModel("own/model", "own/model"), lambda _: None)
    half = len(FILES["model.safetensors"]) // 2
    assert [what for how, what in hub.served if how == "GET"] == [f"model.safetensors bytes={half}-"]
    assert faults_of("own/model") == []


def test_two_processes_do_not_write_one_file(hub: type[Hub]) -> None:
    import fcntl

    etag = hashlib.sha256(FILES["config.json"]).hexdigest()
    part = cache_folder("own/model") / "blobs" / f"{etag}.part"
    part.parent.mkdir(parents=True)
    with part.open("wb") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(DependencyError, match="another process is fetching"):
            download(RemoteModel("own/model", "own/model"), lambda _: None)


def test_later_downloads_are_held_to_the_first(hub: type[Hub], monkeypatch: pytest.MonkeyPatch) -> None:
    """The same commit with other bytes, whatever the hub says of them, is not what was downloaded first."""
    download(RemoteModel("own/model", "own/model"), lambda _: None)
    (find_weights("own/model").folder / "config.json").resolve().unlink()
    (cache_folder("own/model") / "snapshots" / COMMIT / "config.json").unlink()
    monkeypatch.setitem(FILES, "config.json", b'{"a": 2}')  # what the hub says of the file
    monkeypatch.setitem(hub.body, "config.json", b'{"a": 2}')  # and what it sends
    with pytest.raises(DependencyError, match="config.json arrived damaged or was changed"):
        download(RemoteModel("own/model", "own/model"), lambda _: None)
    first = read_lock()["own/model"]["files"]["config.json"]["sha256"]
    assert first == hashlib.sha256(b'{"a": 1}').hexdigest()


@pytest.mark.parametrize("revision", ["v1", COMMIT, COMMIT[:10]])
def test_a_revision_is_pinned_by_flag_or_name(hub: type[Hub], revision: str) -> None:
    assert run(["models", "download", "own/model", "--revision", revision, "-q"]) == 0
    assert read_lock()["own/model"]["revision"] == COMMIT and read_lock()["own/model"]["asked"] == revision
    for name in ("own/model", f"own/model@{revision}"):
        assert find_weights(name).folder.name == COMMIT
    assert run(["models", "download", "own/model", "-q"]) == 0 and read_lock()["own/model"]["asked"] == revision
    with pytest.raises(DependencyError, match="own/model has no such revision"):
        download(wanted("own/model@nowhere"), lambda _: None)
    for wrong in (["own/model@v1"], ["own/model", "own/other"]):
        assert run(["models", "download", *wrong, "--revision", "v1"]) == 2


def test_the_first_download_is_main_for_packages_that_ask_by_name(hub: type[Hub]) -> None:
    download(RemoteModel("own/model", "own/model"), lambda _: None)
    assert (cache_folder("own/model") / "refs" / "main").read_text() == COMMIT


def test_a_pin_of_the_users_own_comes_before_the_catalogues(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    monkeypatch.delenv("HF_HUB_CACHE", raising=False)
    repo, ours = "openai/whisper-large-v3", find_remote("whisper").revision
    assert pinned(repo) == ours
    lock_path().parent.mkdir(parents=True)
    for asked, wanted_now in (("", ours), ("main", COMMIT)):
        lock_path().write_text(json.dumps({"models": {repo: {"revision": COMMIT, "asked": asked, "files": {}}}}))
        assert pinned(repo) == wanted_now


def test_a_known_sum_is_checked_too(hub: type[Hub]) -> None:
    with pytest.raises(DependencyError, match="wanted 123456123456"):
        download(RemoteModel("own/model", "own/model", sha256={"config.json": "123456" * 10}), lambda _: None)


def test_no_such_repository_and_no_network_are_one_line(hub: type[Hub], monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(DependencyError, match="no such repository.*own/other"):
        download(RemoteModel("own/other", "own/other"), lambda _: None)
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(DependencyError, match="cannot download own/model") as caught:
        download(RemoteModel("own/model", "own/model"), lambda _: None)
    assert "\n" not in caught.value.message and "network" in caught.value.hint


def test_weights_that_are_not_here_name_file_and_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    with pytest.raises(DependencyError, match="config.json") as caught:
        find_weights("own/model")
    assert caught.value.hint == "dubctl models download own/model" and caught.value.exit_code == 4
    snapshot = cache_folder("own/model") / "snapshots" / COMMIT
    snapshot.mkdir(parents=True)
    (snapshot / "config.json").write_text("{}")
    (snapshot / "model.safetensors.index.json").write_text(json.dumps({"weight_map": {"a": "one", "b": "two"}}))
    (snapshot / "one").write_bytes(b"")
    with pytest.raises(DependencyError, match=f"{COMMIT}/two"):
        find_weights("own/model")
    (snapshot / "two").write_bytes(b"")
    assert find_weights("own/model").folder == snapshot
    with pytest.raises(DependencyError, match="no such weights"):
        find_weights("./nowhere at all")
    with pytest.raises(DependencyError, match="weights of j-hartmann/emotion-english-roberta-large are missing"):
        find_weights("rter")


def test_which_files_are_needed() -> None:
    names = ["config.json", "tokenizer.json", "pytorch_model.bin", "flax_model.msgpack", "onnx/model.onnx", "README.md"]
    assert choose(names) == ["config.json", "pytorch_model.bin", "tokenizer.json"]
    assert "pytorch_model.bin" not in choose([*names, "model.safetensors"])
    assert choose(names, ("*.msgpack",)) == ["flax_model.msgpack"]


def test_names_of_the_catalogue() -> None:
    assert len({model.name for model in catalogue()}) == len(catalogue()) and all(m.licence for m in catalogue())
    assert all(re.fullmatch(r"([0-9a-f]{40})?", model.revision) for model in catalogue()), "a commit, or none yet"
    assert find_remote("whisper") is find_remote("openai/whisper-large-v3")
    assert wanted("a/b@v1") == RemoteModel("a/b", "a/b", revision="v1", asked="v1")
    other = wanted("bigvgan-22k@v1")
    assert other.files == find_remote("bigvgan-22k").files and other.asked == "v1", "only the revision is another"
    with pytest.raises(UsageError) as caught:
        wanted("whispr")
    assert "whisper" in caught.value.hint


def test_git_names_files_as_git_does(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"hello\n")
    assert git_blob(tmp_path / "x") == "ce013625030ba8dba906f756967f9e9ca394464a"
