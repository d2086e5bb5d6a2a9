"""Builds a catalog: the public function :func:`build`.

CMR's records are fetched and become items and rows (:mod:`.fetch_pages`, :mod:`.page_worker`), the
rows become the index, the index gives the pages (:mod:`.write_pages`), and everything is published
together (:mod:`.publish`).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit

from catalog_builder.catalog.build.build_run import BuildRun
from catalog_builder.catalog.build.ownership import require_own_folder
from catalog_builder.catalog.build.publish import PublishedFolder
from catalog_builder.catalog.build.report import BuildReport
from catalog_builder.catalog.cmr.client import CmrClient
from catalog_builder.catalog.definition import Definition
from catalog_builder.errors import CatalogError

if TYPE_CHECKING:
    from catalog_builder.progress import Reporter


def build(
    definition: Definition | str | Path,
    out: str | Path,
    *,
    url: str | None = None,
    client: CmrClient | None = None,
    full: bool = False,
    dry_run: bool = False,
    items: Literal["files", "none"] = "files",
    at_once: int = 1,
    jobs: int | None = None,
    progress: Reporter | None = None,
) -> BuildReport:
    """Write or update the catalog of a definition in the folder ``out``.

    If the folder holds the catalog already, only the records that CMR revised since are fetched,
    and only files that differ are written. With ``full``, all records are fetched, missing or
    damaged files are written again, and the catalog may lose more than half of its granules;
    without ``full``, such a build is refused.

    Parameters
    ----------
    definition
        Which granules the catalog holds, or the path of a definition's file.
    out
        Folder to write or update. Files that are not part of the catalog stay as they are.
    url
        Where the folder will be hosted, for the root's link to itself.
    client
        Client of CMR; by default of the CMR that the environment names.
    full
        Fetch all records.
    dry_run
        Write nothing; report what would change.
    items
        ``"none"`` publishes only the collection and the index, without a file for each item and
        the pages that link to them, for hosts that limit the number of files.
    at_once
        Number of queries, 1 to 4, that are sent to CMR at a time when all records are fetched.
    jobs
        Most worker processes; by default one for each core, none for few records. In a script,
        call this under ``if __name__ == "__main__":``.
    progress
        Called with the progress of the build.

    Returns
    -------
    BuildReport
        What was read, added, changed and removed. A record that cannot be used is set aside, with
        the reason.

    Raises
    ------
    catalog_builder.errors.DefinitionError
        The definition cannot be read.
    catalog_builder.errors.CmrError
        CMR does not answer, or refuses. Fetched pages are kept, and the next build resumes.
    catalog_builder.errors.CatalogError
        The folder belongs to another catalog, is damaged or in use, or the catalog would be empty.

    """
    if not isinstance(definition, Definition):
        definition = Definition.load(definition)
    if url is not None:
        _require_web_address(url)
    folder = PublishedFolder(Path(out))
    require_own_folder(folder.files, definition, full=full)
    with (
        CmrClient() if client is None else nullcontext(client) as cmr,
        _state_folder(folder, dry_run=dry_run) as state_folder,
    ):
        run = BuildRun(
            definition=definition,
            collections=tuple(
                cmr.collection(one.short_name, one.version, one.provider)
                for one in definition.each
            ),
            cmr=cmr,
            folder=folder,
            state_folder=state_folder,
            items=items == "files",
            full=full,
            dry_run=dry_run,
            at_once=at_once,
            jobs=jobs,
            progress=progress,
        )
        return run.run(url)


@contextmanager
def _state_folder(folder: PublishedFolder, *, dry_run: bool) -> Iterator[Path]:
    """Lock the folder for writing, and yield the folder of the build state.

    A dry run has its state in a temporary folder, and needs no lock.
    """
    if dry_run:
        with TemporaryDirectory(prefix="catalog-builder-") as temporary:
            yield Path(temporary) / "state"
        return
    with folder.writing():
        yield folder.state


def _require_web_address(url: str) -> None:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.netloc or parts.query or parts.fragment:
        raise CatalogError(
            f"{url!r} cannot be the address of a folder: expected https://host/folder."
        )
