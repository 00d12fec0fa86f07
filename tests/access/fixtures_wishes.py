"""What stands for a store where origins' wishes are kept."""

from __future__ import annotations


class Cache(dict[tuple[str, str], bytes]):
    """What would lie in a store, of no age."""

    def wish(self, kind: str, origin: str, not_before: float) -> bytes | None:
        return self.get((kind, origin))

    def put_wish(self, kind: str, origin: str, text: bytes, at: float) -> None:
        self[kind, origin] = text
