"""The grid of square tiles whose shape comes nearest to an image's: InternVL's rule (arXiv 2404.16821), NVILA's too."""

from __future__ import annotations

from functools import lru_cache

# More are no image's: a setting that is a mistake must not cost minutes.
_MOST_TILES = 1024


def nearest_grid(width: int, height: int, *, tile_side: int, min_tiles: int, max_tiles: int) -> tuple[int, int]:
    """Columns and rows of the tiles that an image is stretched to; 1 x 1 where no grid has so many tiles.

    Of two grids that are equally near, the one with more tiles is taken by an image that fills more than half of them.

    Raises:
        ValueError: more tiles are asked for than any model has.
    """
    if max_tiles > _MOST_TILES:
        raise ValueError(
            f"{max_tiles:,} tiles an image are asked for, at most {_MOST_TILES:,} can be; lower the option"
        )
    aspect, area = width / height, width * height
    nearest, distance = (1, 1), float("inf")
    for columns, rows in _grids(min_tiles, max_tiles):
        difference = abs(aspect - columns / rows)
        as_near_and_filled = difference == distance and area > 0.5 * tile_side * tile_side * columns * rows
        if difference < distance or as_near_and_filled:
            nearest, distance = (columns, rows), difference
    return nearest


@lru_cache(maxsize=16)
def _grids(min_tiles: int, max_tiles: int) -> tuple[tuple[int, int], ...]:
    """All grids of `min_tiles` to `max_tiles` tiles, those of fewer tiles first."""
    grids = [
        (columns, rows)
        for columns in range(1, max_tiles + 1)
        for rows in range(1, max_tiles // columns + 1)
        if columns * rows >= min_tiles
    ]
    return tuple(sorted(grids, key=lambda grid: grid[0] * grid[1]))
