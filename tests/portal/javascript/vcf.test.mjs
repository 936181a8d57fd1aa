// What of a list leaves the browser, and what does not.

import assert from "node:assert/strict";
import { test } from "node:test";
import { deflateRawSync, gzipSync } from "node:zlib";

import { Unreadable, assemblyOf, bare, listOf, textOf } from "../../../beacon/portal/static/vcf.js";

const SECRETS = /Virtanen|SAMPLE7|0[/|]1|LOCAL|DP=|PASS|2019/;

const FILE = [
  "##fileformat=VCFv4.3",
  "##fileDate=20190101",
  "##SAMPLE=<ID=Virtanen>",
  "##contig=<ID=chr17,length=83257441>",
  "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\tVirtanen\tSAMPLE7",
  "chr17\t43094692\tLOCAL1\tG\tA,C\t50\tPASS\tDP=30\tGT\t0/1\t0|1",
  "chr17\t100\t.\tG\t<NON_REF>\t.\t.\tEND=200\tGT\t0/0\t0/1",
  "chr17\t300\t.\tG\t.\t.\t.\t.\tGT\t0/0\t0/1",
  "chr17\t400\t.\tG\tT,<NON_REF>,*\t.\t.\tDP=4\tGT\t0/1\t0/1",
  "chr17\t500\tLOCAL2\tN\t<DEL>\t.\tPASS\tDP=1;SVTYPE=DEL;END=900;SVLEN=-400\tGT\t0/1\t0/1",
  "chr17\tdamaged\tVirtanen\tG\tT\t.\t.\t.\tGT\t0/1\t0/1",
  "",
].join("\n");

/** bgzip: members of at most `size` bytes, each with its own size in its head, and an empty one. */
function bgzip(text, size = 100) {
  const bytes = Buffer.from(text);
  const members = [];
  for (let at = 0; at <= bytes.length; at += size) members.push(member(bytes.subarray(at, at + size)));
  return Buffer.concat([...members, member(Buffer.alloc(0))]);
}

function member(bytes) {
  const packed = deflateRawSync(bytes);
  const tail = gzipSync(bytes).subarray(-8);
  const head = Buffer.from([31, 139, 8, 4, 0, 0, 0, 0, 0, 255, 6, 0, 66, 67, 2, 0, 0, 0]);
  head.writeUInt16LE(head.length + packed.length + tail.length - 1, 16);
  return Buffer.concat([head, packed, tail]);
}

const listed = (bytes, most = 1000, countMs = Infinity) => listOf(textOf(new Blob([bytes])), most, countMs);

test("of a VCF only chromosome, position, bases and the extent of an allele come out", async () => {
  const found = await listed(FILE);

  assert.deepEqual(found.lines, [
    "chr17-43094692-G-A",
    "chr17-43094692-G-C",
    "chr17-400-G-T",
    "chr17\t500\t.\tN\t<DEL>\t.\t.\tSVTYPE=DEL;END=900;SVLEN=-400",
  ]);
  assert.doesNotMatch(JSON.stringify(found), SECRETS);
  assert.deepEqual([found.leftOut, found.damaged, found.isVcf], [2, 1, true]);
});

for (const [name, packed] of [["plain", Buffer.from(FILE)], ["gzip", gzipSync(FILE)], ["bgzip", bgzip(FILE)]]) {
  test(`a file is the same list however it is packed: ${name}`, async () => {
    assert.deepEqual(await listed(packed), await listed(FILE));
  });
}

test("a long file that is packed by bgzip is read whole", async () => {
  const lines = Array.from({ length: 60_000 }, (_, index) => `chr1\t${index + 1}\t.\tA\tC\t.\t.\t${"x".repeat(20)}`);
  const found = await listed(bgzip(`##fileformat=VCFv4.2\n${lines.join("\n")}`, 65_000));

  assert.equal(found.lines.length, 1000);
  assert.equal(found.left, 59_000);
  assert.ok(found.isWhole);
});

test("what is beyond the list is counted for a while only", async () => {
  const chunks = ["1-1-A-C\n2-1-A-C\n3-1-A-C\n", "4-1-A-C\n5-1-A-C\n"];
  const [some, all] = [await listOf(chunks, 2, -1), await listOf(chunks, 2, Infinity)];

  assert.deepEqual([some.lines.length, some.left, some.isWhole], [2, 1, false]);
  assert.deepEqual([all.lines.length, all.left, all.isWhole], [2, 3, true]);
});

for (const [name, bytes, code] of [
  ["cut off", gzipSync(FILE).subarray(0, 100), "damaged"],
  ["cut off in a member", bgzip(FILE).subarray(0, 150), "damaged"],
  ["binary", Buffer.from("BCF\x02\x02\0\0"), "binary"],
]) {
  test(`a file that cannot be read is not half a list: ${name}`, async () => {
    await assert.rejects(listed(bytes), (error) => error instanceof Unreadable && error.code === code);
  });
}

test("a browser that cannot unpack says so", async () => {
  const had = globalThis.DecompressionStream;
  globalThis.DecompressionStream = undefined;
  try {
    await assert.rejects(listed(gzipSync(FILE)), (error) => error.code === "no_unpacking");
  } finally {
    globalThis.DecompressionStream = had;
  }
});

test("a list has at most so many lines, and what is left is counted", async () => {
  const found = await listOf(["1-1-A-C\r\n2-1-A-C\r", "\n3-1-A-C\n\n4-1-A-C"], 2);

  assert.deepEqual([found.lines, found.left, found.isVcf], [["1-1-A-C", "2-1-A-C"], 2, false]);
});

for (const [line, sent] of [
  ["17-43094692-G-A", ["17-43094692-G-A"]],
  ["NM_007294.4:c.2677C>T", ["NM_007294.4:c.2677C>T"]],
  ["CFTR\tF508del", ["CFTR\tF508del"]],
  ["17 43094692 rs1 G A 50 PASS DP=1 GT 0/1", ["17-43094692-G-A"]],
  ["17\t43094692\t2205837\tG\tA", ["17-43094692-G-A"]],
  ["17 43094692 43094692 G A Virtanen", ["17 43094692 43094692 G A"]],
  ["NC_000017.11\t43094692\t.\tG\tA", ["NC_000017.11-43094692-G-A"]],
  ["HLA-A*01:01\t5\t.\tG\tA", ["HLA-A*01:01\t5\t.\tG\tA\t.\t.\t."]],
]) {
  test(`a line that is pasted: ${line.replaceAll("\t", " ")}`, () => {
    assert.deepEqual(bare(line), sent);
  });
}

for (const [header, assembly, by] of [
  [["##contig=<ID=17,length=81195210>"], "GRCh37", "lengths"],
  [["##contig=<ID=chrX,length=156040895,assembly=hg38>"], "GRCh38", "lengths"],
  [["##contig=<ID=chrUn_1,length=1>", "##reference=file:///refs/GRCh38_no_alt.fa"], "GRCh38", "name"],
  [["##reference=human_g1k_v37.fasta"], "GRCh37", "name"],
  [["##contig=<ID=17,length=81195210>", "##reference=hg38.fa"], null, "contradiction"],
  [["##contig=<ID=1,length=248387328>"], null, "other"],
  [["##reference=file:///refs/hg18.fa"], null, "other"],
  [["##source=caller"], null, "nothing"],
]) {
  test(`the assembly by ${header.join(" ")}`, () => {
    assert.deepEqual(assemblyOf(header), { assembly, by });
  });
}
