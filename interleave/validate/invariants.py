"""What must hold of a dataset: a code to search for, how bad it is where it does not hold, and what to do then."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """An error makes a dataset unsound; a warning is worth knowing before a long run."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True, kw_only=True)
class Invariant:
    """Something that holds of every sound dataset."""

    holds: str
    remedy: str
    severity: Severity = Severity.ERROR


_REBUILD = "build the dataset again"
_FETCH = "fetch the file again, or build the dataset again"
_STRANGE = "build the dataset again: the shards are not what its ledger says was built"

# Codes are stable; sentences may change. In the order in which a dataset is looked at.
INVARIANTS = {
    # Files
    "missing-file": Invariant(holds="every file of the manifest is there", remedy=_FETCH),
    "checksum": Invariant(holds="every file has the SHA-256 that it was sealed with", remedy=_FETCH),
    "unknown-shard": Invariant(
        holds="the folder has no tar that the manifest does not name",
        remedy="remove the file, or build the dataset again: readers that list the folder would read it",
    ),
    "takedown-unfinished": Invariant(
        holds="no take-down was interrupted",
        remedy="run `interleave takedown` on the dataset: it completes what was interrupted",
    ),
    # The manifest, and what was derived from it
    "manifest": Invariant(holds="hashes and names in the manifest fit each other", remedy=_REBUILD),
    "manifest-counts": Invariant(holds="the manifest counts what is in the shards", remedy=_REBUILD),
    "sidecar": Invariant(
        holds="the files for other readers say what manifest and index say",
        remedy="build the dataset again: other readers would see other samples",
    ),
    "ledger": Invariant(holds="every document and image is in the shards or in the ledger of drops", remedy=_STRANGE),
    "fingerprints": Invariant(
        holds="the fingerprints are of the documents in the shards",
        remedy="build the dataset again: later builds would look for duplicates of something else",
    ),
    # Tars
    "tar-structure": Invariant(holds="a shard is a plain USTAR, from the first header to the end mark", remedy=_FETCH),
    "member-name": Invariant(
        holds="names are short, ASCII and without folders",
        remedy="build the dataset again: some readers drop such names silently",
    ),
    "sample-members": Invariant(
        holds="a sample is one .json, one .input_ids.npy and its images, side by side",
        remedy=_REBUILD,
    ),
    "key-order": Invariant(holds="keys count up, each once in the dataset", remedy=_REBUILD),
    "index": Invariant(
        holds="the index says where each sample lies, and how large it is",
        remedy="build the dataset again: a loader would read other bytes than the sample's",
    ),
    "document-parts": Invariant(holds="a document has each of its parts once", remedy=_REBUILD),
    "taken-down": Invariant(
        holds="what was taken down is gone",
        remedy="run `interleave takedown` on the dataset with `--from` its takedowns.txt",
    ),
    # Samples
    "sample-json": Invariant(holds="the JSON has the fields of a sample, and they fit each other", remedy=_REBUILD),
    "sample-ids": Invariant(holds="the ids are an int32 array in a .npy file", remedy=_REBUILD),
    "image-count": Invariant(
        holds="placeholders, spans and image members are the same number",
        remedy=_REBUILD,
    ),
    "id-range": Invariant(
        holds="every id is in the vocabulary, or is the placeholder",
        remedy="build again with the tokenizer that the model has",
    ),
    "span-placeholder": Invariant(
        holds="spans cover the ids of images exactly, as the profile has them", remedy=_REBUILD
    ),
    "special-token": Invariant(
        holds="BOS begins a document, EOS ends it, and neither stands elsewhere",
        remedy="build the dataset again: special tokens must not come from texts",
    ),
    "context": Invariant(
        holds="a sample fits the context, images included", remedy="build again with the model's context"
    ),
    "loss-span": Invariant(holds="all new text is learned, and no image", remedy=_REBUILD),
    "cut-points": Invariant(holds="cut points ascend, and none lies inside an image", remedy=_REBUILD),
    "ids-text": Invariant(
        holds="the ids spell the texts",
        remedy="build again with the tokenizer of the model that is trained",
    ),
    "placeholder-text": Invariant(
        holds="no text has a literal <image>",
        remedy="build the dataset again: a literal placeholder in a text becomes an image for some trainers",
    ),
    # Images
    "image-decode": Invariant(holds="every image decodes wholly", remedy=_FETCH),
    "image-size": Invariant(holds="an image has the size that its JSON says", remedy=_REBUILD),
    "image-metadata": Invariant(
        holds="an image is pixels alone: no metadata, nothing behind its end",
        remedy="build the dataset again",
    ),
    "image-source": Invariant(holds="an image is one that the ledger has, and was not dropped", remedy=_STRANGE),
    "image-content": Invariant(holds="an image looks as it did when it was measured", remedy=_STRANGE),
    # The model that is to be trained
    "tokenizer": Invariant(
        holds="the ids are of the model's tokenizer", remedy="build again with `tokenizer:` naming that model"
    ),
    "profile": Invariant(
        holds="images become what the model makes of them", remedy="build again with the profile of that model"
    ),
    "trainer": Invariant(
        holds="the trainer's loader and collator make batches of the shards that its model takes",
        remedy="build again with the profile of the model that is trained, or mend the shards first",
    ),
    # Worth knowing
    "processor": Invariant(
        holds="the model's processor makes as many tokens of an image as were counted",
        remedy="give the processor these options in training, or build again with them as `encode.options`",
        severity=Severity.WARNING,
    ),
    "image-small": Invariant(
        holds="images are as large as the model can use",
        remedy="ask the recipe for larger ones (`image_side`), or accept that they are enlarged in training",
        severity=Severity.WARNING,
    ),
    "duplicate-sample": Invariant(
        holds="no two samples are the same",
        remedy="build again with `dedup:`",
        severity=Severity.WARNING,
    ),
    "shard-balance": Invariant(
        holds="shards can be dealt out evenly",
        remedy="build again with `shards.multiple_of` ranks x workers; this project's own loader needs no such thing",
        severity=Severity.WARNING,
    ),
}
