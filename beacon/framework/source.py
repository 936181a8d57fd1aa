"""The seams: `Source`, what a beacon answers from, and `Sink`, where a load goes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

import msgspec

from beacon.framework.access import Access
from beacon.framework.answer import Answer, Record, Terms
from beacon.framework.query import Pagination, Query, Within


class TermsQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which filtering terms: all, those of one entry type, or those of one dataset or cohort.

    With `prefix` only those of which the id or a word of the label starts so, likeliest first.
    """

    entry_type: str | None = None
    within: Within | None = None
    prefix: str | None = None
    pagination: Pagination = Pagination(limit=0)


class Source(Protocol):
    """What a beacon answers from: a database, memory, or other beacons."""

    async def search(
        self, query: Query, access: Access, *, deadline_s: float | None = None
    ) -> Answer:
        """Answer one question, as far as `access` lets it look.

        Args:
            query: Already checked; a source never has to doubt its form.
            access: Datasets it does not name are not touched.
            deadline_s: Seconds that are left for the answer.

        Raises:
            InvalidRequest: The question cannot be asked of this source, such as a chromosome
                without an assembly where several assemblies are served.
            SourceUnavailable: The source cannot say.
        """

    async def filtering_terms(self, query: TermsQuery, access: Access) -> Terms:
        """The terms that some dataset in `access` can be filtered by."""

    async def check(self) -> None:
        """Return when ready to answer.

        Raises:
            SourceUnavailable: Not ready, and why.
        """


@runtime_checkable
class TogetherSource(Source, Protocol):
    """A source that answers several questions about the same people as one.

    What they tell together is charged once, and all of them leave out the same people.
    """

    async def search_together(
        self, queries: Sequence[Query], access: Access, *, deadline_s: float | None = None
    ) -> list[Answer]:
        """As `Source.search`, of questions that differ in how similar people have to be."""


NOBODY = 0xFFFFFFFF
"""In place of a row: a sample whose person has withdrawn."""


class SourceFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file of a load: `digest` (of its bytes) tells whether it was loaded before."""

    name: str
    digest: str


class Load(Protocol):
    """One open load: a release of one dataset in the making. Nothing shows before `publish`."""

    @property
    def assembly(self) -> str | None:
        """What the dataset's alleles are on, as of this load; `None` while nothing has told."""

    def is_loaded(self, file: SourceFile) -> bool:
        """Whether the published release already holds this very file."""

    def position(self, file: SourceFile) -> int:
        """How many records of the file an interrupted load has already written for good."""

    def rows(self, sample_names: Sequence[str]) -> Any:
        """The row of each sample (uint32 array, same order); rows are added as needed.

        The row of a sample whose person has withdrawn is `NOBODY`: nothing of it is to be loaded.
        """

    def populations(self, names: Sequence[str]) -> None:
        """Name the populations that `Observation.strata` counts, the first of them everybody.

        Once a load, before the alleles that have such counts.
        """

    def annotate(self, annotations: Sequence[tuple[Any, Mapping[str, Any]]]) -> int:
        """Add to what is said of alleles (`model.allele.Allele`), those that the dataset has.

        Returns:
            How many of them it has.
        """

    def write_alleles(self, observations: Sequence[Any]) -> None:
        """Take `model.variation.Observation` values; written in batches of the sink's choosing."""

    def assess(self, said: Iterable[Any]) -> Sequence[str]:
        """Take what files of single people say of where these were looked at, before the alleles.

        The people are then looked at wherever their files say so, at alleles that other loads
        bring, too; and where a file takes the place of an earlier one, what that one said is gone.

        Args:
            said: `model.assessment.PersonFileSaid` and `PlaceSaid` values.

        Returns:
            Files whose people have other files with calls on the same sequence, which stay.
        """

    def left_shifted(self, *, all_of_them: bool) -> None:
        """Say whether the insertions and deletions of this load are as far left as they can be.

        Questions are shifted the same way only where all loads with genotypes were.
        """

    def record(self, entry_type: str, entry_id: str) -> Record | None:
        """A record as this load would publish it now, to add to it; `None` if there is none."""

    def has_withdrawn(self, entry_type: str, record: Record) -> bool:
        """Whether a record is of somebody who has withdrawn from the dataset.

        It is not loaded, and counts as nothing to load.
        """

    def write_records(self, entry_type: str, records: Sequence[Record]) -> None:
        """Take records of one entry type; a record with a known id replaces the older one.

        Of type `genomicVariant` are those that cannot be alleles yet: see `waiting`.
        """

    def waiting(self) -> Iterator[Record]:
        """Records of type `genomicVariant` that wait for the assembly, in the order of loading.

        They are carried from release to release until a load has an assembly, and no further: that
        load hands them over as alleles.
        """

    def mark(self, file: SourceFile, position: int) -> None:
        """All records of the file up to `position` were handed over: flush and remember."""

    def finish(self, file: SourceFile) -> None:
        """The file was handed over whole."""

    def publish(self) -> Mapping[str, int]:
        """Make the release the one that is served, at once and whole.

        Returns:
            What the dataset now holds, by entry type id.
        """

    def abandon(self) -> None:
        """Forget the load and what it wrote; the published release is untouched."""


class LoadPart(Protocol):
    """A part of an open load, in the hands of one process; no other one touches what it writes."""

    @property
    def position(self) -> int:
        """How many records of the part an interrupted load has already written for good."""

    def samples_of_file(self, rows: Any) -> None:
        """Whom the alleles that follow speak for: the rows of a file's samples."""

    def write_alleles(self, observations: Sequence[Any]) -> None:
        """Take `model.variation.Observation` values."""

    def mark(self, position: int) -> None:
        """All records of the part up to `position` were handed over: flush and remember."""

    def finish(self, position: int, account: bytes) -> None:
        """The part was handed over whole; `account` is kept for `SharedLoad.accounts`."""


class JoinedLoad(Protocol):
    """An open load, from within a process that joined it, until that ends."""

    def part(self, name: str) -> LoadPart:
        """One part; as long as it is written, nobody else may have it."""


class Invitation(Protocol):
    """What another process needs to join an open load: it can be pickled."""

    def join(self) -> JoinedLoad:
        """The load, from within the process that this is called in."""


@runtime_checkable
class SharedLoad(Load, Protocol):
    """A load that several processes may write, each parts of its own."""

    def plan(self) -> bytes | None:
        """How this load was cut into parts before it was interrupted, if it was.

        Then it has to go on in parts.
        """

    def share(self, plan: bytes, *, samples: int, has_annotations: bool) -> Invitation | None:
        """Let other processes join; `None` if they cannot.

        After all rows were asked for, and before anything is written.

        Args:
            plan: How the load is cut into parts, as `plan` is to give it.
            samples: How many the first file has.
            has_annotations: Whether observations will have any.
        """

    def accounts(self) -> Mapping[str, bytes]:
        """The account of each part that was handed over whole, by name.

        Before the load is published, when all processes have left it.
        """


class Sink(Protocol):
    """Where loads go. Synchronous: a pipe to fill, nobody else to serve."""

    def open(self, dataset_id: str, *, assembly: str | None, files: Sequence[SourceFile]) -> Load:
        """Open a load, or take up the one of the same files that was interrupted.

        Args:
            assembly: `GRCh37` or `GRCh38`; `None` when the load brings no variation.

        Raises:
            LoadError: The dataset is on another assembly, or another load of it is running.
        """
