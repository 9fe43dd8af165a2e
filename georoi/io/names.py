"""Names and messages from paths and foreign libraries, made fit to be shown: no secret, no control sign."""

from __future__ import annotations

import os
import re
from pathlib import Path
from urllib.parse import urlsplit

from georoi.wording import printable

LONGEST_NAME = 100
LONGEST_MESSAGE = 300

_URL = re.compile(r"(?:/vsi(?:curl|s3|gs|az)/|[a-z][a-z0-9+.-]*://)[^\s'\"]+", re.IGNORECASE)


def is_folder(path: str | os.PathLike[str]) -> bool:
    """Tell whether a path is a folder; one that is too long, or may not be looked at, is none."""
    try:
        return Path(path).is_dir()
    except (OSError, ValueError):
        return False


def is_there(path: str | os.PathLike[str]) -> bool:
    """Tell whether there is anything at a path; one that is too long, or may not be looked at, is free."""
    try:
        return Path(path).exists()
    except (OSError, ValueError):
        return False


def redact(text: str) -> str:
    """Take user names, passwords, queries and fragments out of every URL in a text."""
    return _URL.sub(lambda match: _bare(match.group()), text)


def shown(text: object, longest: int = LONGEST_MESSAGE) -> str:
    """Redact a text, escape what could disturb a terminal, and cut it."""
    clean = printable(redact(str(text)[: 4 * LONGEST_MESSAGE]))
    return clean if len(clean) <= longest else clean[: longest - 3] + "..."


def short_name(path: str) -> str:
    """Name a file or URL for messages: its last part, without folder or query."""
    bare = redact(path).rstrip("/")
    return shown(bare.rpartition("/")[2] or bare, LONGEST_NAME)


def _bare(url: str) -> str:
    prefix = ""
    if url.startswith("/vsi"):
        stop = url.index("/", 1) + 1
        prefix, url = url[:stop], url[stop:]
    if "://" not in url:
        return prefix + re.split(r"[?#]", url)[0]
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", f":{parts.port}" if parts.port else ""
    except ValueError:
        return prefix + url.split("://")[0] + "://..."
    return f"{prefix}{parts.scheme}://{host}{port}{parts.path}"
