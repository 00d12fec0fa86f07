"""How fast text is repaired and judged by rules, in one process: against datatrove and Data-Juicer with the same rules.

    python benchmarks/text_rules.py [DOCS.JSONL] [--datatrove PYTHON] [--data-juicer PYTHON]

DOCS.JSONL is MMC4's, by default the sample's, repeated to a few megabytes. Contenders run in turn, several rounds; each
is a process of its own, whose CPU time counts without its imports and reading of the file. Rates are of the medians, in
MB of UTF-8.

    words        finding the words alone: every contender has to
    gopher       repair of each sentence, and the preset `gopher` on each document
    datatrove    its FTFYFormatter, GopherQualityFilter and GopherRepetitionFilter
    single       repair of each sentence, and eight rules on each document, those of Data-Juicer
    data-juicer  fix_unicode and whitespace_normalization mappers, then its filters of words, characters, special
                 characters, stopwords, flagged words and repetition, with words shared between them

All rules are measured of every document here; datatrove's stop at the first that drops one.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from itertools import cycle, islice
from pathlib import Path

SAMPLE = Path(__file__).parents[1] / "recipes" / "sample" / "docs.jsonl"

READ = """
import json, sys, time
documents = [[s for s in json.loads(line)["text_list"] if s] for line in open(sys.argv[1], encoding="utf-8")]
def report(work):
    work(documents[0])
    began = time.process_time()
    for sentences in documents:
        work(sentences)
    print("SECONDS", time.process_time() - began)
"""
WORDS = """
from interleave.clean.words import words
report(lambda sentences: words("\\n".join(sentences)))
"""
OURS = """
from interleave.clean.text import Repair, repair
from interleave.clean.text_view import Text
from pydantic import TypeAdapter
from interleave.clean.rules import Rule, sort_rules
rules = [named.rule for named in sort_rules(TypeAdapter(list[Rule]).validate_python({rules!r})).document]
settings = Repair()
def work(sentences):
    text = Text(tuple(filter(None, (repair(sentence, settings) for sentence in sentences))))
    for rule in rules:
        rule.judge(rule.measure(text), text)
report(work)
"""
DATATROVE = """
from datatrove.data import Document
from datatrove.pipeline.filters import GopherQualityFilter, GopherRepetitionFilter
from datatrove.pipeline.formatters import FTFYFormatter
formatter, filters = FTFYFormatter(), [GopherRepetitionFilter(), GopherQualityFilter()]
def work(sentences):
    document = Document(text=formatter.format("\\n".join(sentences)), id="")
    for rule in filters:
        if rule.filter(document) is not True:
            return
report(work)
"""
DATA_JUICER = """
import inspect, pathlib, tempfile
lists = tempfile.mkdtemp()
words = {"en": json.loads(sys.argv[2])}
for name in ("stopwords", "flagged_words"):
    pathlib.Path(lists, name + ".json").write_text(json.dumps(words))
from data_juicer.ops.filter.character_repetition_filter import CharacterRepetitionFilter
from data_juicer.ops.filter.flagged_words_filter import FlaggedWordFilter
from data_juicer.ops.filter.special_characters_filter import SpecialCharactersFilter
from data_juicer.ops.filter.stopwords_filter import StopWordsFilter
from data_juicer.ops.filter.text_length_filter import TextLengthFilter
from data_juicer.ops.filter.word_repetition_filter import WordRepetitionFilter
from data_juicer.ops.filter.words_num_filter import WordsNumFilter
from data_juicer.ops.filter.alphanumeric_filter import AlphanumericFilter
from data_juicer.ops.mapper.fix_unicode_mapper import FixUnicodeMapper
from data_juicer.ops.mapper.whitespace_normalization_mapper import WhitespaceNormalizationMapper
from data_juicer.utils.constant import Fields
def can_share(rule):
    return "context" in inspect.signature(rule.compute_stats_batched).parameters
mappers = [FixUnicodeMapper(), WhitespaceNormalizationMapper()]
filters = [
    WordsNumFilter(), TextLengthFilter(), AlphanumericFilter(), SpecialCharactersFilter(),
    StopWordsFilter(stopwords_dir=lists), FlaggedWordFilter(flagged_words_dir=lists),
    CharacterRepetitionFilter(rep_len=10), WordRepetitionFilter(rep_len=5),
]
def work(sentences):
    samples = {"text": ["\\n".join(sentences)], Fields.stats: [{}], Fields.context: [{}]}
    for mapper in mappers:
        samples = mapper.process_batched(samples)
    for rule in filters:
        samples = rule.compute_stats_batched(samples, **({"context": True} if can_share(rule) else {}))
        list(rule.process_batched(samples))
report(work)
"""
SINGLE = [
    {"kind": "num_words", "min": 10},
    {"kind": "num_characters", "min": 10},
    {"kind": "alphabetic_words", "min": 0.25},
    {"kind": "special_characters", "of": "document", "max": 0.25},
    {"kind": "stopwords", "of": "document", "min": 0.3, "language": "en"},
    {"kind": "flagged_words", "max": 0.045, "language": "en"},
    {"kind": "character_repetition", "of": "document", "max": 0.5},
    {"kind": "word_repetition", "of": "document", "max": 0.5},
]


def seconds(python: str, code: str, *arguments: str) -> float:
    """What a contender needed for all documents."""
    command = [python, "-c", READ + code, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    lines = [line for line in done.stdout.splitlines() if line.startswith("SECONDS")]
    if done.returncode or not lines:
        raise SystemExit(f"{python}: {done.stderr[-2000:]}")
    return float(lines[-1].split()[1])


def repeat(path: Path, num_bytes: int, into: Path) -> float:
    """Documents, again and again with another ending, to at least this size; their text in MB."""
    texts = list(readable(path))
    size = 0
    with into.open("w", encoding="utf-8") as file:
        for number, text in enumerate(cycle(texts)):
            if number >= len(texts) and size >= num_bytes:
                return size / 1e6
            sentences = [*text, f"Copy {number}."]
            size += sum(len(sentence.encode()) for sentence in sentences)
            file.write(json.dumps({"text_list": sentences}) + "\n")
    return size / 1e6


def readable(path: Path) -> Iterator[list[str]]:
    """Sentences of each document; some of the sample's are broken on purpose."""
    for line in path.read_text(encoding="utf-8", errors="ignore").splitlines():
        with suppress(ValueError, KeyError, TypeError):
            if all(isinstance(sentence, str) for sentence in json.loads(line)["text_list"]):
                yield json.loads(line)["text_list"]


def stopwords() -> str:
    import stopwordsiso

    return json.dumps(sorted(stopwordsiso.stopwords("en")))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("docs", nargs="?", type=Path, default=SAMPLE)
    parser.add_argument(
        "--datatrove", metavar="PYTHON", help="an interpreter that has datatrove 0.10 with spacy and ftfy"
    )
    parser.add_argument("--data-juicer", metavar="PYTHON", help="an interpreter that has py-data-juicer 1.6")
    parser.add_argument("--megabytes", type=float, default=4.0, help="the text is repeated to this size")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    contenders = {
        "words": (sys.executable, WORDS),
        "gopher": (sys.executable, OURS.format(rules=[{"kind": "preset", "name": "gopher"}])),
        "datatrove": (options.datatrove, DATATROVE),
        "single": (sys.executable, OURS.format(rules=SINGLE)),
        "data-juicer": (options.data_juicer, DATA_JUICER),
    }
    contenders = {name: contender for name, contender in contenders.items() if contender[0]}
    taken: dict[str, list[float]] = {name: [] for name in contenders}
    with tempfile.TemporaryDirectory() as folder:
        corpus = Path(folder, "docs.jsonl")
        size = repeat(options.docs, int(options.megabytes * 1e6), corpus)
        for name in islice(cycle(contenders), options.rounds * len(contenders)):
            taken[name].append(seconds(*contenders[name], str(corpus), stopwords()))
    rates = {name: size / statistics.median(times) for name, times in taken.items()}
    pairs = (("gopher", "words"), ("single", "words"), ("gopher", "datatrove"), ("single", "data-juicer"))
    ratios = {f"{one} / {other}": rates[one] / rates[other] for one, other in pairs if other in rates}
    if options.json:
        print(json.dumps({"megabytes_per_second": rates, "ratios": ratios}, indent=2))
        return
    print(f"{size:.1f} MB of text, medians of {options.rounds} rounds")
    for name, rate in rates.items():
        print(f"  {name:<12} {rate:>7.2f} MB/s")
    for name, ratio in ratios.items():
        print(f"{name}: {ratio:.2f}")


if __name__ == "__main__":
    main()
