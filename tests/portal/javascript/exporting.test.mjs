// Files of what a list has found: exact, and no formula in any cell.

import assert from "node:assert/strict";
import { test } from "node:test";

import { cell, fileName, json, record, table } from "../../../beacon/portal/static/exporting.js";

const ROW = {
  number: 3, sent: "17-1-G-A", name: "17-1-G-A", assembly: "GRCh38", state: "seen", askedAt: "2026-01-02T03:04:05.678Z",
  values: {
    state: "seen", hit: 1, answered: 2, asked: 3, unheard: 1, people_lower: 4, people_upper: null, allele_count: 5,
    allele_number: 1204331, allele_frequency: 4.151682552421253e-6, highest_frequency: 0.1, each: { "Fi,nland": "hit", "=Spain": "timeout" },
    error: null,
  },
};

for (const text of ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", " =1", "\r=1"]) {
  test(`no spreadsheet computes ${JSON.stringify(text)}`, () => {
    assert.match(cell(text, ","), /^"?'/);
    assert.match(cell(text, "\t"), /^'/);
  });
}

test("numbers are whole and have no quotes", () => {
  assert.equal(cell(4.151682552421253e-6, ","), "0.000004151682552421253");
  assert.equal(cell(1204331, ","), "1204331");
  assert.equal(cell(null, ","), "");
});

test("a row has its assembly, its time, who said what, and the version of the software", () => {
  const [head, line, end] = table([record(ROW, "9.8.7")], ",").split("\r\n");

  assert.deepEqual(head.split(",").slice(0, 5), ["line", "sent", "variant", "assembly", "state"]);
  assert.equal(
    line,
    '3,17-1-G-A,17-1-G-A,GRCh38,seen,1,2,3,1,4,,5,1204331,0.000004151682552421253,0.1,"Fi,nland=hit; =Spain=timeout",,2026-01-02T03:04:05.678Z,9.8.7',
  );
  assert.equal(end, "");
});

test("cells of a table by tabs hold no tabs and no ends of lines", () => {
  const text = table([record({ ...ROW, sent: "a\tb\nc" }, "1")], "\t");

  assert.equal(text.split("\r\n").length, 3);
  assert.equal(new Set(text.trimEnd().split("\r\n").map((line) => line.split("\t").length)).size, 1);
});

test("what was not asked, or not read, is no no", () => {
  const made = record({ number: 1, sent: "x", name: null, state: "not_read", reason: "not_read" }, "1");

  assert.deepEqual([made.state, made.seen_in, made.answered, made.people_lower], ["not_read", null, null, null]);
});

test("JSON has all of it", () => {
  const made = JSON.parse(json([record(ROW, "1")], { beacon: "b", software_version: "1", written_at: "now" }));

  assert.equal(made.results[0].allele_frequency, ROW.values.allele_frequency);
  assert.deepEqual(made.results[0].each, ROW.values.each);
  assert.equal(made.beacon, "b");
});

test("the name of a file says when, and nothing else", () => {
  assert.equal(fileName(new Date("2026-01-02T03:04:05Z"), "csv"), "beacon-list-20260102-0304.csv");
});
