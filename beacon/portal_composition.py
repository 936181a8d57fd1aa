"""Puts the portal together: the pages that the settings want, in front of whatever answers."""

from __future__ import annotations

import contextlib
import functools
import re
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from functools import partial

from aiohttp import web

from beacon import portal_access
from beacon.auth.authenticator import Authenticator
from beacon.framework.response import Identity
from beacon.load import packages
from beacon.model.entry_types import MODEL
from beacon.model.reference import References
from beacon.portal.asking import Asking
from beacon.portal.countries_page import CountriesPages
from beacon.portal.help_page import HelpPages
from beacon.portal.languages import languages
from beacon.portal.list_page import ListPages
from beacon.portal.login import Login, session_of
from beacon.portal.login_pages import shown_with
from beacon.portal.look_up_page import LookUpPages
from beacon.portal.people_page import PeoplePages
from beacon.portal.reading import GeneNames, NamedGene, Place, Reader, gene_names
from beacon.portal.reading_later import ReaderLater
from beacon.portal.rendering import Rendering, environment
from beacon.portal.site import Site
from beacon.portal.static_files import StaticFiles
from beacon.portal.suggestions import SuggestionPages
from beacon.portal_access import Keys
from beacon.settings import Settings
from beacon.web.middleware import MISSING

Pages = Callable[[web.Application, Asking], None]


@contextlib.asynccontextmanager
async def opened(
    settings: Settings,
    identity: Identity,
    references: References,
    authenticator: Authenticator | None,
    keys: Callable[[Settings], Keys],
    *,
    is_network: bool,
) -> AsyncIterator[Pages | None]:
    """What adds the portal to an application; `None` where the settings want none.

    Args:
        authenticator: Says who callers are; needed where people can log in.
        keys: Makes the keys of this deployment.
        is_network: Whether countries are asked, or the datasets of one beacon.

    Raises:
        SettingsError: What is said of logging in makes no sense.
    """
    if not settings.portal.enabled:
        yield None
        return
    rendering = Rendering(
        identity=identity,
        languages=languages(),
        files=StaticFiles.read(),
        is_network=is_network,
        environment=environment(),
        session=session_of,
        can_log_in=portal_access.can_log_in(settings),
    )
    show = shown_with(rendering)
    async with portal_access.open_login(settings, authenticator, keys, show) as login:
        yield partial(_add, identity, references, rendering, login, settings.limits.filters_max)


def _add(
    identity: Identity,
    references: References,
    rendering: Rendering,
    login: Login | None,
    filters_max: int,
    app: web.Application,
    asking: Asking,
) -> None:
    reader = ReaderLater(lambda: Reader(known_genes(), references))
    app.cleanup_ctx.append(reader.warmed)
    site = Site(
        identity=identity,
        model=MODEL,
        asking=asking,
        reader=reader,
        rendering=rendering,
        login=login,
    )
    site.add_login(app)
    app.router.add_get("/static/{version}/{name}", rendering.files.serve)
    LookUpPages(site).add(app)
    PeoplePages(site, filters_max).add(app)
    SuggestionPages(site).add(app)
    CountriesPages(site).add(app)
    explained = HelpPages(site)
    explained.add(app)
    app[MISSING] = explained.missing
    ListPages(site).add(app)


@functools.cache
def known_genes() -> GeneNames:
    """What genes are called and where they lie, as far as installed packages say.

    Without HGNC's table genes have only the symbols by which Ensembl's says where they are.
    """
    tables = {one.assembly: one.read() for one in packages.genes()}

    def places(names: Iterable[str]) -> Mapping[str, Place]:
        names = tuple(names)
        found = {
            assembly: next((table[name] for name in names if name in table), None)
            for assembly, table in tables.items()
        }
        return {assembly: Place(*one) for assembly, one in found.items() if one is not None}

    approved = packages.gene_names()
    if approved is None:
        symbols = {name for table in tables.values() for name in table if not _ID.fullmatch(name)}
        return gene_names(NamedGene(one, places=places((one,))) for one in sorted(symbols))
    return gene_names(
        NamedGene(
            one.symbol,
            one.aliases,
            one.previous,
            one.ids,
            one.is_coding,
            places((one.symbol, *one.ids)),
        )
        for one in approved.read()
    )


_ID = re.compile(r"ENSG\d+")
