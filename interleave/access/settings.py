"""The part of a recipe that says how the web is asked. It shapes no bytes: what was fetched does."""

from __future__ import annotations

import re
from ipaddress import ip_address, ip_network
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from interleave.access.spelling import host_name
from interleave.settings import OptionalLocation, Settings

Seconds = Annotated[float, Field(gt=0, le=3600, strict=False)]


class Politeness(Settings):
    """What one server is asked for at most, and whose wishes are heeded."""

    connections_per_host: Annotated[int, Field(ge=1, le=256)] = 4
    """Requests at once to one host."""

    requests_per_second: Annotated[float, Field(gt=0, le=10_000, strict=False)] | None = 10
    """Requests a second to one host; a longer `Crawl-delay` in its robots.txt goes before. null: no limit."""

    robots: bool = True
    """Heed robots.txt (RFC 9309)."""

    headers: bool = True
    """Heed `X-Robots-Tag` (noai, noimageai, noindex, noimageindex, none) and `tdm-reservation: 1`."""

    tdmrep: Literal["auto", "always", "never"] = "auto"
    """Heed `/.well-known/tdmrep.json`. `auto`: of hosts with three wanted images or more, since it costs a request."""


class Img2dataset(Settings):
    """What the program img2dataset makes of images; names and values are its own."""

    image_size: Annotated[int, Field(ge=16, le=8192)] = 384
    """px, of the side that `resize_mode` speaks of."""

    resize_mode: Literal["no", "border", "keep_ratio", "keep_ratio_largest", "center_crop"] = "keep_ratio"
    """`keep_ratio`: the short side becomes `image_size`; `keep_ratio_largest`: the long one."""

    resize_only_if_bigger: bool = True
    """Never enlarge."""

    encode_format: Literal["jpg", "png", "webp"] = "jpg"
    """What its images are encoded as."""

    encode_quality: Annotated[int, Field(ge=0, le=100)] = 95
    """JPEG's or WebP's quality; 0 to 9 for PNG."""

    python: OptionalLocation = None
    """An interpreter that has img2dataset, whose requirements need not be this environment's. Default: this one."""

    @model_validator(mode="after")
    def _quality(self) -> Img2dataset:
        if self.encode_format == "png" and self.encode_quality > 9:
            raise ValueError("encode_quality: 0 to 9 for PNG")
        return self


class Fetch(Settings):
    """How images are had that a source knows by URL alone."""

    contact: str
    """E-mail address or web page, sent with every request, where the owner of a server can reach you."""

    store: OptionalLocation = None
    """Folder where images are kept by their SHA-256, with a ledger of every URL; builds share it.
    Default: `store` within the work folder."""

    keep: Literal["original", "normalised", "none"] = "original"
    """`original`: images stay in the store as they came. `normalised`: as the recipe's `images` makes them, which is
    smaller; another size or quality downloads them again. `none`: no image stays once it was measured."""

    engine: Literal["interleave", "img2dataset"] = "interleave"
    """What makes of a download what is measured. `img2dataset`: the program resizes and encodes it first, as
    `img2dataset` says, so that images are as in datasets that were made with it. The web is asked by interleave."""

    img2dataset: Img2dataset = Img2dataset()
    """What the program makes of images, with `engine: img2dataset`."""

    offline: bool = False
    """Take what the store has, and ask nobody."""

    retry: Literal["transient", "all", "none"] = "transient"
    """Which failures of earlier runs are tried again: those that may pass, all of them, or none."""

    connections: Annotated[int, Field(ge=1, le=4096)] = 64
    """Requests at once, all hosts together."""

    deadline_s: Seconds = 30
    """Longest time an image may take, redirects included, waiting for its host's turn not."""

    connect_timeout_s: Seconds = 10
    """Longest time until a connection stands."""

    max_redirects: Annotated[int, Field(ge=0, le=20)] = 5
    """Redirects that are followed, each checked like a URL of the corpus."""

    attempts: Annotated[int, Field(ge=1, le=10)] = 3
    """Tries a run for what may pass: timeouts, broken connections, status 429 and 5xx."""

    politeness: Politeness = Politeness()
    """What one server is asked for at most, and whose wishes are heeded."""

    allow: Annotated[tuple[str, ...], Field(strict=False)] = ()
    """Networks (`10.1.0.0/16`) that may be reached though they are not public, for mirrors of your own."""

    resolve: dict[str, str] = Field(default_factory=dict)
    """Hosts that are found at a stated place, as `{corpus.example: "127.0.0.1:8080"}`, private or not."""

    @model_validator(mode="after")
    def _keep_what(self) -> Fetch:
        if self.keep == "none" and self.store is not None:
            raise ValueError("`keep: none` would empty a `store` that other builds use; leave one of them out")
        if self.keep == "normalised" and self.engine == "img2dataset":
            raise ValueError("`engine: img2dataset` keeps its own form of images; leave out `keep: normalised`")
        return self

    @field_validator("contact")
    @classmethod
    def _reachable(cls, value: str) -> str:
        if not re.fullmatch(r"[\x21-\x7e]{3,200}", value):
            raise ValueError(
                f"{value[:80]!r} is no e-mail address or web page: 3 to 200 ASCII characters without blanks"
            )
        return value

    @field_validator("connect_timeout_s", "deadline_s", mode="before")
    @classmethod
    def _seconds(cls, value: object) -> object:
        if isinstance(value, bool):
            raise ValueError("expected seconds, a number above 0")
        return value

    @field_validator("allow", mode="before")
    @classmethod
    def _is_list(cls, value: object) -> object:
        if isinstance(value, str):
            raise ValueError(f"expected a list; write [{value[:40]}]")
        return value

    @field_validator("allow")
    @classmethod
    def _networks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for network in value:
            try:
                ip_network(network, strict=False)
            except ValueError:
                raise ValueError(f"{network!r} is no network; write for example 10.1.0.0/16") from None
        return value

    @field_validator("resolve")
    @classmethod
    def _places(cls, value: dict[str, str]) -> dict[str, str]:
        for host, place in value.items():
            if not re.fullmatch(r"[^\s/:@?#\[\]]+", host):
                raise ValueError(f"{host[:80]!r} is no host; write its name alone, for example images.example")
            if not _is_place(place):
                raise ValueError(f"{host}: {place!r} is no place; write ADDRESS:PORT, for example 127.0.0.1:8080")
        # As they will be asked for.
        return {host_name(host): place for host, place in value.items()}


def _is_place(place: str) -> bool:
    match = re.fullmatch(r"(?:([\d.]+)|\[([0-9a-fA-F:.]+)\]):(\d{1,5})", place)
    try:
        return match is not None and bool(ip_address(match[1] or match[2])) and 0 < int(match[3]) < 65536
    except ValueError:
        return False
