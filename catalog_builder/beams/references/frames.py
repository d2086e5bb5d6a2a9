"""The zstd frames of a reference file: where each one lies, and whether it is whole.

A reference file is one zstd stream of several frames, one of them a beam's. Each can be fetched
and inflated by itself. Damage shows twice: a frame carries zstd's own checksum of what it inflates
to, and the item has a CRC-32 of the frame's bytes, which also tells the frame of another version
of the file. A cryptographic digest would tell no more: whoever can change the file can change the
item beside it.
"""

from __future__ import annotations

import io
import zlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final, Self

import msgspec
import zstandard

from catalog_builder.errors import ReferencesError
from catalog_builder.transport.answer_limits import REFERENCES

MOST_BYTES: Final = 2**24
"""Limit of a frame, inflated: four times that of the longest beams, 46 million photons in chunks
of 10,000."""

MOST_WHOLE: Final = REFERENCES
"""Limit of a whole file, inflated: twice that of the longest granules."""


_LEVEL: Final = 18
"""Of zstd. Six beams of a granule of 490 MB (release 006; 007) take 254 and 91 kB in 0.5 and 0.3 s
of CPU; level 22 makes them 1 % smaller in twice the time, level 15 a quarter larger in a fifth of
it, which the mission's 500,000 granules would be read with ever after."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """Where a frame lies in its file."""

    offset: int
    """First byte."""
    length: int
    """Bytes, as stored."""
    crc32: int
    """CRC-32 of these bytes, as :func:`zlib.crc32` has it."""

    @classmethod
    def of(cls, data: bytes, offset: int) -> Self:
        """The frame that these bytes become at an offset."""
        return cls(offset=offset, length=len(data), crc32=zlib.crc32(data))

    @classmethod
    def parse(cls, facts: Any) -> Self:
        """Undo :meth:`to_dict`; raises ReferencesError for what is no place of a frame."""
        try:
            frame = msgspec.convert(facts, cls)
        except (ValueError, RecursionError) as error:  # a lone surrogate is no ValidationError
            raise ReferencesError(f"{str(facts)[:80]} is no place of references.") from error
        if min(frame.offset, frame.crc32) < 0 or not 0 < frame.length <= MOST_BYTES:
            raise ReferencesError(f"{str(facts)[:80]} is no place of references.")
        return frame

    @property
    def stop(self) -> int:
        """The byte after the last."""
        return self.offset + self.length

    def to_dict(self) -> dict[str, int]:
        """Plain numbers, for JSON."""
        return asdict(self)

    def is_of(self, data: bytes) -> bool:
        """Whether these are the bytes of this frame."""
        return len(data) == self.length and zlib.crc32(data) == self.crc32

    def require(self, data: bytes) -> None:
        """Raise ReferencesError unless these are the bytes of this frame."""
        if not self.is_of(data):
            raise ReferencesError(
                f"The {len(data)} bytes from {self.offset} on are not the references that the "
                "item tells of: their checksum is another. The file is damaged, or was replaced."
            )


def compress(text: bytes) -> bytes:
    """A frame with checksum and size of its content; the same bytes for the same text."""
    how = zstandard.ZstdCompressionParameters.from_level(
        _LEVEL, source_size=len(text), write_checksum=True
    )
    return zstandard.ZstdCompressor(compression_params=how).compress(text)


def inflate(frame: bytes) -> bytes:
    """The content of one frame.

    Raises :class:`~catalog_builder.errors.ReferencesError` where it is too long, and zstd's error
    for a frame that is damaged, or followed by something.
    """
    if zstandard.frame_content_size(frame) > MOST_BYTES:
        raise _too_long(frame, MOST_BYTES)
    inflating = zstandard.ZstdDecompressor()
    return inflating.decompress(frame, max_output_size=MOST_BYTES, allow_extra_data=False)


def inflate_file(data: bytes) -> bytes:
    """The content of all frames of a file, one after another; raises as :func:`inflate` does."""
    inflating = zstandard.ZstdDecompressor()
    with inflating.stream_reader(io.BytesIO(data), read_across_frames=True) as stream:
        text = stream.read(MOST_WHOLE + 1)
    if len(text) > MOST_WHOLE:
        raise _too_long(data, MOST_WHOLE)
    return text


def cut(data: bytes, frames: Mapping[Any, Frame], *, offset: int = 0) -> dict[Any, bytes]:
    """The bytes of each frame, from those of a file from an offset on.

    Raises :class:`~catalog_builder.errors.ReferencesError` where they are not those of the frames.
    """
    found = {}
    for key, frame in frames.items():
        begin = frame.offset - offset
        found[key] = data[begin : begin + frame.length] if begin >= 0 else b""
        frame.require(found[key])
    return found


def _too_long(data: bytes, most: int) -> ReferencesError:
    return ReferencesError(
        f"These {len(data)} bytes inflate to more than {most}, which no references take."
    )
