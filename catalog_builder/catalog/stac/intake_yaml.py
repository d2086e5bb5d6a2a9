"""``catalog.yml``: the intake catalog that is published beside the STAC catalog.

It has the format of intake 1, which intake 2 and intake 0.7 both read. It uses no environment
variable and contains no secret. It has the title and the description of the definition; drivers
look granules up in the index.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import yaml

if TYPE_CHECKING:
    from collections.abc import Mapping

    from catalog_builder.catalog.definition import Definition

COMMENT: Final = """\
# Made by catalog-builder. Opening an intake catalog runs code that its author chose:
# open those of people you trust.
"""

_PARAMETERS: Final = {
    "granule": ("Id of the granule, its file name without .h5.", ""),
    "beam": ("gt1l, gt1r, gt2l, gt2r, gt3l or gt3r.", "gt1l"),
    "variables": ("List of variables; group/name for any dataset of the beam.", ""),
    "bbox": (
        "West, south, east, north, degrees; west > east crosses the antimeridian.",
        "",
    ),
    "datetime": ("A time, or an interval A/B; an open end is two dots.", ""),
    "access": ("auto (S3 where it answers, else HTTPS), s3, https or local.", "auto"),
    "classes": (
        "Classes of siblings: atl08=CATALOG; atl24?=CATALOG where there are some.",
        "",
    ),
    "heights": ("Heights added: geoid, geoid_mean_tide, sea_surface, above_dem.", ""),
    "references": (
        "Path or URL of other beam references than this catalog's; False for none.",
        "",
    ),
}
"""Description and default of each parameter of the entry ``beam``."""

_PHOTONS: Final = {
    "area": ("Polygons as GeoJSON, or the path of a file of polygons.", ""),
    "bbox": _PARAMETERS["bbox"],
    "datetime": _PARAMETERS["datetime"],
    "beams": ("strong, weak, or a list of names; all six by default.", ""),
    "variables": ("List of variables of photons or segments: h_ph, geophys_corr/geoid.", ""),
    "where": ("Conditions by name of a variable, as of open_photons.", ""),
    "release": ("006 or 007, where the catalog holds both.", ""),
    "classes": _PARAMETERS["classes"],
    "heights": _PARAMETERS["heights"],
    "access": _PARAMETERS["access"],
}
"""Description and default of each parameter of the entry ``photons``."""


# Intake replaces text in double braces, only in ``args``. It ignores a parameter that no argument
# names.
def _entry(
    driver: str, description: str, parameters: Mapping[str, tuple[str, str]]
) -> dict[str, Any]:
    return {
        "description": description,
        "driver": driver,
        "args": {
            "catalog": "{{ CATALOG_DIR }}",
            **{name: f"{{{{ {name} }}}}" for name in parameters},
        },
        "parameters": {
            name: {"description": text, "type": "str", "default": default}
            for name, (text, default) in parameters.items()
        },
    }


_SOURCES: Final = {
    "beam": _entry(
        "atl03_beam",
        "One ground-track beam of one ATL03 granule, as an xarray Dataset.",
        _PARAMETERS,
    ),
    "granules": {
        "description": (
            "The granules, searched by box, polygon, time, track, cycle, region and more."
        ),
        "driver": "atl03_granules",
        "args": {"catalog": "{{ CATALOG_DIR }}"},
    },
    "photons": _entry(
        "atl03_photons",
        "The photons of an area, of all granules and beams, as an xarray Dataset.",
        _PHOTONS,
    ),
}


def intake_yaml(definition: Definition) -> str:
    """Text of ``catalog.yml``: ASCII, and always the same for a definition."""
    metadata = {
        "version": 1,
        "title": _Quoted(definition.title),
        "description": _Quoted(definition.description or definition.title),
    }
    text: str = yaml.dump(
        {"metadata": metadata, "sources": _SOURCES},
        Dumper=_Dumper,
        sort_keys=False,
        width=2**31,  # a long text stays on its line
    )
    # Intake deletes "!template " anywhere in the file. Only the texts of a definition, which are
    # in double quotes, can contain it.
    return COMMENT + text.replace("!template ", "!template\\x20")


class _Quoted(str):
    """Text that is written in double quotes, where every character can be escaped."""

    __slots__ = ()


class _Dumper(yaml.SafeDumper):  # type: ignore[misc]
    """Writes :class:`_Quoted` too."""


def _represent_quoted(dumper: yaml.SafeDumper, text: _Quoted) -> Any:
    return dumper.represent_scalar("tag:yaml.org,2002:str", str(text), style='"')


_Dumper.add_representer(_Quoted, _represent_quoted)
