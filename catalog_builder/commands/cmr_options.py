"""Options of the verbs that query CMR: the definition, the login, the client."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import click

if TYPE_CHECKING:
    from catalog_builder.catalog.cmr.client import CmrClient
    from catalog_builder.catalog.definition import Definition

login_option: Final = click.option(
    "--login",
    is_flag=True,
    help="Send your Earthdata token to CMR, for collections that are not public.",
)


class DefinitionType(click.ParamType["Definition"]):
    """A definition's file, or the folder that holds its ``definition.toml``."""

    name = "definition"

    def convert(self, value: Any, *_: Any) -> Definition:
        """Read the definition."""
        from catalog_builder.catalog.definition import Definition

        return Definition.load(value)


definition_argument: Final = click.argument("definition", type=DefinitionType())


def open_client(*, login: bool) -> CmrClient:
    """A client of the CMR that the environment names; with a token only if ``login``."""
    from catalog_builder.catalog.cmr.client import CmrClient

    if not login:
        return CmrClient()
    from catalog_builder.auth.earthdata import bearer_token

    return CmrClient(token=bearer_token())
