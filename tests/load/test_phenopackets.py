"""Phenopackets: nothing that a packet says of a person, or of an allele, is said otherwise here."""

from __future__ import annotations

import gzip
import itertools
import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pymongo
import pytest
from memory_sink import MemorySink

from beacon.framework.access import ANY, Access
from beacon.framework.query import Filter, Granularity, Pagination, Query, VariationQuery
from beacon.load.bff import load_bff
from beacon.load.phenopackets import load_phenopackets
from beacon.model.allele import Allele, Zygosity
from beacon.mongo.sink import MongoSink
from beacon.mongo.store import MongoStore

SHARED = Path(__file__).parents[2].parent / "shared" / "data" / "phenopackets"
STORE = SHARED / "phenopacket-store.jsonl.gz"
BOTH_ALLELES = {"GENO:0000135": Zygosity.HET, "GENO:0000136": Zygosity.HOM}
DISEASE = {"id": "OMIM:148600", "label": "a disease"}

needs_store = pytest.mark.skipif(not STORE.is_file(), reason="the real data are not here")


def interpretation(status: str = "CAUSATIVE", **descriptor: Any) -> dict[str, Any]:
    return {
        "id": "i",
        "progressStatus": "SOLVED",
        "diagnosis": {
            "disease": DISEASE,
            "genomicInterpretations": [
                {
                    "subjectOrBiosampleId": "Patient 1",
                    "interpretationStatus": status,
                    "variantInterpretation": {
                        "acmgPathogenicityClassification": "PATHOGENIC",
                        "variationDescriptor": {
                            "id": "v",
                            "allelicState": {"id": "GENO:0000135"},
                            **descriptor,
                        },
                    },
                }
            ],
        },
    }


def vcf_record(**changes: Any) -> dict[str, Any]:
    record = {"genomeAssembly": "hg38", "chrom": "chr17", "pos": "7577121", "ref": "G", "alt": "A"}
    return {**record, **changes}


def packet(**changes: Any) -> dict[str, Any]:
    return {
        "id": "packet-1",
        "subject": {"id": "Patient 1", "sex": "FEMALE"},
        "metaData": {"phenopacketSchemaVersion": "2.0"},
        **changes,
    }


def loaded(tmp_path: Path, *messages: Any, **options: Any) -> tuple[MemorySink, Any]:
    (tmp_path / "packets.jsonl").write_text("\n".join(map(json.dumps, messages)))
    sink = MemorySink()
    return sink, load_phenopackets(sink, "d", [tmp_path / "packets.jsonl"], **options)


def people(sink: MemorySink) -> dict[str, Any]:
    return sink.published["d"].records["individual"]


@pytest.fixture(scope="module")
def packets() -> list[dict[str, Any]]:
    with gzip.open(STORE, "rt", encoding="utf-8") as lines:
        every = [json.loads(line) for line in lines]
    return random.Random(20).sample(every, 500)


@pytest.fixture(scope="module")
def of_store(
    packets: list[dict[str, Any]], tmp_path_factory: pytest.TempPathFactory
) -> tuple[MemorySink, Any]:
    return loaded(tmp_path_factory.mktemp("store"), *packets)


@needs_store
def test_every_packet_of_the_store_is_a_person_as_the_schema_wants_it():
    report = load_phenopackets(MemorySink(), "d", [STORE])

    assert report.loaded == {"individual": 7331, "biosample": 7331, "genomicVariant": 7612}
    assert not report.warnings
    assert {reason: found.count for reason, found in report.not_loaded.items()} == {
        "the variant has no place in the genome": 471,
        "variation not understood": 1,
    }


@needs_store
def test_people_have_the_features_that_packets_say_and_lack_those_they_exclude(packets, of_store):
    found, stated = {}, {}
    for one in packets:
        record = people(of_store[0])[one["id"]]
        found[one["id"]] = [
            (feature["featureType"]["id"], feature.get("excluded", False))
            for feature in record.get("phenotypicFeatures", [])
        ]
        stated[one["id"]] = [
            (feature["type"]["id"], feature.get("excluded", False))
            for feature in one.get("phenotypicFeatures", [])
        ]

    assert found == stated
    assert sum(excluded for features in found.values() for _, excluded in features) > 1_000


@needs_store
def test_people_have_the_sex_the_age_and_the_diseases_that_packets_say(packets, of_store):
    sexes = {"FEMALE": "NCIT:C16576", "MALE": "NCIT:C20197", "UNKNOWN_SEX": "NCIT:C17998"}
    for one in packets:
        record = people(of_store[0])[one["id"]]
        last = one["subject"].get("timeAtLastEncounter", {})

        assert record["sex"]["id"] == sexes[one["subject"]["sex"]]
        assert record["info"].get("age") == last.get("age", {}).get("iso8601duration")
        assert [disease["diseaseCode"]["id"] for disease in record.get("diseases", [])] == [
            disease["term"]["id"] for disease in one.get("diseases", [])
        ]


def descriptors(one: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for stated in one.get("interpretations", []):
        for genomic in stated["diagnosis"]["genomicInterpretations"]:
            yield genomic["variantInterpretation"]["variationDescriptor"]


@needs_store
def test_variants_are_the_alleles_genes_and_names_that_packets_say(packets, of_store):
    release = of_store[0].published["d"]
    names = {row: name for name, row in release.samples.items()}
    found = {
        (names[int(row)], one.allele.vcf, one.allele.reference_name, int(code)): one.annotation
        for one in release.observations
        for row, code in zip(one.rows, one.zygosity, strict=True)
    }
    expected = {}
    for one in packets:
        for descriptor in descriptors(one):
            if "vcfRecord" not in descriptor or not set(descriptor["vcfRecord"]["alt"]) <= set(
                "ACGT"
            ):
                continue
            vcf = descriptor["vcfRecord"]
            names_of = {
                syntax: [e["value"] for e in descriptor["expressions"] if e["syntax"] == syntax]
                for syntax in ("hgvs.g", "hgvs.c", "hgvs.p")
            }
            pos, ref, alt = int(vcf["pos"]), vcf["ref"], vcf["alt"]
            while len(ref) > 1 and len(alt) > 1 and ref[-1] == alt[-1]:
                ref, alt = ref[:-1], alt[:-1]
            while len(ref) > 1 and len(alt) > 1 and ref[0] == alt[0]:
                pos, ref, alt = pos + 1, ref[1:], alt[1:]
            code = BOTH_ALLELES.get(descriptor["allelicState"]["id"], Zygosity.HEMI)
            chrom = vcf["chrom"].removeprefix("chr")
            expected[one["id"], (pos, ref, alt), chrom, int(code)] = (
                names_of,
                descriptor["geneContext"]["symbol"],
            )

    assert found.keys() == expected.keys()
    for key, (names_of, symbol) in expected.items():
        identifiers = found[key]["identifiers"]
        assert [identifiers["genomicHGVSId"]] == names_of["hgvs.g"]
        assert identifiers.get("transcriptHGVSIds", []) == names_of["hgvs.c"]
        assert identifiers.get("proteinHGVSIds", []) == names_of["hgvs.p"]
        assert found[key]["molecularAttributes"]["geneIds"] == [symbol]
    assert len(expected) > 400


@needs_store
async def test_people_are_found_by_what_they_have_and_by_their_alleles(
    mongo_uri, database, tmp_path
):
    with gzip.open(STORE, "rt", encoding="utf-8") as lines:
        few = [json.loads(line) for line in itertools.islice(lines, 40)]
    path = tmp_path / "packets.json"
    path.write_text(json.dumps(few))
    with pymongo.MongoClient[dict[str, Any]](mongo_uri) as client:
        load_phenopackets(MongoSink(client[database]), "d", [path])
    features = [
        (one["id"], feature["type"]["id"], feature.get("excluded", False))
        for one in few
        for feature in one.get("phenotypicFeatures", [])
    ]
    terms = sorted({term for _, term, _ in features})
    everything = Access(grants={"d": {ANY: Granularity.RECORD}})

    async with pymongo.AsyncMongoClient[dict[str, Any]](mongo_uri) as client:
        store = MongoStore(client[database])

        async def ids(entry_type: str, **question: Any) -> set[str]:
            answer = await store.search(
                Query(
                    entry_type=entry_type,
                    granularity=Granularity.RECORD,
                    pagination=Pagination(limit=0),
                    **question,
                ),
                everything,
            )
            (found,) = answer.result_sets
            return {record["id"] for record in found.records}

        by_term = {
            term: await ids(
                "individual", filters=(Filter(id=term, include_descendant_terms=False),)
            )
            for term in terms
        }
        vcf = next(descriptors(few[0]))["vcfRecord"]
        allele = VariationQuery(
            assembly_id="GRCh38",
            reference_name=vcf["chrom"].removeprefix("chr"),
            start=(int(vcf["pos"]) - 1,),
            reference_bases=vcf["ref"],
            alternate_bases=vcf["alt"],
        )
        carriers = await ids("individual", variation=allele)
        alleles = await ids("genomicVariant", variation=allele)

    assert by_term == {
        term: {person for person, found, excluded in features if found == term and not excluded}
        for term in terms
    }
    assert any(excluded for _, _, excluded in features)
    assert carriers == {few[0]["id"]}
    assert len(alleles) == 1


def test_two_subjects_of_one_name_are_two_people(tmp_path):
    sink, report = loaded(tmp_path, packet(), packet(id="packet-2"))

    assert list(people(sink)) == ["packet-1", "packet-2"]
    assert people(sink)["packet-2"]["info"]["alternateIds"] == ["Patient 1"]
    assert not report.warnings


def test_the_same_packet_again_replaces_what_it_said(tmp_path):
    first, second = tmp_path / "1.json", tmp_path / "2.json"
    first.write_text(json.dumps(packet(diseases=[{"term": DISEASE}])))
    second.write_text(json.dumps(packet()))
    sink = MemorySink()
    load_phenopackets(sink, "d", [first])
    load_phenopackets(sink, "d", [second])

    assert "diseases" not in people(sink)["packet-1"]


def test_files_are_found_at_any_depth_of_a_folder(tmp_path):
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "one.json").write_text(json.dumps(packet()))
    zipped = gzip.compress(json.dumps([packet(id="x"), packet(id="y")]).encode())
    (tmp_path / "a" / "b" / "two.json.gz").write_bytes(zipped)
    sink = MemorySink()
    load_phenopackets(sink, "d", [tmp_path])

    assert set(people(sink)) == {"packet-1", "x", "y"}


def test_what_the_model_has_no_place_for_is_kept_in_info(tmp_path):
    excluded = {"term": DISEASE, "excluded": True}
    staged = {
        "term": DISEASE,
        "onset": {"gestationalAge": {"weeks": "20"}},
        "diseaseStage": [{"id": "NCIT:C1"}],
        "primarySite": {"id": "UBERON:1"},
    }
    evidence = {"evidenceCode": {"id": "ECO:1"}, "reference": {"id": "PMID:1", "description": "x"}}
    feature = {"type": {"id": "HP:1"}, "evidence": [evidence, {"evidenceCode": {"id": "ECO:2"}}]}
    regimen = {
        "therapeuticRegimen": {
            "ontologyClass": {"id": "NCIT:C2"},
            "startTime": {"age": {"iso8601duration": "P1Y"}},
        },
        "treatmentIntent": {"id": "NCIT:C3"},
    }
    subject = {"id": "P", "vitalStatus": {"status": "DECEASED"}, "dateOfBirth": "2000-01-01T00:00Z"}
    sink, report = loaded(
        tmp_path,
        packet(
            subject=subject,
            diseases=[excluded, staged],
            phenotypicFeatures=[feature],
            medicalActions=[regimen],
        ),
    )
    record = people(sink)["packet-1"]

    assert not report.warnings
    assert record["sex"]["id"] == "NCIT:C17998"
    assert record["diseases"] == [
        {"diseaseCode": DISEASE, "ageOfOnset": {"weeks": 20}, "stage": {"id": "NCIT:C1"}}
    ]
    assert record["phenotypicFeatures"][0]["evidence"] == {
        "evidenceCode": {"id": "ECO:1"},
        "reference": {"id": "PMID:1", "notes": "x"},
    }
    assert record["treatments"] == [
        {"treatmentCode": {"id": "NCIT:C2"}, "ageAtOnset": {"iso8601duration": "P1Y"}}
    ]
    assert record["info"] == {
        "phenotypicFeatures": [
            {"type": {"id": "HP:1"}, "evidence": [{"evidenceCode": {"id": "ECO:2"}}]}
        ],
        "diseases": [excluded, {"term": DISEASE, "primarySite": {"id": "UBERON:1"}}],
        "medicalActions": [
            {
                "treatmentIntent": {"id": "NCIT:C3"},
                "therapeuticRegimen": {"ontologyClass": {"id": "NCIT:C2"}},
            }
        ],
        "alternateIds": ["P"],
        "vitalStatus": {"status": "DECEASED"},
    }


def test_a_quantity_of_nothing_is_zero(tmp_path):
    unit = {"id": "UCUM:g"}
    measured = {
        "assay": {"id": "LOINC:1"},
        "value": {"quantity": {"unit": unit, "referenceRange": {"unit": unit, "high": 2.0}}},
    }
    sink, report = loaded(tmp_path, packet(measurements=[measured]))
    (found,) = people(sink)["packet-1"]["measurements"]

    assert not report.warnings
    assert found["measurementValue"] == {
        "unit": unit,
        "value": 0,
        "referenceRange": {"unit": unit, "low": 0, "high": 2.0},
    }


ALLELE = Allele.from_vcf("17", 7577121, "G", "A")
VRS = {
    "allele": {
        "sequenceLocation": {
            "sequenceId": "refseq:NC_000017.11",
            "sequenceInterval": {
                "startNumber": {"value": "7577120"},
                "endNumber": {"value": "7577121"},
            },
        },
        "literalSequenceExpression": {"sequence": "A"},
    }
}


@pytest.mark.parametrize(
    ("descriptor", "expected"),
    [
        ({"vcfRecord": vcf_record()}, ALLELE),
        ({"vcfRecord": vcf_record(genomeAssembly="", chrom="NC_000017.11")}, ALLELE),
        ({"expressions": [{"syntax": "hgvs.g", "value": "NC_000017.11:g.7577121G>A"}]}, ALLELE),
        (
            {"expressions": [{"syntax": "hgvs.g", "value": "NC_000017.11:g.7577121_7577130dup"}]},
            Allele("17", 7577120, 7577130, "", "", "DUP", structural=True),
        ),
        ({"variation": VRS}, Allele.from_bases("17", 7577120, "N", "A")),
        (
            {"vcfRecord": vcf_record(alt="<DEL>", info="SVTYPE=DEL;END=7577200")},
            Allele("17", 7577121, 7577200, "", "", "DEL", structural=True, info={"alt": "<DEL>"}),
        ),
    ],
    ids=["vcf", "accession", "hgvs", "dup", "vrs", "symbolic"],
)
def test_an_allele_is_read_from_whatever_says_it(tmp_path, descriptor, expected):
    sink, report = loaded(tmp_path, packet(interpretations=[interpretation(**descriptor)]))
    (found,) = sink.published["d"].observations

    assert report.ok
    assert found.allele == expected
    assert sink.carriers("d", expected) == {"packet-1": Zygosity.HET}
    assert not found.asserted


@pytest.mark.parametrize(
    ("stated", "assembly", "is_loaded"),
    [("hg38", None, True), ("hg19", None, True), ("hg19", "GRCh38", False)],
)
def test_the_assembly_of_a_mitochondrial_variant_is_the_one_that_is_said(
    tmp_path, stated, assembly, is_loaded
):
    record = {"genomeAssembly": stated, "chrom": "MT", "pos": 3243, "ref": "A", "alt": "G"}
    sink, report = loaded(
        tmp_path, packet(interpretations=[interpretation(vcfRecord=record)]), assembly=assembly
    )

    assert report.waiting == 0
    assert report.ok is is_loaded
    assert all("_position" not in one.annotation for one in sink.published["d"].observations)


@pytest.mark.parametrize(
    ("descriptor", "reason"),
    [
        ({"label": "del(17p)"}, "the variant has no place in the genome"),
        (
            {"vcfRecord": vcf_record(genomeAssembly="T2T")},
            "the assembly of the vcfRecord is unknown",
        ),
        ({"vcfRecord": vcf_record(alt="DEL")}, "variation not understood"),
        ({"vcfRecord": vcf_record(pos=0)}, "variation not understood"),
        ({"vcfRecord": vcf_record(alt="<DEL>")}, "variation not understood"),
        ({"vcfRecord": vcf_record(chrom="chr99")}, "variation not understood"),
        ({"vcfRecord": vcf_record(genomeAssembly="hg19")}, "on another assembly"),
    ],
)
def test_a_variant_that_has_no_allele_is_named_and_the_person_is_there(
    tmp_path, descriptor, reason
):
    sink, report = loaded(
        tmp_path, packet(interpretations=[interpretation(**descriptor)]), assembly="GRCh38"
    )

    assert list(report.not_loaded) == [reason]
    assert list(people(sink)) == ["packet-1"]
    assert not sink.published["d"].observations


@pytest.mark.parametrize(
    ("status", "classification", "of_variant", "of_case"),
    [
        ("CAUSATIVE", "PATHOGENIC", "pathogenic", "CAUSATIVE"),
        ("CANDIDATE", "NOT_PROVIDED", None, "CANDIDATE"),
        ("REJECTED", "LIKELY_BENIGN", "likely benign", "REJECTED"),
        ("REJECTED", "NOT_PROVIDED", None, None),
    ],
)
def test_interpretations_say_what_a_variant_means_and_in_whom(
    tmp_path, status, classification, of_variant, of_case
):
    stated = interpretation(status, vcfRecord=vcf_record())
    (genomic,) = stated["diagnosis"]["genomicInterpretations"]
    genomic["variantInterpretation"]["acmgPathogenicityClassification"] = classification
    sink, _ = loaded(tmp_path, packet(interpretations=[stated]))
    (found,) = sink.published["d"].observations
    (case,) = found.annotation["caseLevelData"]
    levels = found.annotation.get("variantLevelData", {}).get("clinicalInterpretations", [])

    assert [one["clinicalRelevance"] for one in levels] == [of_variant] * (of_variant is not None)
    assert all(one["effect"] == DISEASE for one in levels)
    if of_case is None:
        assert case["info"] == {"interpretationStatus": status}
        assert "clinicalInterpretations" not in case
    else:
        assert [one["interpretationStatus"] for one in case["clinicalInterpretations"]] == [of_case]


def test_a_gene_that_explains_a_disease_is_no_variant(tmp_path):
    stated = interpretation()
    (genomic,) = stated["diagnosis"]["genomicInterpretations"]
    del genomic["variantInterpretation"]
    genomic["gene"] = {"valueId": "HGNC:1", "symbol": "G1"}
    sink, report = loaded(tmp_path, packet(interpretations=[stated]))

    assert report.ok
    assert people(sink)["packet-1"]["info"]["interpretations"][0]["genes"] == [
        {"id": "HGNC:1", "symbol": "G1", "interpretationStatus": "CAUSATIVE"}
    ]


def test_a_variant_is_of_the_biosample_that_is_named(tmp_path):
    samples = [{"id": "blood", "sampledTissue": {"id": "UBERON:1"}}, {"id": "tumour"}]
    stated = interpretation(vcfRecord=vcf_record())
    stated["diagnosis"]["genomicInterpretations"][0]["subjectOrBiosampleId"] = "tumour"
    sink, report = loaded(tmp_path, packet(biosamples=samples, interpretations=[stated]))
    biosamples = sink.published["d"].records["biosample"]

    assert report.ok
    assert not report.warnings
    assert set(biosamples) == {"blood", "tumour"}
    assert biosamples["blood"]["individualId"] == "packet-1"
    assert biosamples["blood"]["sampleOriginDetail"] == {"id": "UBERON:1"}
    assert sink.carriers("d", ALLELE) == {"tumour": Zygosity.HET}


def test_a_biosample_stays_with_the_person_whose_it_was_first(tmp_path):
    def of(name: str) -> dict[str, Any]:
        return packet(
            id=name,
            biosamples=[{"id": "S1"}],
            interpretations=[interpretation(vcfRecord=vcf_record())],
        )

    first, second = tmp_path / "1.json", tmp_path / "2.json"
    first.write_text(json.dumps([of("a"), of("b")]))
    second.write_text(json.dumps(of("c")))
    sink = MemorySink()
    reports = [load_phenopackets(sink, "d", [path]) for path in (first, second)]
    (reason,) = reports[0].not_loaded

    assert reason == "the biosample is another person's"
    # The sample, and the variant that would be in it.
    assert [report.not_loaded[reason].count for report in reports] == [2, 2]
    assert sink.published["d"].records["biosample"]["S1"]["individualId"] == "a"
    assert len(sink.published["d"].observations) == 1


def test_a_family_is_its_members_with_the_pedigree_of_all(tmp_path):
    persons = [
        {"familyId": "F", "individualId": "kid", "paternalId": "dad", "maternalId": "0",
         "sex": "MALE", "affectedStatus": "AFFECTED"},
        {"familyId": "F", "individualId": "dad", "paternalId": "0", "maternalId": "0",
         "sex": "MALE", "affectedStatus": "UNAFFECTED"},
    ]  # fmt: skip
    family = {
        "id": "F",
        "proband": packet(id="p", subject={"id": "kid"}, diseases=[{"term": DISEASE}]),
        "relatives": [{"subject": {"id": "dad", "sex": "MALE"}}],
        "pedigree": {"persons": persons},
    }
    sink, report = loaded(tmp_path, family)
    (pedigree,) = people(sink)["F:dad"]["pedigrees"]

    assert report.ok
    assert not report.warnings
    assert people(sink)["p"]["pedigrees"] == [pedigree]
    assert pedigree["disease"] == {"diseaseCode": DISEASE}
    assert [
        (one["memberId"], one["role"]["label"], one["affected"]) for one in pedigree["members"]
    ] == [("p", "Proband", True), ("F:dad", "Father", False)]


def test_a_cohort_is_itself_and_its_members(tmp_path):
    sink, report = loaded(tmp_path, {"id": "C", "members": [packet(), packet(id="packet-2")]})

    assert report.loaded == {"cohort": 1, "individual": 2}
    assert not report.warnings
    assert sink.published["d"].records["cohort"]["C"]["info"] == {
        "individualIds": ["packet-1", "packet-2"]
    }


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        ([1], "not an object"),
        ({"a": 1}, "not a phenopacket"),
        (packet(id=""), "no id"),
        (packet(metaData={"phenopacketSchemaVersion": "1.0.0"}), "phenopacket of another version"),
    ],
)
def test_what_is_no_phenopacket_is_not_loaded_and_named(tmp_path, message, reason):
    _, report = loaded(tmp_path, message, packet())

    assert report.loaded == {"individual": 1}
    assert report.not_loaded[reason].examples[0].place == "line 1"


def test_packets_that_were_loaded_are_not_loaded_again(tmp_path):
    sink, _ = loaded(tmp_path, packet())
    again = load_phenopackets(sink, "d", [tmp_path / "packets.jsonl"])
    load_bff(sink, "d", [written(tmp_path)])

    assert len(again.already_loaded) == 1
    assert set(people(sink)) == {"packet-1", "P9"}


def written(folder: Path) -> Path:
    path = folder / "individuals.json"
    path.write_text(json.dumps([{"id": "P9", "sex": {"id": "NCIT:C16576"}}]))
    return path
