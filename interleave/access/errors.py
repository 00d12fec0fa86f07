"""Why something on the web was not had: one reason of a fixed list, and whether asking again may help."""

from __future__ import annotations


class FetchError(Exception):
    """A request that did not end with the bytes that were asked for.

    Reasons that stay: `bad_url`, `not_http`, `private_address`, `bad_port`, `too_many_redirects`, `redirect_loop`,
    `too_many_bytes`, `http_4xx`, `http_status`, `empty_body`, `not_an_image`, `svg`, `unsupported_format`,
    `bad_encoding`, `bad_certificate`, `robots`, `opted_out`, `blocklisted`, `out_of_bounds`, `not_html`.
    Those that may pass (`transient`): `dns`, `connect`, `connect_timeout`, `deadline`, `cut_off`, `http_429`,
    `http_5xx`, `robots_unavailable`, `fault` (ours).
    """

    def __init__(
        self,
        reason: str,
        detail: str = "",
        *,
        transient: bool = False,
        retry_after_s: float | None = None,
        status: int | None = None,
        of_recipe: bool = False,
    ) -> None:
        super().__init__(f"{reason}: {detail}" if detail else reason)
        self.reason = reason
        self.detail = detail
        self.transient = transient
        self.retry_after_s = retry_after_s
        self.status = status
        # HTTP's, where the server said no.
        self.of_recipe = of_recipe
        # Whether another recipe might have had it.

    def again(self) -> FetchError:
        """The same, to be raised once more: an error that is raised twice holds the frames of both."""
        return FetchError(
            self.reason, self.detail, transient=self.transient, status=self.status, of_recipe=self.of_recipe
        )
