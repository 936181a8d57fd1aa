"""The pages that explain: help, what other programs need to search here, and what there is not."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from aiohttp import hdrs, web

from beacon.portal.datasets import link_of
from beacon.portal.look_up import SHAPES
from beacon.portal.site import Site

EXAMPLES = (
    ("17-43094692-G-A", "gnomad"),
    ("chr7:117559590 ATCT>A", "written"),
    ("7\t117559590\t.\tATCT\tA", "vcf"),
    ("NC_000017.11:g.43094692G>A", "hgvs_g"),
    ("NM_000492.4:c.1521_1523del", "hgvs_c"),
    ("CFTR F508del", "hgvs_p"),
    ("BRCA1", "gene"),
    ("17:43,044,295-43,125,483", "region"),
)
"""What can be written in the box, and the name of the text that says what it is."""

SECTIONS = (
    "no",
    "states",
    "counts",
    "frequency",
    "positions",
    "paste",
    "links",
    "cite",
    "privacy",
    "accessibility",
    "keyboard",
)

_OPENSEARCH = "application/opensearchdescription+xml"
_DAY_S = 86_400


@dataclass(frozen=True, slots=True)
class HelpPages:
    """What explains the other pages."""

    site: Site

    def add(self, app: web.Application) -> None:
        """Add the routes."""
        self.site.get(app, "/help", self.help, reads=False)
        self.site.get(app, "/opensearch.xml", self.opensearch, reads=False)

    async def help(self, request: web.Request) -> web.StreamResponse:
        """What answers mean, what can be asked, and what becomes of what was asked."""
        organisation = self.site.identity.organisation
        return self.site.rendering.response(
            request,
            "help.html",
            website=link_of(organisation.url),
            contact=link_of(organisation.contact_url),
            sections=SECTIONS,
            shapes=SHAPES,
            examples=EXAMPLES,
            root=self._root(),
            today=datetime.now(UTC).strftime("%Y-%m-%d"),
        )

    async def opensearch(self, request: web.Request) -> web.StreamResponse:
        """Lets browsers search here (OpenSearch 1.1). Its addresses have to be whole."""
        text = self.site.rendering.html(request, "opensearch.xml", root=self._root())
        return web.Response(
            body=text.encode(),
            headers={
                hdrs.CONTENT_TYPE: f"{_OPENSEARCH}; charset=utf-8",
                hdrs.CACHE_CONTROL: f"private, max-age={_DAY_S}",
                hdrs.VARY: "Accept-Language, Cookie",
            },
        )

    def missing(self, request: web.Request) -> web.Response:
        """The page in the place of one that there is not."""
        return self.site.rendering.response(
            request, "missing.html", status=404, asked="", assembly=""
        )

    def _root(self) -> str:
        """URL of the site, without a trailing slash: pages are beside the API."""
        return self.site.identity.base_url.rstrip("/").removesuffix("/api")
