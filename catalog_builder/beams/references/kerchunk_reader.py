"""Reads the references of a beam from a kerchunk reference set, and checks their consistency.

Nothing in a set is trusted. A set that passes leads to no byte beyond the granule, takes no more
memory than its chunks can fill, and tells unwritten chunks from missing ones.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from catalog_builder.beams.references.dataset_reader import array_name, unpack
from catalog_builder.beams.references.inline_positions import (
    POSITIONS,
    unpack_positions,
)
from catalog_builder.beams.references.json_values import unpack_attributes
from catalog_builder.beams.references.kerchunk_json import (
    DecodedSet,
    damage_as_references_error,
    decode_array,
    decode_file,
    decode_frame,
)
from catalog_builder.beams.references.reference_set import (
    BeamReferences,
    DatasetReferences,
    UnpackedDatasets,
)
from catalog_builder.errors import ReferencesError
from catalog_builder.products.atl03 import COUNT, INDEX_BEG, PHOTON_GROUP, SEGMENT_GROUPS, Beam

_DEGREES_OR_SECONDS: Final = ("lat_ph", "lon_ph", "delta_time", "dist_ph_along", "segment_dist_x")


def read_frame(frame: bytes, beam: Beam) -> BeamReferences:
    """Read the references of a beam from its frame in a reference file.

    They are what :func:`~catalog_builder.beams.references.kerchunk_writer.write_references` was
    given. Raises :class:`~catalog_builder.errors.ReferencesError` where these bytes are something
    else or inconsistent; damage of one dataset is raised when it is first looked up.
    """
    with damage_as_references_error(f"These {len(frame)} bytes are no references of {beam}"):
        return _references(decode_frame(frame, beam))


def read_references(data: bytes, beam: Beam) -> BeamReferences:
    """Read the references of a beam from a whole file, or from one of format 1.

    Of format 1 each beam has a file of its own: its references are those of that beam, whichever
    was asked for. Raises as :func:`read_frame` does.
    """
    with damage_as_references_error(
        f"These {len(data)} bytes are no references of {beam} that this package reads"
    ):
        return _references(decode_file(data, beam))


def memory_of(references: BeamReferences) -> int:
    """About how many bytes of memory references take that were read here; 0 of others."""
    datasets = references.datasets
    return datasets.memory if isinstance(datasets, _Datasets) else 0


def _references(found: DecodedSet) -> BeamReferences:
    own = found.own
    datasets = _Datasets(found)
    datasets.require_positions()
    return BeamReferences(
        beam=own.beam,
        granule=own.granule,
        href=own.href,
        size=own.size,
        etag=own.etag,
        attrs=unpack_attributes(found.attrs, own.types.get("", {})),
        orientation=own.orientation,
        short_name=own.short_name,
        datasets=datasets,
        positions=unpack_positions(
            found.chunks(found.root + POSITIONS), found.root, own.chunk, own.photons
        ),
    )


class _Datasets(UnpackedDatasets):
    """The datasets of a set: most are never looked up."""

    def __init__(self, found: DecodedSet) -> None:
        self._set, self._own = found, found.own
        self._known: dict[str, DatasetReferences | None] = dict.fromkeys(self._own.paths)
        self._known |= dict.fromkeys(self._own.others)
        for path in self._own.paths:
            if f"{array_name(found, path)}/.zarray" not in found.refs:
                raise ReferencesError(f"The reference set lacks {path}, which it says it has.")

    @property
    def memory(self) -> int:
        """About how many bytes they take."""
        return self._set.memory

    def __getitem__(self, path: str) -> DatasetReferences:
        known = self._known[path]
        if known is None:
            with damage_as_references_error(f"The references of {path} are damaged"):
                known = unpack(path, self._set)
                self._require_rows(known)
                self._known[path] = known
        return known

    def __contains__(self, path: object) -> bool:
        return path in self._known

    def __iter__(self) -> Iterator[str]:
        return iter(self._known)

    def __len__(self) -> int:
        return len(self._known)

    def shape(self, path: str) -> tuple[int, ...] | None:
        if path not in self._known:
            return None
        with damage_as_references_error(f"The references of {path} are damaged"):
            return self._shape(path)[0]

    def require_positions(self) -> None:
        """Raise unless the chunk positions are of the same chunks as the heights."""
        path = f"{PHOTON_GROUP}/h_ph"
        if path in self._known:
            shape, chunks = self._shape(path)
            if (shape[:1], chunks[:1]) != ((self._own.photons,), (self._own.chunk,)):
                raise ReferencesError(
                    f"{path} of shape {shape} lies in chunks of {chunks}, but positions are of "
                    f"{self._own.photons} photons in chunks of {self._own.chunk}."
                )

    def _require_rows(self, dataset: DatasetReferences) -> None:
        """Raise unless a dataset has as many rows as the others of its rate."""
        group, _, name = dataset.path.rpartition("/")
        rows: tuple[int, ...] = dataset.shape[:1]
        if group == PHOTON_GROUP and dataset.supported:
            rows = (self._own.photons,)
        elif group in SEGMENT_GROUPS and INDEX_BEG in self._known and dataset.supported:
            rows = self._shape(INDEX_BEG)[0][:1]
        kinds = "biufS"
        if group in (PHOTON_GROUP, *SEGMENT_GROUPS) and name in _DEGREES_OR_SECONDS:
            kinds = "f"
        elif dataset.path in (INDEX_BEG, COUNT):
            kinds = "iu"
        if dataset.supported and (dataset.shape[:1] != rows or dataset.dtype.kind not in kinds):
            raise ReferencesError(
                f"{dataset.path} of shape {dataset.shape} and type {dataset.dtype} does not fit "
                "the others of its group."
            )

    def _shape(self, path: str) -> tuple[tuple[int, ...], tuple[int, ...]]:
        other = self._own.others.get(path)
        if other is not None:
            return other.shape, other.chunks
        described = decode_array(self._set.refs, array_name(self._set, path))
        return described.shape, described.chunks
