"""`beacon match`: who else has what a patient has, asked without saying who the patient is."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from random import SystemRandom
from typing import TYPE_CHECKING, Any

import click

from beacon.commands.options import AS_JSON, ASSEMBLIES, err, out
from beacon.load.progress import RichProgress

if TYPE_CHECKING:
    from beacon.casework.candidates import Candidate
    from beacon.casework.case_file import Account, Header, Wanted
    from beacon.casework.findings import Finding
    from beacon.casework.leaving import Leaving
    from beacon.client import MatchAnswer

EXIT_NETWORK_GONE = 1

_FILE = click.Path(path_type=Path, exists=True, dir_okay=False)
_NEW_FILE = click.Path(path_type=Path, dir_okay=False)


@click.command()
@click.argument("vcf", type=_FILE)
@click.option(
    "--phenopacket",
    required=True,
    type=_FILE,
    help="GA4GH Phenopacket with the patient's features, as JSON.",
)
@click.option("--network", "url", help="URL of the API of a network, or of a beacon.")
@click.option("--sample", help="The patient's column of the VCF.")
@click.option("--ped", type=_FILE, help="PED file: who the affected child is, and the parents.")
@click.option("--genes", help="Genes to keep to: A,B or a file with one a line.")
@click.option("--regions", type=_FILE, help="Regions to keep to, as BED.")
@click.option("--assembly", type=ASSEMBLIES, help="Of a VCF that does not say so itself.")
@click.option(
    "--max-variants",
    type=click.IntRange(1, 20),
    default=20,
    show_default=True,
    help="Variants that are asked about at most, the most promising first.",
)
@click.option(
    "--max-af",
    type=click.FloatRange(0, 1),
    default=0.01,
    show_default=True,
    help="Frequency, in the VCF's INFO and in the network, up to which a variant is kept.",
)
@click.option("--no-zygosity", is_flag=True, help="Do not say on how many copies a variant is.")
@click.option("--token-file", type=_FILE, help="File with the bearer token that says who asks.")
@click.option("--log", "log", type=_NEW_FILE, help="Add every request that leaves to this file.")
@click.option("--dry-run", is_flag=True, help="Ask nobody: print what would leave.")
@AS_JSON
def match(
    vcf: Path,
    phenopacket: Path,
    url: str | None,
    sample: str | None,
    ped: Path | None,
    genes: str | None,
    regions: Path | None,
    assembly: str | None,
    max_variants: int,
    max_af: float,
    no_zygosity: bool,
    token_file: Path | None,
    log: Path | None,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Ask a network who else has what a patient has.

    VCF is read here, and stays here. Of what is in it, rare variants with an effect on a protein or
    on splicing are asked about, with the features of the phenopacket: what `--dry-run` prints, and
    nothing else. Ends with status 1 when the network does not answer.
    """
    from beacon.casework import showing
    from beacon.casework.case_file import read_candidates, read_header
    from beacon.casework.failures import NetworkGone
    from beacon.casework.family import family_of, read_people
    from beacon.casework.leaving import leaving, read_phenopacket

    if url is None and not dry_run:
        raise click.UsageError("Missing option '--network'; or say --dry-run.")
    person = read_phenopacket(phenopacket)
    header = read_header(vcf, assembly)
    people = read_people(ped) if ped is not None else ()
    family = family_of(header.samples, named=sample, people=people, sex=person.sex)
    wanted = _wanted(header, genes, regions, max_af)
    with RichProgress(err) as progress:
        candidates, account = read_candidates(header, family, wanted, progress)
    chosen = candidates[:max_variants]
    leaves = leaving(chosen, person, with_zygosity=not no_zygosity, order=SystemRandom())
    counts = {"kept": len(candidates), "asked": len(chosen)}
    err.print(showing.reading_notes(header, family, account, **counts))
    if dry_run or url is None:
        if as_json:
            _print_json(leaves.document())
        else:
            out.print(showing.leaving_table(leaves))
        return
    asking = _ask(url, leaves, chosen, max_af, token_file=token_file, log=log)
    try:
        found, matched, why_not = asyncio.run(asking)
    except NetworkGone as gone:
        click.echo(f"beacon: {gone}", err=True)
        sys.exit(EXIT_NETWORK_GONE)
    if as_json:
        _print_json(_document(header, account, counts, leaves, found, matched, why_not))
        return
    out.print(showing.findings_table(found))
    out.print(showing.alike_notes(matched, why_not))


def _wanted(header: Header, genes: str | None, regions: Path | None, max_af: float) -> Wanted:
    """What is kept of the file; what it does not say of effects has to be said otherwise."""
    from beacon.casework.case_file import Wanted
    from beacon.casework.failures import CaseError
    from beacon.casework.places import places_of_genes, read_bed, read_gene_list

    listed = () if genes is None else read_gene_list(genes)
    places = None if regions is None else read_bed(regions)
    if not header.has_effects:
        if not listed and places is None:
            raise CaseError(
                f"{header.path} does not say what its variants do: it has no CSQ, ANN or BCSQ. "
                "Annotate it with VEP, SnpEff or bcftools csq, or say where to look with --genes "
                "or --regions"
            )
        if listed:
            of_genes = places_of_genes(listed, header.assembly)
            places = of_genes if places is None else of_genes.within(places)
    return Wanted(max_frequency=max_af, genes=listed, places=places)


async def _ask(
    url: str,
    leaves: Leaving,
    chosen: Sequence[Candidate],
    max_af: float,
    *,
    token_file: Path | None,
    log: Path | None,
) -> tuple[list[Finding], MatchAnswer | None, str]:
    """The findings, who is alike, and why that is not known where it is not."""
    from beacon.casework.asking import Network
    from beacon.casework.connecting import connected, read_token
    from beacon.casework.failures import NetworkGone
    from beacon.casework.findings import findings
    from beacon.casework.leaving import variant_of
    from beacon.casework.sent import sent_log

    with sent_log(log) as sent, RichProgress(err) as progress:
        async with connected(url, token=read_token(token_file), sent=sent) as beacon:
            network = await Network.meet(beacon)
            progress.file(f"asking {network.voice.name}", len(leaves.alleles))
            answers = await network.told(leaves.alleles, progress.advance, thoroughly=True)
            known = dict(zip(leaves.alleles, answers, strict=True))
            told = [known[variant_of(one)] for one in chosen]
            rare = [
                variant_of(one.candidate)
                for one in findings(chosen, told, None, max_af)
                if not one.is_too_common
            ]
            matched, why_not = None, "the network does not look for people who are alike"
            if network.has_match:
                progress.file("looking for people who are alike", None)
                try:
                    matched, why_not = await network.alike(leaves.only(rare)), ""
                except NetworkGone as gone:
                    why_not = str(gone)
    return findings(chosen, told, matched, max_af), matched, why_not


def _document(
    header: Header,
    account: Account,
    counts: dict[str, int],
    leaves: Leaving,
    found: Sequence[Finding],
    matched: MatchAnswer | None,
    why_not: str,
) -> dict[str, Any]:
    alike: dict[str, Any] = {"notKnown": why_not}
    if matched is not None:
        alike = {
            "exists": matched.exists,
            "low": matched.low,
            "high": matched.high,
            "sets": [
                {
                    "beaconId": one.beacon_id,
                    "datasetId": one.dataset_id,
                    "bands": [
                        {"band": band.band, "low": band.low, "high": band.high}
                        for band in one.bands
                    ],
                }
                for one in matched.sets
            ],
            "notAnswered": [one.id for one in matched.members if not one.is_answer],
        }
    return {
        "assembly": header.assembly,
        "frequencyFields": list(header.frequencies.names),
        "records": account.records,
        "dropped": dict(account.dropped),
        **counts,
        "sent": leaves.document(),
        "findings": [one.document() for one in found],
        "alike": alike,
    }


def _print_json(document: dict[str, Any]) -> None:
    click.echo(json.dumps(document, indent=2, ensure_ascii=False))
