"""What comes before the input is listed: sources that fetch their files themselves do so."""

from __future__ import annotations

from interleave.access.blocklist import read_blocklists
from interleave.access.fetching import Web
from interleave.acquire.source import Live
from interleave.dedup.fingerprints import perceptual_hash
from interleave.errors import Unreadable
from interleave.images.normalise import ImageTarget, normalise
from interleave.recipe import Recipe


def prepare_sources(recipe: Recipe, *, quiet: bool, again: bool = False) -> dict[str, object]:
    """Lets the sources that are live bring their files in; what each of them reports, by its name.

    again: tries once more what failed for a reason that may pass.

    Raises:
        RecipeError: the recipe does not say how the web is asked.
        TaskError: something was not finished; run again to go on.
    """
    web = web_of(recipe, quiet=quiet)
    live = [source for source in recipe.all_sources if isinstance(source, Live)]
    return {source.name: source.prepare(web, again=again) for source in live}


def web_of(recipe: Recipe, *, quiet: bool) -> Web | None:
    """How a recipe asks the web; None where it does not."""
    if recipe.fetch is None:
        return None
    return Web(
        settings=recipe.fetch,
        max_bytes=recipe.images.max_bytes,
        blocklist=read_blocklists(recipe.blocklists),
        phash=_phash,
        quiet=quiet,
    )


def _phash(data: bytes) -> int | None:
    try:
        return perceptual_hash(normalise(data, ImageTarget()).thumbnail)
    except Unreadable:
        return None
