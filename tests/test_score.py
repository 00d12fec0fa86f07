"""`interleave score` over a spool: each key once, the same table whatever the interruptions."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import simplejpeg
from records import make_image, make_measured

from interleave.align.models.scoring import Scoring, score_rows
from interleave.blobs import write_blob
from interleave.clean.scores import TableScores, document_key, index_scores, open_scores
from interleave.document import Image
from interleave.errors import RecipeError, TaskError
from interleave.score import Running, Scored, score
from interleave.settings import SHAPES_NOTHING, Location, Settings
from interleave.spool import write_documents

SIZE = {"max_short_side": 16}


class LightScores(Settings):
    """Mean of a picture, or the length of a text: a model that can be checked by hand."""

    kind: Literal["light"] = "light"
    name: str = "light"
    of: Literal["image", "document"] = "image"
    path: Location
    offset: float = 0
    fail_at: Annotated[int | None, SHAPES_NOTHING] = None
    kill_at: Annotated[int | None, SHAPES_NOTHING] = None

    def scorings(self) -> tuple[Scoring[Any]]:
        return (Scoring(table=Path(self.path), of=self.of, open=self._open, rows_per_part=7),)

    def _open(self, device: str | None) -> Any:
        calls = []

        def model(items: Sequence[Any]) -> pa.Table:
            calls.append(len(items))
            if len(calls) == self.fail_at:
                raise RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB\nand a long story")
            if len(calls) == self.kill_at:
                os.kill(os.getpid(), signal.SIGKILL)
            return score_rows([len(item) if isinstance(item, str) else item.mean() + self.offset for item in items])

        return model


def settings(path: Path, **values: object) -> LightScores:
    return LightScores.model_validate({"path": str(path)} | values)


def run(scores: object, work: Path, batch_size: int = 3, images: dict[str, Any] = SIZE) -> list[Scored]:
    return score([scores], work, images, Running(device=None, batch_size=batch_size, quiet=True))  # type: ignore[list-item]


def grey_of(name: str) -> int:
    return int(hashlib.sha256(name.encode()).hexdigest()[:2], 16)


def write_spool(work: Path, splits: Sequence[Sequence[Sequence[str]]], marked: bool = True) -> Path:
    """A spool of splits of documents, each given by the names of its images."""
    for number, documents in enumerate(splits):
        stem = f"{number:05d}"
        spool = work / "measure"
        with (
            write_blob(spool.parent, f"{spool.name}/{stem}.blob") as blob,
            write_documents(spool / f"{stem}.documents.parquet") as table,
        ):
            for names in documents:
                images = []
                for index, name in enumerate(names):
                    pixels = np.full((16, 20, 1), grey_of(name), np.uint8)
                    jpeg = simplejpeg.encode_jpeg(pixels, 95, "GRAY", "Gray")
                    images.append(with_blob(make_image(index, sha256=sha256(name)), blob.append(jpeg)))
                table.append(make_measured(["About:", *names], images, doc_id=sha256("".join(names))[:32]))
        if marked:
            (spool / f"{stem}.done").write_bytes(b"{}")
    return work


def with_blob(image: Image, blob: Any) -> Image:
    return replace(image, blob=blob)


def sha256(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()


def three_splits(work: Path) -> Path:
    names = [f"picture {number}" for number in range(40)]
    return write_spool(work, [[names[:5], names[3:12]], [names[10:30], [], names[:20]], [names[25:]]])


def test_every_image_of_the_spool_is_scored_once(tmp_path: Path) -> None:
    work = three_splits(tmp_path / "work")
    (found,) = run(settings(tmp_path / "s" / "light.parquet"), work)
    assert (found.known, found.computed) == (0, 40)
    rows = pq.read_table(found.table).to_pylist()
    assert [row["key"] for row in rows] == sorted(sha256(f"picture {number}") for number in range(40))
    greys = {sha256(name): grey_of(name) for name in (f"picture {number}" for number in range(40))}
    assert all(row["score"] == pytest.approx(greys[row["key"]], abs=1) for row in rows)
    assert sorted(path.name for path in (tmp_path / "s").iterdir()) == ["light.parquet"]
    table = open_scores(
        index_scores([TableScores(kind="table", name="t", of="image", path=found.table)], tmp_path / "i")["t"]
    )
    assert table.of_images([make_image(0, sha256=sha256("picture 7"))]) == [pytest.approx(grey_of("picture 7"), abs=1)]


def test_documents_are_scored_by_their_text(tmp_path: Path) -> None:
    work = write_spool(tmp_path / "work", [[["a", "bb"], ["a", "bb"], ["ccc"]]])
    (found,) = run(settings(tmp_path / "length.parquet", of="document"), work)
    assert (found.known, found.computed) == (0, 2)
    scores = {row["key"]: row["score"] for row in pq.read_table(found.table).to_pylist()}
    assert scores[document_key(make_measured(["About:", "ccc"]))] == len("About:\nccc")


def test_a_table_that_is_complete_is_left_alone(tmp_path: Path) -> None:
    work = three_splits(tmp_path / "work")
    run(settings(tmp_path / "light.parquet"), work)
    stamp = (tmp_path / "light.parquet").stat().st_mtime_ns
    (found,) = run(settings(tmp_path / "light.parquet", fail_at=1), work)
    assert (found.known, found.computed) == (40, 0)
    assert (tmp_path / "light.parquet").stat().st_mtime_ns == stamp


def test_a_table_that_grows_is_the_one_that_is_made_at_once(tmp_path: Path) -> None:
    names = [f"picture {number}" for number in range(30)]
    small, large = write_spool(tmp_path / "small", [[names[:11]]]), write_spool(tmp_path / "large", [[names]])
    run(settings(tmp_path / "grown.parquet"), small)
    (found,) = run(settings(tmp_path / "grown.parquet"), large)
    assert (found.known, found.computed) == (11, 19)
    run(settings(tmp_path / "once.parquet"), large)
    assert (tmp_path / "grown.parquet").read_bytes() == (tmp_path / "once.parquet").read_bytes()


@pytest.mark.parametrize("fail_at", [1, 3, 4, 9, 17])
def test_a_model_that_fails_loses_a_part_at_most_and_the_table_comes_out_the_same(tmp_path: Path, fail_at: int) -> None:
    work = three_splits(tmp_path / "work")
    run(settings(tmp_path / "smooth.parquet"), work)
    with pytest.raises(
        TaskError, match=r"scores.light: the model failed: RuntimeError: CUDA out of .* 2.00 GiB; what is"
    ):
        run(settings(tmp_path / "light.parquet", fail_at=fail_at), work)
    # 40 pictures are five parts of 7 and one of 5; a part of 7 is three batches of 3, the last one two.
    num_done = (fail_at - 1) // 3
    assert len(list((tmp_path / "light.parquet.parts").glob("*.parquet"))) == num_done
    (found,) = run(settings(tmp_path / "light.parquet", fail_at=17 - 3 * num_done + 1), work)
    assert found.computed == 40
    assert (tmp_path / "light.parquet").read_bytes() == (tmp_path / "smooth.parquet").read_bytes()
    assert not (tmp_path / "light.parquet.parts").exists()


def test_killed_again_and_again_it_comes_to_the_same_table(tmp_path: Path) -> None:
    work = three_splits(tmp_path / "work")
    run(settings(tmp_path / "smooth.parquet"), work)
    script = (
        "import sys; sys.path.insert(0, sys.argv[1])\nfrom pathlib import Path\nfrom test_score import run, settings\n"
        "run(settings(Path(sys.argv[2]), kill_at=int(sys.argv[4])), Path(sys.argv[3]))"
    )
    for call in (2, 5, 9):
        arguments = [Path(__file__).parent, tmp_path / "light.parquet", work, call]
        ended = subprocess.run(
            [sys.executable, "-c", script, *map(str, arguments)],
            check=False,
            timeout=60,
            capture_output=True,
            text=True,
        )
        assert ended.returncode == -signal.SIGKILL, ended.stderr
        assert not (tmp_path / "light.parquet").exists()
    assert len(list((tmp_path / "light.parquet.parts").glob("*.parquet"))) == 3
    run(settings(tmp_path / "light.parquet"), work)
    assert (tmp_path / "light.parquet").read_bytes() == (tmp_path / "smooth.parquet").read_bytes()


def test_parts_that_other_documents_left_are_not_used(tmp_path: Path) -> None:
    with pytest.raises(TaskError):
        old = write_spool(tmp_path / "old", [[list("abcdefghijklmnopqrstu")]])
        run(settings(tmp_path / "light.parquet", fail_at=7), old)
    work = three_splits(tmp_path / "work")
    (found,) = run(settings(tmp_path / "light.parquet"), work)
    run(settings(tmp_path / "smooth.parquet"), work)
    assert found.computed == 40
    assert (tmp_path / "light.parquet").read_bytes() == (tmp_path / "smooth.parquet").read_bytes()


def test_scores_of_two_models_or_of_two_sizes_do_not_share_a_table(tmp_path: Path) -> None:
    work = three_splits(tmp_path / "work")
    run(settings(tmp_path / "light.parquet"), work)
    with pytest.raises(
        RecipeError, match=r"scores.light: .*light\.parquet was made by .*offset.:0.*recipe says .*offset.:1"
    ):
        run(settings(tmp_path / "light.parquet", offset=1.5), work)
    with pytest.raises(RecipeError, match=r"max_short_side.:16.* the recipe says .*max_short_side.:32"):
        run(settings(tmp_path / "light.parquet"), work, images={"max_short_side": 32})
    pq.write_table(pa.table({"key": ["a"], "score": [1.0]}), tmp_path / "theirs.parquet")
    with pytest.raises(RecipeError, match="was made elsewhere"):
        run(settings(tmp_path / "theirs.parquet"), work)


def test_an_image_that_cannot_be_decoded_is_unknown_and_not_tried_again(tmp_path: Path) -> None:
    work = write_spool(tmp_path / "work", [[["a", "b", "c", "d"]]])
    blob = work / "measure" / "00000.blob"
    data = bytearray(blob.read_bytes())
    quarter = len(data) // 4
    data[quarter : quarter + 200] = bytes(200)
    blob.write_bytes(data)
    (found,) = run(settings(tmp_path / "light.parquet"), work)
    scores = {row["key"]: row["score"] for row in pq.read_table(found.table).to_pylist()}
    assert [name for name in "abcd" if scores[sha256(name)] is None] == ["b"]
    assert run(settings(tmp_path / "light.parquet"), work)[0].computed == 0


def test_a_corpus_without_images_leaves_an_empty_table(tmp_path: Path) -> None:
    work = write_spool(tmp_path / "work", [[[], []]])
    (found,) = run(settings(tmp_path / "light.parquet"), work)
    assert (found.known, found.computed) == (0, 0)
    read = pq.read_table(found.table)
    assert (read.num_rows, read.column_names) == (0, ["key", "score"])
    indexed = index_scores([TableScores(kind="table", name="t", of="image", path=found.table)], tmp_path / "i")["t"]
    assert open_scores(indexed).get(["a"]) == [None]


def test_without_a_measured_spool_it_says_what_to_do(tmp_path: Path) -> None:
    for work in (tmp_path / "none", write_spool(tmp_path / "unfinished", [[["a"]]], marked=False)):
        with pytest.raises(RecipeError, match="holds no measured documents; `interleave build` measures them"):
            run(settings(tmp_path / "light.parquet"), work)


def test_a_model_that_cannot_be_loaded_and_one_that_gives_too_little_are_named(tmp_path: Path) -> None:
    work = three_splits(tmp_path / "work")

    class Unloadable(LightScores):
        def _open(self, device: str | None) -> Any:
            raise OSError(f"nobody/nothing is not a local folder on {device}\nand more")

    class Short(LightScores):
        def _open(self, device: str | None) -> Any:
            return lambda items: score_rows([0.0])

    with pytest.raises(RecipeError, match=r"the model cannot be loaded: OSError: nobody/nothing .* on None$"):
        run(Unloadable(path=str(tmp_path / "a.parquet")), work)
    with pytest.raises(TaskError, match="the model gave 1 rows for 3 items"):
        run(Short(path=str(tmp_path / "b.parquet")), work)


def test_scores_from_elsewhere_are_nothing_to_compute(tmp_path: Path) -> None:
    elsewhere = TableScores(kind="table", name="t", of="image", path=str(tmp_path / "t.parquet"))
    assert run(elsewhere, three_splits(tmp_path / "work")) == []
