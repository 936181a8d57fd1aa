"""The home of documents that are right: for each schema, some that use every property once."""

from __future__ import annotations

from typing import Any

Document = dict[str, Any]


def term(curie: str, label: str) -> Document:
    return {"id": curie, "label": label}


FEMALE = term("NCIT:C16576", "female")
YEAR = term("UO:0000036", "year")
MILLIGRAM = term("UO:0000022", "milligram")
SEVERE = term("HP:0012828", "Severe")
AGE = {"iso8601duration": "P32Y6M"}
INTERVAL = {"start": "2020-01-01T00:00:00Z", "end": "2020-06-30T12:00:00.5+03:00"}

TIMES: list[Any] = [
    AGE,
    {"start": {"iso8601duration": "P10Y"}, "end": {"iso8601duration": "P20Y"}},
    {"weeks": 20, "days": 3},
    "2021-10-18T09:30:00Z",
    INTERVAL,
    term("NCIT:C49685", "Adult 18-65 Years Old"),
]

QUANTITY = {
    "value": 70.5,
    "unit": MILLIGRAM,
    "referenceRange": {"low": 50, "high": 100.5, "unit": MILLIGRAM},
}

PROCEDURE = {
    "procedureCode": term("NCIT:C15189", "Biopsy"),
    "bodySite": term("UBERON:0000992", "ovary"),
    "ageAtProcedure": AGE,
    "dateOfProcedure": "2021-10-18",
}

MEASUREMENTS: list[Document] = [
    {
        "assayCode": term("LOINC:3141-9", "Weight"),
        "measurementValue": QUANTITY,
        "date": "2021-10-18",
        "observationMoment": AGE,
        "procedure": PROCEDURE,
        "notes": "after a meal",
    },
    {
        "assayCode": term("LOINC:85354-9", "Blood pressure"),
        "measurementValue": {
            "typedQuantities": [
                {"quantityType": term("NCIT:C25298", "Systolic"), "quantity": QUANTITY}
            ]
        },
    },
    {
        "assayCode": term("LOINC:5802-4", "Nitrite"),
        "measurementValue": term("NCIT:C38758", "Positive"),
    },
]

DISEASE = {
    "diseaseCode": term("MONDO:0005148", "type 2 diabetes mellitus"),
    "ageOfOnset": AGE,
    "stage": term("OGMS:0000119", "acute onset"),
    "severity": SEVERE,
    "familyHistory": True,
    "notes": "diagnosed late",
}

FEATURE = {
    "featureType": term("HP:0001250", "Seizure"),
    "excluded": False,
    "onset": TIMES[1],
    "resolution": TIMES[2],
    "severity": SEVERE,
    "modifiers": [term("HP:0012833", "Unilateral")],
    "evidence": {
        "evidenceCode": term("ECO:0006017", "author statement"),
        "reference": {"id": "PMID:1", "notes": "a case", "reference": "https://example.org/1"},
    },
    "notes": "at night",
}

INDIVIDUALS: list[Document] = [
    {"id": "i1", "sex": FEMALE},
    {
        "id": "i2",
        "sex": FEMALE,
        "karyotypicSex": "XX",
        "ethnicity": term("NCIT:C43851", "European"),
        "geographicOrigin": term("GAZ:00002937", "Finland"),
        "diseases": [DISEASE],
        "phenotypicFeatures": [FEATURE, {"featureType": term("HP:0001251", "Ataxia")}],
        "measurements": MEASUREMENTS,
        "interventionsOrProcedures": [PROCEDURE],
        "treatments": [
            {
                "treatmentCode": term("NCIT:C287", "Aspirin"),
                "ageAtOnset": AGE,
                "routeOfAdministration": term("NCIT:C38288", "Oral"),
                "cumulativeDose": QUANTITY,
                "doseIntervals": [
                    {
                        "quantity": QUANTITY,
                        "scheduleFrequency": term("NCIT:C64576", "Once"),
                        "interval": INTERVAL,
                    }
                ],
            }
        ],
        "exposures": [
            {
                "exposureCode": term("CMO:0001289", "smoking"),
                "ageAtExposure": AGE,
                "duration": "P2Y",
                "unit": YEAR,
                "value": 2,
                "date": "2001-02-03",
            }
        ],
        "pedigrees": [
            {
                "id": "p1",
                "disease": DISEASE,
                "numSubjects": 4,
                "members": [
                    {"memberId": "i2", "role": term("NCIT:C64435", "Proband"), "affected": True}
                ],
            }
        ],
        "info": {"anything": [1, None]},
        "somethingElse": 1,
    },
    *({"id": "i3", "sex": FEMALE, "diseases": [{**DISEASE, "ageOfOnset": time}]} for time in TIMES),
]

BIOSAMPLES: list[Document] = [
    {
        "id": "b1",
        "biosampleStatus": term("EFO:0009654", "reference sample"),
        "sampleOriginType": term("UBERON:0000178", "blood"),
    },
    {
        "id": "b2",
        "individualId": "i2",
        "biosampleStatus": term("EFO:0009655", "abnormal sample"),
        "sampleOriginType": term("UBERON:0000992", "ovary"),
        "sampleOriginDetail": term("UBERON:0001305", "ovarian follicle"),
        "collectionDate": "2020-09-11",
        "collectionMoment": "P32Y6M1D",
        "obtentionProcedure": PROCEDURE,
        "sampleProcessing": term("EFO:0009129", "mechanical dissociation"),
        "sampleStorage": term("EFO:0000001", "frozen"),
        "histologicalDiagnosis": term("NCIT:C3778", "Serous Cystadenocarcinoma"),
        "tumorProgression": term("NCIT:C84509", "Primary"),
        "tumorGrade": term("NCIT:C28080", "Grade 3"),
        "pathologicalStage": term("NCIT:C27979", "Stage IIIA"),
        "pathologicalTnmFinding": [term("NCIT:C48725", "T2a")],
        "diagnosticMarkers": [term("NCIT:C131711", "Genetic marker")],
        "phenotypicFeatures": [FEATURE],
        "measurements": MEASUREMENTS,
        "notes": "small",
        "info": {},
    },
]

RUNS: list[Document] = [
    {"id": "r1", "biosampleId": "b1", "runDate": "2021-10-18"},
    {
        "id": "r2",
        "biosampleId": "b2",
        "individualId": "i2",
        "runDate": "2024-02-29",
        "librarySource": term("GENEPIO:0001966", "genomic source"),
        "librarySelection": "RANDOM",
        "libraryStrategy": "WGS",
        "libraryLayout": "PAIRED",
        "platform": "Illumina",
        "platformModel": term("OBI:0002048", "Illumina HiSeq 3000"),
        "info": {},
    },
]

ANALYSES: list[Document] = [
    {"id": "a1", "analysisDate": "2021-10-18", "pipelineName": "p"},
    {
        "id": "a2",
        "runId": "r2",
        "biosampleId": "b2",
        "individualId": "i2",
        "analysisDate": "2021-10-18",
        "pipelineName": "sarek",
        "pipelineRef": "https://example.org/sarek",
        "aligner": "bwa-0.7.8",
        "variantCaller": "GATK4.0",
        "info": {},
    },
]

DATASETS: list[Document] = [
    {"id": "d1", "name": "one"},
    {
        "id": "d2",
        "name": "two",
        "description": "made up",
        "createDateTime": "2017-01-17T20:33:40Z",
        "updateDateTime": "2018-01-17T20:33:40+02:00",
        "version": "v1.1",
        "externalUrl": "https://example.org",
        "dataUseConditions": {
            "duoDataUse": [
                {
                    **term("DUO:0000007", "disease specific research"),
                    "version": "2021-02-23",
                    "modifiers": [term("EFO:0001645", "coronary artery disease")],
                }
            ]
        },
        "info": {},
    },
]

KNOWN = {"availability": True, "availabilityCount": 3, "distribution": {"genders": {"male": 3}}}
CRITERIA = {
    "ageRange": TIMES[1],
    "genders": [FEMALE],
    "ethnicities": [term("NCIT:C43851", "European")],
    "locations": [term("GAZ:00002937", "Finland")],
    "diseaseConditions": [DISEASE],
    "phenotypicConditions": [FEATURE],
}
COHORTS: list[Document] = [
    {"id": "c1", "name": "one", "cohortType": "beacon-defined"},
    {
        "id": "c2",
        "name": "two",
        "cohortType": "study-defined",
        "cohortDesign": term("OMIABIS:0001019", "longitudinal study design"),
        "cohortSize": 20000,
        "cohortDataTypes": [term("OGMS:0000015", "clinical history")],
        "inclusionCriteria": CRITERIA,
        "exclusionCriteria": CRITERIA,
        "collectionEvents": [
            {
                "eventNum": 1,
                "eventDate": "2019-04-23T09:30:10Z",
                "eventTimeline": {"start": "2019-01-01T00:00:00Z", "end": "2019-12-31T23:59:60Z"},
                "eventSize": 101,
                "eventCases": 50,
                "eventControls": 51,
                "eventAgeRange": KNOWN,
                "eventDataTypes": KNOWN,
                "eventDiseases": KNOWN,
                "eventEthnicities": KNOWN,
                "eventGenders": KNOWN,
                "eventLocations": KNOWN,
                "eventPhenotypes": {"availability": False},
            }
        ],
        "info": {},
    },
]


def number(value: int) -> Document:
    return {"type": "Number", "value": value}


BETWEEN = {"type": "DefiniteRange", "min": 1, "max": 2.5}
AT_LEAST = {"type": "IndefiniteRange", "comparator": ">=", "value": 3}
PLACE = {
    "type": "SequenceLocation",
    "sequence_id": "refseq:NC_000017.11",
    "interval": {"type": "SequenceInterval", "start": number(7577120), "end": number(7577121)},
}
UNCERTAIN_PLACE = {
    "_id": "ga4gh:VSL.1",
    "type": "SequenceLocation",
    "sequence_id": "refseq:NC_000017.11",
    "interval": {"type": "SequenceInterval", "start": BETWEEN, "end": AT_LEAST},
}
OLD_PLACE = {
    "type": "SequenceLocation",
    "sequence_id": "g:1",
    "interval": {"type": "SimpleInterval", "start": 1, "end": 2},
}
BAND = {
    "_id": "ga4gh:VCL.1",
    "type": "ChromosomeLocation",
    "species_id": "taxonomy:9606",
    "chr": "17",
    "interval": {"type": "CytobandInterval", "start": "q22.2", "end": "qter"},
}
GENE = {"type": "Gene", "gene_id": "hgnc:11998"}
LITERAL = {"type": "LiteralSequenceExpression", "sequence": "ACGT"}
DERIVED = {
    "type": "DerivedSequenceExpression",
    "location": PLACE,
    "reverse_complement": False,
}
REPEATED = {"type": "RepeatedSequenceExpression", "seq_expr": LITERAL, "count": number(3)}
COMPOSED = {"type": "ComposedSequenceExpression", "components": [LITERAL, DERIVED, REPEATED]}
STATES = [LITERAL, DERIVED, REPEATED, COMPOSED, {"type": "SequenceState", "sequence": ""}]
ALLELE = {"_id": "ga4gh:VA.1", "type": "Allele", "location": PLACE, "state": LITERAL}
HAPLOTYPE = {"_id": "ga4gh:VH.1", "type": "Haplotype", "members": [ALLELE, "ga4gh:VA.2"]}
LEGACY = {
    "variantType": "SNP",
    "referenceBases": "G",
    "alternateBases": "A",
    "location": PLACE,
}
VARIATIONS: list[Document] = [
    LEGACY,
    {"variantType": "DEL", "alternateBases": "", "location": UNCERTAIN_PLACE},
    {"variantType": "DUP", "alternateBases": "", "location": BAND},
    {**ALLELE, **LEGACY},  # closed as an allele, open as a legacy variation: the latter it is
    *({"type": "Allele", "location": PLACE, "state": state} for state in STATES),
    {"type": "Allele", "location": "ga4gh:VSL.1", "state": LITERAL},
    {"type": "Allele", "location": BAND, "state": LITERAL},
    {"type": "Allele", "location": OLD_PLACE, "state": LITERAL},
    HAPLOTYPE,
    {"type": "CopyNumberCount", "_id": "ga4gh:CN.1", "subject": PLACE, "copies": number(3)},
    {"type": "CopyNumberCount", "subject": GENE, "copies": BETWEEN},
    {"type": "CopyNumberCount", "subject": "hgnc:11998", "copies": AT_LEAST},
    {"type": "CopyNumberChange", "_id": "g:1", "subject": BAND, "copy_change": "efo:0030067"},
    {
        "type": "Genotype",
        "_id": "ga4gh:GT.1",
        "count": number(2),
        "members": [
            {"type": "GenotypeMember", "count": number(1), "variation": ALLELE},
            {"type": "GenotypeMember", "count": number(1), "variation": HAPLOTYPE},
        ],
    },
]

EFFECT = {
    "conditionId": "c1",
    "effect": term("MONDO:0007750", "hypercholesterolemia"),
    "category": term("MONDO:0000001", "disease"),
    "clinicalRelevance": "likely pathogenic",
    "evidenceType": term("ECO:0000361", "inferential evidence"),
    "annotatedWith": {
        "toolName": "VEP",
        "version": "110",
        "toolReferences": {"bio.tools": "https://bio.tools/vep"},
    },
}
VARIANTS: list[Document] = [
    *({"variantInternalId": "v1", "variation": variation} for variation in VARIATIONS),
    {
        "id": "v2",
        "variantInternalId": "v2",
        "variation": LEGACY,
        "identifiers": {
            "genomicHGVSId": "NC_000017.11:g.7577121G>A",
            "transcriptHGVSIds": ["NM_000546.6:c.817C>T"],
            "proteinHGVSIds": ["NP_000537.3:p.Arg273Cys"],
            "clinvarVariantId": "clinvar:12364",
            "variantAlternativeIds": [
                {"id": "dbSNP:rs121913343", "notes": "dbSNP", "reference": "https://example.org"}
            ],
        },
        "molecularAttributes": {
            "geneIds": ["TP53"],
            "aminoacidChanges": ["R273C"],
            "molecularEffects": [term("SO:0001583", "missense_variant")],
            "genomicFeatures": [
                {
                    "featureClass": term("SO:0000147", "exon"),
                    "featureID": term("ENSEMBL:ENSE1", "exon 8"),
                }
            ],
        },
        "variantLevelData": {"clinicalInterpretations": [EFFECT], "phenotypicEffects": [EFFECT]},
        "caseLevelData": [
            {
                "id": "o1",
                "biosampleId": "b2",
                "individualId": "i2",
                "runId": "r2",
                "analysisId": "a2",
                "zygosity": term("GENO:0000135", "heterozygous"),
                "alleleOrigin": term("SO:0001777", "somatic variant"),
                "clinicalInterpretations": [EFFECT],
                "phenotypicEffects": [{"conditionId": "c", "effect": SEVERE}],
            }
        ],
        "frequencyInPopulations": [
            {
                "source": "gnomAD",
                "sourceReference": "https://gnomad.broadinstitute.org",
                "version": "v4",
                "frequencies": [{"population": "Finnish", "alleleFrequency": 2e-05}],
            }
        ],
        "info": {},
    },
]

SCHEMAS_USED = [{"entityType": "individual", "schema": "ga4gh-beacon-individual-v2.0.0"}]
PAGE = {"skip": 0, "limit": 10, "currentPage": "a", "nextPage": "b", "previousPage": "c"}
REQUESTS: list[Document] = [
    {"meta": {"apiVersion": "v2.0"}},
    {
        "$schema": "https://example.org/request.json",
        "meta": {"$schema": "x", "apiVersion": "v2.0", "requestedSchemas": SCHEMAS_USED},
        "query": {
            "requestParameters": {
                "$schema": "x",
                "g_variant": {"referenceName": "17", "start": [1]},
                "datasets": {"datasetIds": ["d1"]},
            },
            "filters": [
                {
                    "id": "HP:0001250",
                    "includeDescendantTerms": False,
                    "similarity": "high",
                    "scope": "individuals",
                },
                {"id": "ageOfOnset", "operator": ">", "value": "P65Y", "scope": "individual"},
                {"id": "local:1", "scope": "biosamples"},
            ],
            "includeResultsetResponses": "ALL",
            "pagination": PAGE,
            "requestedGranularity": "record",
            "testMode": False,
        },
    },
]

META_INFO = {"beaconId": "org.example", "apiVersion": "v2.2.0", "returnedSchemas": SCHEMAS_USED}
META = {
    **META_INFO,
    "returnedGranularity": "count",
    "testMode": True,
    "receivedRequestSummary": {
        "apiVersion": "v2.0",
        "requestedSchemas": [],
        "filters": ["HP:0001250"],
        "requestParameters": {"g_variant": {"start": [1]}},
        "includeResultsetResponses": "HIT",
        "pagination": PAGE,
        "requestedGranularity": "count",
        "testMode": True,
    },
}
HANDOVERS = [
    {"handoverType": term("EDAM:3016", "VCF"), "url": "https://example.org/1", "note": "log in"}
]
EXTRAS = {"info": {}, "beaconHandovers": HANDOVERS}
COUNTED = {"countPrecision": "rounded", "countAdjustedTo": ["<5", 10]}
BOOLEANS: list[Document] = [{"meta": META, "responseSummary": {"exists": True}, **EXTRAS}]
COUNTS: list[Document] = [
    {
        "meta": META,
        "responseSummary": {"exists": True, "numTotalResults": 3, **COUNTED},
        **EXTRAS,
    }
]
RESULT_SETS: list[Document] = [
    {
        "meta": META,
        "responseSummary": {"exists": True, "numTotalResults": 1},
        "response": {
            "$schema": "x",
            "resultSets": [
                {
                    "id": "d1",
                    "setType": "dataset",
                    "exists": True,
                    "resultsCount": 1,
                    **COUNTED,
                    "results": [{"id": "i1"}],
                    "resultsHandovers": HANDOVERS,
                    "info": {},
                },
                {"id": "d2", "setType": "dataset", "exists": False},
            ],
        },
        **EXTRAS,
    }
]
COLLECTIONS: list[Document] = [
    {
        "meta": META,
        "responseSummary": {"exists": True, "numTotalResults": 1},
        "response": {"collections": DATASETS},
        **EXTRAS,
    }
]
ERRORS: list[Document] = [
    {"meta": META, "error": {"errorCode": 400, "errorMessage": "`start` is missing"}}
]
INFOS: list[Document] = [
    {
        "meta": META_INFO,
        "response": {
            "id": "org.example",
            "name": "Example",
            "apiVersion": "v2.2.0",
            "environment": "dev",
            "organization": {
                "id": "org",
                "name": "Org",
                "description": "d",
                "address": "a",
                "welcomeUrl": "https://example.org",
                "contactUrl": "mailto:a@example.org",
                "logoUrl": "https://example.org/logo.png",
                "info": {},
            },
            "description": "d",
            "version": "v1",
            "welcomeUrl": "https://example.org",
            "alternativeUrl": "https://example.org/2",
            "createDateTime": "some day",
            "updateDateTime": "2020",
            "info": {},
        },
    }
]
SERVICE_INFOS: list[Document] = [
    {
        "id": "org.example",
        "name": "Example",
        "type": {"group": "org.ga4gh", "artifact": "beacon", "version": "v2.2.0"},
        "organization": {"name": "Org", "url": "https://example.org"},
        "description": "d",
        "contactUrl": "mailto:a@example.org",
        "documentationUrl": "https://example.org/docs",
        "createdAt": "2020-01-01T00:00:00Z",
        "updatedAt": "2021-01-01T00:00:00Z",
        "environment": "dev",
        "version": "1.0.0",
    }
]
REFERENCE = {
    "id": "s",
    "name": "S",
    "description": "d",
    "referenceToSchemaDefinition": "https://example.org/s.json",
    "schemaVersion": "v2",
}
ENTRY_TYPES_SERVED = {
    "dataset": {
        "$schema": "x",
        "id": "dataset",
        "name": "Dataset",
        "description": "d",
        "ontologyTermForThisType": term("NCIT:C47824", "Data set"),
        "partOfSpecification": "Beacon v2.2.0",
        "defaultSchema": REFERENCE,
        "additionallySupportedSchemas": [REFERENCE],
        "aCollectionOf": [{"id": "genomicVariant", "name": "Genomic variants"}],
        "nonFilteredQueriesAllowed": True,
    }
}
CONFIGURATIONS: list[Document] = [
    {
        "meta": META_INFO,
        "response": {
            "$schema": "x",
            "maturityAttributes": {"productionStatus": "DEV"},
            "securityAttributes": {
                "defaultGranularity": "boolean",
                "securityLevels": ["PUBLIC", "REGISTERED", "CONTROLLED"],
            },
            "entryTypes": ENTRY_TYPES_SERVED,
        },
    }
]
ENTRY_TYPES: list[Document] = [{"meta": META_INFO, "response": {"entryTypes": ENTRY_TYPES_SERVED}}]
MAPS: list[Document] = [
    {
        "meta": META_INFO,
        "response": {
            "$schema": "x",
            "endpointSets": {
                "individual": {
                    "entryType": "individual",
                    "openAPIEndpointsDefinition": "https://example.org/openapi.json",
                    "rootUrl": "https://example.org/individuals",
                    "singleEntryUrl": "https://example.org/individuals/{id}",
                    "endpoints": {
                        "biosample": {
                            "url": "https://example.org/individuals/{id}/biosamples",
                            "returnedEntryType": "biosample",
                        }
                    },
                }
            },
        },
    }
]
FILTERING_TERMS: list[Document] = [
    {
        "meta": META_INFO,
        "response": {
            "filteringTerms": [
                {
                    "type": "alphanumeric",
                    "id": "clinicalRelevance",
                    "label": "l",
                    "scopes": ["genomicVariant"],
                    "values": ["benign"],
                }
            ],
            "resources": [
                {
                    "id": "hp",
                    "name": "HPO",
                    "url": "https://purl.obolibrary.org/obo/hp.owl",
                    "version": "2025",
                    "nameSpacePrefix": "HP",
                    "iriPrefix": "https://purl.obolibrary.org/obo/HP_",
                }
            ],
        },
    }
]

DOCUMENTS: dict[str, list[Document]] = {
    "entry_types/analysis.json": ANALYSES,
    "entry_types/biosample.json": BIOSAMPLES,
    "entry_types/cohort.json": COHORTS,
    "entry_types/dataset.json": DATASETS,
    "entry_types/genomicVariant.json": VARIANTS,
    "entry_types/individual.json": INDIVIDUALS,
    "entry_types/run.json": RUNS,
    "requests/beaconRequestBody.json": REQUESTS,
    "responses/beaconBooleanResponse.json": BOOLEANS,
    "responses/beaconCollectionsResponse.json": COLLECTIONS,
    "responses/beaconConfigurationResponse.json": CONFIGURATIONS,
    "responses/beaconCountResponse.json": COUNTS,
    "responses/beaconEntryTypesResponse.json": ENTRY_TYPES,
    "responses/beaconErrorResponse.json": ERRORS,
    "responses/beaconFilteringTermsResponse.json": FILTERING_TERMS,
    "responses/beaconInfoResponse.json": INFOS,
    "responses/beaconMapResponse.json": MAPS,
    "responses/beaconResultsetsResponse.json": RESULT_SETS,
    "responses/beaconServiceInfo.json": SERVICE_INFOS,
}
"""Schema name → documents that it accepts."""
