"""The home of `StaticFiles`: what pages bring along, read and packed once, and kept by browsers."""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from aiohttp import hdrs, web

from beacon.framework.errors import NotFound

FOLDER = Path(__file__).parent / "static"
_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml; charset=utf-8",
}


@dataclass(frozen=True, slots=True)
class StaticFiles:
    """Files by name, each as it is and packed.

    Attributes:
        version: Changes with any of them. It is in their path, so that modules import each other
            by name, and nobody has to ask whether what is kept is still right.
    """

    files: Mapping[str, tuple[bytes, bytes]]
    version: str

    @classmethod
    def read(cls, folder: Path = FOLDER) -> StaticFiles:
        """Read all files of a folder."""
        files = {}
        version = hashlib.sha256()
        for path in sorted(folder.iterdir()):
            if path.suffix in _TYPES:
                body = path.read_bytes()
                files[path.name] = body, gzip.compress(body, 9, mtime=0)
                version.update(path.name.encode() + b"\0" + body)
        return cls(files, version.hexdigest()[:12])

    def path(self, name: str) -> str:
        """Where a file is."""
        if name not in self.files:
            raise KeyError(name)
        return f"/static/{self.version}/{name}"

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """A file; one of another version is the one that there is now, and not to be kept."""
        name = request.match_info["name"]
        if name not in self.files:
            raise NotFound("no such file")
        body, packed = self.files[name]
        is_current = request.match_info["version"] == self.version
        headers = {
            hdrs.CONTENT_TYPE: _TYPES[Path(name).suffix],
            hdrs.CACHE_CONTROL: "public, max-age=31536000, immutable" if is_current else "no-store",
            hdrs.VARY: hdrs.ACCEPT_ENCODING,
        }
        if "gzip" in request.headers.get(hdrs.ACCEPT_ENCODING, ""):
            return web.Response(body=packed, headers={**headers, hdrs.CONTENT_ENCODING: "gzip"})
        return web.Response(body=body, headers=headers)
