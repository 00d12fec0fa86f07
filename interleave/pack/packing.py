"""Packing samples into rows of a fixed length, so that little of a row is padding, and nothing is cut.

    sizes -> kinds, counted -> rows filled one by one, several ways -> the fewest rows -> items

No way to fill rows is best for all sizes. How well a row should be filled depends on how much padding the sizes force:
who insists on full rows where padding cannot be helped spends small items that later rows need more. So several degrees
are tried, best-fit decreasing is the last, and the search ends at a number of rows that no packing can go below.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from interleave.pack.bestfit import best_fit
from interleave.pack.fill import can_search, fill_rows
from interleave.pack.kinds import NOTHING, Counts, Kind, Limits, Pattern, least_rows, num_rows

# How much of a row may stay empty, in units of what must stay empty on average.
_SLACKS = (0, 2, 4, 8, 16)


def pack(
    sizes: Sequence[int],
    capacity: int,
    num_images: Sequence[int] | None = None,
    max_images: int | None = None,
) -> list[list[int]]:
    """Few rows that hold all items, none of them cut: never more rows than best-fit decreasing makes.

    sizes: tokens of each item, at most `capacity`. num_images: of each item, at most `max_images` a row where that is
    given. Returns rows as lists of item positions, in a fixed order: rows by their first item, items of a row as given.
    With sizes [3, 5, 2, 4] and capacity 7:  [[0, 3], [1, 2]].

    Raises:
        ValueError: an item is larger than a row.
    """
    images = [0] * len(sizes) if num_images is None or max_images is None else num_images
    limits = Limits(capacity, max_images or 0)
    _check(sizes, images, limits)
    rows = _packed([(size, 0) for size in sizes], Limits(capacity, 0))
    if any(sum(images[item] for item in row) > limits.images for row in rows):
        rows = _within_images(rows, list(zip(sizes, images, strict=True)), limits)
    return sorted(sorted(row) for row in rows)


def _within_images(rows: list[list[int]], kinds: Sequence[Kind], limits: Limits) -> list[list[int]]:
    """Packs again those rows that hold too many images, together with as many of those that hold the fewest."""
    rows = sorted(rows, key=lambda row: (-sum(kinds[item][1] for item in row), row))
    num_over = sum(sum(kinds[item][1] for item in row) > limits.images for row in rows)
    kept, again = rows[num_over : len(rows) - num_over], rows[:num_over] + rows[max(num_over, len(rows) - num_over) :]
    items = [item for row in again for item in row]
    repaired = kept + [[items[at] for at in row] for row in _packed([kinds[item] for item in items], limits)]
    whole = _dealt(kinds, best_fit(Counter(kinds), limits))
    return repaired if len(repaired) <= len(whole) else whole


def _check(sizes: Sequence[int], images: Sequence[int], limits: Limits) -> None:
    if len(sizes) and max(sizes) > limits.tokens:
        item = next(item for item, size in enumerate(sizes) if size > limits.tokens)
        raise ValueError(f"item {item} has {sizes[item]} tokens, a row holds {limits.tokens}")
    if len(images) and max(images) > limits.images:
        item = next(item for item, number in enumerate(images) if number > limits.images)
        raise ValueError(f"item {item} has {images[item]} images, a row holds {limits.images}")


def _packed(kinds: Sequence[Kind], limits: Limits) -> list[list[int]]:
    return _dealt(kinds, _fewest_rows(Counter(kind for kind in kinds if kind != NOTHING), limits))


def _dealt(kinds: Sequence[Kind], patterns: Sequence[Pattern]) -> list[list[int]]:
    """Rows of items: of each kind the first item goes to the first row that holds the kind; nothing fits anywhere."""
    items: dict[Kind, list[int]] = {}
    for item, kind in enumerate(kinds):
        items.setdefault(kind, []).append(item)
    turns = {kind: iter(found) for kind, found in items.items()}
    rows = [[next(turns[kind]) for kind in pattern.kinds] for pattern in patterns for _ in range(pattern.num_rows)]
    nothing = items.get(NOTHING, [])
    return [nothing + rows[0], *rows[1:]] if rows else [nothing] * bool(nothing)


def _fewest_rows(counts: Counts, limits: Limits) -> list[Pattern]:
    least = least_rows(counts, limits)
    best: list[Pattern] | None = None
    for found, enough in _ways(counts, limits, least):
        if best is None or num_rows(found) < num_rows(best):
            best = found
        if num_rows(best) <= enough:
            break
    assert best is not None, "there are several ways"
    return best


def _ways(counts: Counts, limits: Limits, least: int) -> Iterator[tuple[list[Pattern], int]]:
    """Rows, and with how many of them the search may end."""
    if can_search(limits):
        yield fill_rows(counts, limits, _slack(counts, limits, least, 1)), least
    yield best_fit(counts, limits), least + least // 100
    # Where images are limited, a search takes ten times as long.
    for factor in _SLACKS if can_search(limits) and not limits.images else ():
        yield fill_rows(counts, limits, _slack(counts, limits, least, factor)), least


def _slack(counts: Counts, limits: Limits, num_rows: int, factor: int) -> Kind:
    """(tokens, images) that `num_rows` rows leave empty on average, times a factor."""
    tokens, images = (sum(kind[at] * number for kind, number in counts.items()) for at in (0, 1))
    empty = (limits.tokens * num_rows - tokens, limits.images * num_rows - images)
    return (factor * empty[0] // max(num_rows, 1), factor * empty[1] // max(num_rows, 1))
