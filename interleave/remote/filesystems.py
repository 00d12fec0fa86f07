"""What lies behind URLs: fsspec's file systems, and patience with them."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Any, TypeVar

from interleave.errors import ShardError
from interleave.identity import seeded_u64

Result = TypeVar("Result")


class Final(ShardError):
    """To try again would change nothing."""


# The same of what fsspec's systems raise.
PERMANENT = (FileNotFoundError, FileExistsError, PermissionError, NotImplementedError, IsADirectoryError)


def open_filesystem(location: str, timeout_s: float) -> Any:
    """The file system of a URL, made for this caller alone.

    Raises:
        ShardError: nothing here can read such URLs.
    """
    import fsspec

    scheme = location.partition("://")[0]
    options: dict[str, Any] = {}
    if scheme in ("file", "local"):
        options["auto_mkdir"] = True
    if scheme in ("http", "https"):
        import aiohttp

        # By default a whole download has five minutes.
        options["client_kwargs"] = {
            "timeout": aiohttp.ClientTimeout(total=None, sock_connect=timeout_s, sock_read=timeout_s)
        }
    try:
        return fsspec.filesystem(scheme, skip_instance_cache=True, **options)
    except (ImportError, ValueError) as error:
        raise ShardError(f"{location}: {error}; expected a URL such as s3://, gs://, https:// or file://") from None


def patiently(url: str, work: Callable[[], Result], *, num_tries: int, first_delay_s: float) -> Result:
    """Does what is asked of a server, again after pauses that grow where it fails for a reason that may pass.

    Raises:
        ShardError: it failed each time; the sentence has the URL. `Final`: at once, as `work` raised it.
        OSError: one of `PERMANENT`, at once.
    """
    last: Exception | None = None
    for number in range(num_tries):
        try:
            return work()
        except (*PERMANENT, Final):
            raise
        except ModuleNotFoundError as error:
            raise ShardError(f"{url}: {error}; pip install it, or s3fs, gcsfs, aiohttp for such URLs") from None
        except Exception as error:  # noqa: BLE001 - each of fsspec's systems raises what its library does
            last = error
        if number + 1 < num_tries:
            time.sleep(first_delay_s * 2**number * (0.5 + seeded_u64(os.getpid(), url, number) / 2**64))
    assert last is not None
    raise ShardError(f"{url} {said(last)} ({num_tries} tries)")


def said(error: Exception) -> str:
    """An error of somebody's library in a few words; one of ours as it is."""
    text = " ".join(str(error).split())[:200]
    return text if isinstance(error, ShardError) else f"{type(error).__name__}: {text}"
