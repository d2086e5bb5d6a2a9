"""Which addresses this package opens: a path, or a URL of one of a few protocols.

An address is the user's own choice, or it stands in a document: an item, an intake catalog, a page
of an API. Two rules hold. Only a few protocols are opened, by list: fsspec knows some fifty and
chains them (``simplecache::webhdfs://``), and among them are clients that look for a login in
netrc by themselves and send it in clear. And a document that was read over the network leads to
the network alone, never to a file of this machine. One on disk may name files of this machine, by
relative or absolute path: it gives its reader nothing that he could not open himself.
"""

from __future__ import annotations

import os
import posixpath
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Self
from urllib.parse import unquote, urlsplit, urlunsplit

from catalog_builder.errors import AddressError

FILE: Final = "file"
WEB: Final = ("http", "https")
PROTOCOLS: Final = (FILE, *WEB, "s3")
"""What is opened, unless a caller names fewer or more."""

_SCHEME: Final = re.compile(r"(?P<scheme>[^/]*?)://")
_FILE_URI: Final = re.compile(r"file:(?=/)", re.IGNORECASE)
_CHAIN: Final = re.compile(r"[\w.+-]*::", re.ASCII)
_IPV6_HOST: Final = re.compile(r"(?<=://)([^/?#@]*@)?\[[0-9a-f:.]*\]", re.IGNORECASE)
_HERE: Final = ("", "localhost")
_LONGEST_SHOWN: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Location:
    """An address that may be opened. Plain values: nothing is opened here."""

    protocol: str
    """``file`` of this machine, ``http``, ``https`` or ``s3``."""
    address: str
    """Path of a local file, without ``file://``; else the URL."""

    @classmethod
    def parse(
        cls,
        address: str | os.PathLike[str],
        *,
        named_by: str | None = None,
        protocols: Sequence[str] = PROTOCOLS,
    ) -> Self:
        """Read an address.

        ``named_by`` is the path or URL of the document it stands in, which a relative address
        starts from; None for the user's own choice. ``protocols`` are those that are taken.

        Raises :class:`~catalog_builder.errors.AddressError` for every other protocol, for a chain
        of several, and for a local file that a document from the network names.
        """
        text = os.fsdecode(address) if isinstance(address, (str, os.PathLike)) else "\0"
        if not text or "\0" in text:
            raise AddressError(f"{shown(address)!r} is no address: give {_choice(protocols)}.")
        if named_by is not None:
            text = _beside(named_by, text)
        bare = _IPV6_HOST.sub("", text.partition("?")[0])
        scheme = _SCHEME.match(text)
        if "::" in bare and (named_by or scheme or _CHAIN.match(text)):
            raise AddressError(
                f"{shown(text)} is a chain of file systems, and none is opened: give "
                f"{_choice(protocols)}."
            )
        file_uri = _FILE_URI.match(text)
        protocol = FILE if file_uri or not scheme else scheme["scheme"].lower()
        if protocol not in protocols:
            raise AddressError(f"{shown(text)} cannot be read: give {_choice(protocols)}.")
        if protocol == FILE:
            return cls(protocol=FILE, address=_local(text, uri=bool(file_uri), named_by=named_by))
        assert scheme is not None
        url = f"{protocol}{text[scheme.end('scheme') :]}"
        try:
            parts = urlsplit(url)
            whole = bool(parts.netloc) and (protocol not in WEB or bool(parts.hostname))
            parts.port  # noqa: B018 (raises where it is no number)
        except ValueError:
            whole = False
        if not (whole and url.isprintable()):
            raise AddressError(f"{shown(text)} is no {protocol} address that can be read.")
        return cls(protocol=protocol, address=url)

    @property
    def is_local(self) -> bool:
        """Whether it is a file of this machine."""
        return self.protocol == FILE


def is_remote(address: str | None) -> bool:
    """Whether a document at this path or URL came over the network."""
    return bool(address and _SCHEME.match(address) and not _FILE_URI.match(address))


def is_relative(address: str) -> bool:
    """Whether an address only says where something lies beside something else."""
    return not (_SCHEME.match(address) or _FILE_URI.match(address) or os.path.isabs(address))  # noqa: PTH117


def shown(address: object) -> str:
    """An address as a message may show it: printable, without login and query, which may sign."""
    text = str(address).partition("?")[0]
    text = re.sub(r"(?<=://)[^/]*@", "", text)
    text = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}…"


def _beside(base: str, text: str) -> str:
    """An address that a document at ``base`` names, as one that stands for itself."""
    if _SCHEME.match(text) or _FILE_URI.match(text):
        return text
    if not is_remote(base):
        folder = os.path.dirname(re.sub(r"^file://(localhost)?", "", base))  # noqa: PTH120
        whole = os.path.isabs(text)  # noqa: PTH117
        return text if whole else os.path.normpath(os.path.join(folder, text))  # noqa: PTH118
    # urljoin joins nothing to what it does not know, such as s3.
    scheme, host, path, query, _ = urlsplit(base)
    if text.startswith("//") and scheme in WEB:
        return f"{scheme}:{text}"
    text, asks, own = text.partition("?")
    path = posixpath.normpath(posixpath.join("/", posixpath.dirname(path), text))
    return urlunsplit((scheme, host, f"/{path.lstrip('/')}", own if asks else query, ""))


def _local(text: str, *, uri: bool, named_by: str | None) -> str:
    """Path of a local file, of what is one or a ``file:`` URI."""
    if uri:
        try:
            parts = urlsplit(text)
        except ValueError:
            parts = urlsplit("file://?")
        if parts.netloc.lower() not in _HERE or not parts.path:
            raise AddressError(
                f"{shown(text)} is no file of this machine: write file:///path, or the path."
            )
        text = unquote(parts.path)
        if os.sep != "/":
            text = re.sub(r"^/(?=[A-Za-z]:)", "", text)  # file:///C:/folder
        if "\0" in text:
            raise AddressError(f"{shown(text)} is no path of a file.")
    if is_remote(named_by):
        raise AddressError(
            f"{shown(named_by)} names a file of this machine, {shown(text)}: what is read over "
            "the network may lead to the network only, so it was not opened. If you mean that "
            "file, open it by its path."
        )
    return text


def _choice(protocols: Sequence[str]) -> str:
    """The kinds of addresses that are taken, for a message."""
    urls = [f"{one}://" for one in protocols if one != FILE]
    kinds = ["a path", *urls] if FILE in protocols else urls
    return f"{', '.join(kinds[:-1])} or {kinds[-1]}" if len(kinds) > 1 else kinds[0]
