"""Every exception of the package, drawn as a tree; one module, so that all are seen together.

::

    CatalogBuilderError
    ├── MissingExtraError        an optional dependency is not installed
    ├── DefinitionError          a catalog definition that cannot be used
    ├── WindowError              a box or an interval of time that cannot be
    ├── RecordError              a metadata record that cannot be used, with the reason
    │   └── FootprintError       an impossible geometry
    ├── CmrError                 CMR refused or failed: its own words and request id
    │   ├── CmrQueryError        the query is wrong (HTTP 400): asking again will not help
    │   └── CmrUnavailableError  no usable answer after all retries
    ├── HarmonyError             what no request to Harmony can ask for
    ├── StacApiError             a STAC API refused or failed, or is none
    ├── EarthdataError           login and temporary credentials
    │   ├── LoginMissingError    no token, user name or netrc entry was found
    │   ├── LoginRejectedError   Earthdata Login refused the login
    │   │   └── LoginExpiredError the token is past its time
    │   ├── EulaError            an agreement must be accepted first (``resolution_url``)
    │   ├── CredentialsError     the credentials endpoint gave no usable credentials
    │   │   └── CredentialsExpiredError keys past their time, and no new ones
    │   └── UntrustedHostError   a login would have left for a host that is not trusted
    ├── AccessError              bytes could not be read
    │   ├── AddressError         an address of a kind that is not opened; a CatalogError too
    │   ├── OutOfRegionError     the bucket answers only inside its own region
    │   └── GranuleNotFoundError nothing is stored at this address
    ├── WorkersLostError         the workers that granules were handed to are gone
    ├── CatalogError             a published catalog that cannot be read or written
    │   ├── CatalogNotFoundError there is no such catalog, or no such file of it
    │   ├── CatalogChangedError  a rebuild replaced it while it was read
    │   ├── CatalogLayoutError   a newer version of this package wrote it
    │   ├── FolderError          a link, or anything else but a file, where a file is to be
    │   ├── PublishError         a place to publish to that refuses, or holds something else
    │   └── ItemNotFoundError    the catalog holds no granule of this id
    ├── PhotonsError             photons of an area that cannot be given as asked for
    │   ├── ConditionError       a condition on photons that cannot be
    │   ├── SeveralReleasesError a search that found granules of more than one release
    │   └── TooManyPhotonsError  more photons than fit into memory
    ├── ProductError             a product, or a granule of one, that is not opened here
    ├── PairError                a sibling granule that does not belong to this one
    │   └── MissingSiblingError  the catalog holds no sibling of this granule
    └── BeamError                a granule file that cannot give what was asked for
        ├── NotATL03Error        the file is not an ATL03 granule; a ProductError too
        ├── BeamNotFoundError    the granule lacks this beam
        ├── EmptyBeamError       the beam holds no photon
        ├── VariableNotFoundError the beam lacks this variable
        ├── HeightsError         a height that is not known, or without numbers
        ├── ForeignDataError     what is asked for lies outside the file
        ├── SegmentsError        the beam's segments are missing, or contradict its photons
        ├── ReferencesError      a reference set that cannot be made or read
        ├── StaleReferencesError references that do not belong to the granule as it is stored now
        └── UnsupportedFilterError a filter that planned reads do not undo

Five warnings: ``LoginWarning``, a token that has ended is passed over for another login;
``AccessWarning``, a granule is read by another access than the one tried first;
``ReferencesWarning``, a beam is read by h5py because its references cannot be used,
``SegmentsWarning``, a beam is read without what follows from its segments; and
``PhotonsWarning``, granules are missing among the photons of an area.

A message says what happened, with which values, and what to do next.
"""

from __future__ import annotations

from catalog_builder.plain_text import visible


def _message(error: BaseException) -> str:
    """The message of an error or a warning, with control characters that it quotes written out."""
    return visible(Exception.__str__(error))


class CatalogBuilderError(Exception):
    """Anything this package raises on purpose."""

    __str__ = _message


class MissingExtraError(CatalogBuilderError, ImportError):
    """An optional dependency is not installed; the message says how to."""


class DefinitionError(CatalogBuilderError, ValueError):
    """A catalog definition that cannot be used."""


class WindowError(CatalogBuilderError, ValueError):
    """A box or an interval of time that cannot be."""


class RecordError(CatalogBuilderError, ValueError):
    """A metadata record that cannot be used; the message is the reason."""


class FootprintError(RecordError):
    """A geometry that cannot be: too few points, or not on Earth."""


class HarmonyError(CatalogBuilderError, ValueError):
    """What no request to Harmony can ask for."""


class CmrError(CatalogBuilderError):
    """CMR refused or failed.

    ``status`` is the HTTP status (None where there was no answer), ``request_id`` what NASA's
    support asks for.
    """

    def __init__(
        self, message: str, *, status: int | None = None, request_id: str | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.request_id = request_id


class CmrQueryError(CmrError, ValueError):
    """The query itself is wrong: asking again will not help."""


class CmrUnavailableError(CmrError, ConnectionError):
    """No usable answer after all retries."""


class StacApiError(CatalogBuilderError):
    """A STAC API refused or failed, or what answers is no STAC API.

    ``status`` is the HTTP status; None where there was no answer, or not the one that was asked
    for.
    """

    def __init__(self, message: str, *, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


class EarthdataError(CatalogBuilderError):
    """Login and temporary credentials."""


class LoginMissingError(EarthdataError):
    """No token, user name and password, or netrc entry was found."""


class LoginRejectedError(EarthdataError, PermissionError):
    """Earthdata Login refused the login.

    A process sends a login that was refused no more, until it is changed. ``certain`` is False
    where that was not said in so many words, but a web page came in place of an answer: such a
    token is tried again.
    """

    def __init__(self, message: str, *, certain: bool = True) -> None:
        super().__init__(message)
        self.certain = certain


class LoginExpiredError(LoginRejectedError):
    """Earthdata Login refused the token, and its time is over."""


class EulaError(EarthdataError, PermissionError):
    """An agreement must be accepted first, at ``resolution_url``."""

    def __init__(self, message: str, *, resolution_url: str | None = None) -> None:
        super().__init__(message)
        self.resolution_url = resolution_url


class LoginWarning(UserWarning):
    """A token that has ended is passed over, and another login is used."""

    __str__ = _message


class CredentialsError(EarthdataError):
    """The credentials endpoint gave no usable credentials."""


class CredentialsExpiredError(CredentialsError, PermissionError):
    """S3 took the temporary keys for expired, fresh ones too."""


class UntrustedHostError(EarthdataError, PermissionError):
    """A login would have left for a host that is not trusted; nothing was sent."""


class AccessError(CatalogBuilderError, OSError):
    """Bytes could not be read."""


class OutOfRegionError(AccessError, PermissionError):
    """The bucket answers only to machines in its own region."""


class GranuleNotFoundError(AccessError, FileNotFoundError):
    """Nothing is stored at this address."""


class AccessWarning(UserWarning):
    """A granule is read, but by another access than the one tried first."""

    __str__ = _message


class WorkersLostError(CatalogBuilderError, RuntimeError):
    """The workers that granules were handed to are gone; what they gave until then is kept."""


class CatalogError(CatalogBuilderError):
    """A published catalog that cannot be read or written."""


class CatalogNotFoundError(CatalogError, FileNotFoundError):
    """There is no published catalog at this address, or it lacks a file."""


class CatalogChangedError(CatalogError):
    """A rebuild replaced a file of the catalog while it was read: read it again."""


class AddressError(AccessError, CatalogError):
    """An address that is not opened: its protocol, or who names it; nothing was sent or read."""


class CatalogLayoutError(CatalogError):
    """A newer version of this package wrote the catalog, in a layout of its own."""


class FolderError(CatalogError):
    """A folder holds a link, or something else, where only a file may be read or written.

    Nothing was read through it, nor written, nor removed; the message names it.
    """


class PublishError(CatalogError):
    """A place to publish to refused, failed, or holds something else.

    Publishing again goes on where it stopped.
    """


class ItemNotFoundError(CatalogError, LookupError):
    """The catalog holds no granule of this id."""


class PhotonsError(CatalogBuilderError):
    """Photons of an area that cannot be given as they were asked for."""


class ConditionError(PhotonsError, ValueError):
    """A condition on photons that cannot be: its name, its operator or its value."""


class SeveralReleasesError(PhotonsError, ValueError):
    """A search found granules of more than one release; the message names them."""


class TooManyPhotonsError(PhotonsError, MemoryError):
    """More photons than fit into memory, by the plan; nothing was read of them."""


class ProductError(CatalogBuilderError, ValueError):
    """A product that is not known or not opened, or a name that no granule of one has."""


class PairError(CatalogBuilderError):
    """A granule of another product that does not belong to this ATL03 granule."""


class MissingSiblingError(PairError, LookupError):
    """The catalog holds no granule of a product that goes with this granule."""


class BeamError(CatalogBuilderError):
    """A granule file that cannot give what was asked for."""


class NotATL03Error(BeamError, ProductError):
    """The file is not an ATL03 granule."""


class BeamNotFoundError(BeamError, LookupError):
    """The granule lacks this beam; the message lists those it has."""


class EmptyBeamError(BeamError, LookupError):
    """The beam is there but holds no photon."""


class VariableNotFoundError(BeamError, LookupError):
    """The beam lacks this variable; the message lists those it has."""


class HeightsError(BeamError, ValueError):
    """A height that is not known, or that a beam has no numbers for."""


class ForeignDataError(BeamError, ValueError):
    """A link or a dataset of the file leads out of it, to other files; it is not followed."""


class SegmentsError(BeamError, ValueError):
    """The segments of a beam are missing, or contradict each other or its photons."""


class SegmentsWarning(UserWarning):
    """Photons are read without what follows from their segments, such as ``x_atc``."""

    __str__ = _message


class ReferencesError(BeamError, ValueError):
    """A beam's reference set that cannot be made, or is none that this package wrote."""


class StaleReferencesError(BeamError, ValueError):
    """Beam references do not belong to the granule as it is stored now."""


class ReferencesWarning(UserWarning):
    """A beam is read through h5py, because its references cannot be used."""

    __str__ = _message


class PhotonsWarning(UserWarning):
    """Granules that could not be read are missing among the photons of an area."""

    __str__ = _message


class UnsupportedFilterError(BeamError, ValueError):
    """A dataset is stored through a filter that planned reads do not undo: h5py must read it."""
