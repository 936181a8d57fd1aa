// The page of lists: takes a list apart here, shows what would leave, asks in batches, fills rows.

import { fileName, json, record, save, table } from "./exporting.js";
import { ofSession } from "./session.js";
import { Unreadable, listOf, textOf } from "./vcf.js";

const AT_ONCE = 50;
const ROWS_AT_ONCE = 30;
const READ_CHARACTERS = 250_000;
const WAIT_MOST_S = 120;
const SAY_EVERY_MS = 3000;
const ORDER = ["seen", "partly", "unknown", "not_asked", "not_read", "not_seen"];
const KNOWN = new Set(["seen", "not_seen"]);

const root = document.getElementById("list");
const texts = JSON.parse(root.dataset.texts);
const most = Number(root.dataset.most);
const digits = new Intl.NumberFormat(root.dataset.language);
const at = (id) => document.getElementById(id);
const [form, box, assembly, tbody] = [at("list-form"), at("lines"), at("assembly"), at("variants").tBodies[0]];

/** @type {{number: number, sent: string, name: string, assembly: string|null, state: string, element: HTMLElement}[]} */
let rows = [];
let unread = [];
let mode = "idle"; // reading, running, pausing, paused, done
let stopping = new AbortController();
let sorted = { key: "number", down: false };
let saidAt = 0;
let arrangement = 0;

const say = (key, values = {}) =>
  texts[key].replace(/\{(\w+)\}/g, (_, name) => (typeof values[name] === "number" ? digits.format(values[name]) : values[name]));

/** Lets the page do other things. */
const breath = () => new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));

async function inChunks(items, put) {
  for (let index = 0; index < items.length; index += ROWS_AT_ONCE) {
    put(items.slice(index, index + ROWS_AT_ONCE));
    await breath();
  }
}

function elementOf(html) {
  const template = document.createElement("template");
  template.innerHTML = html.trim();
  return template.content.firstElementChild;
}

function failed(text) {
  at("list-failed").textContent = text;
}

// Taking a list in

/** Puts what would leave in the box, where it can be seen and changed, and says what was left out. */
function put(found, from, to) {
  box.setRangeText(found.lines.join("\n"), from, to, "end");
  const said = [say("taken", { number: found.lines.length })];
  if (found.left) said.push(say(found.isWhole ? "beyond" : "beyond_at_least", { number: found.left, most }));
  if (found.leftOut) said.push(say("left_out", { number: found.leftOut }));
  if (found.damaged) said.push(say("damaged_lines", { number: found.damaged }));
  if (found.isVcf) {
    said.push(say("stripped"));
    assembly.value = found.assembly ?? "";
    said.push(say(`assembly_${found.by}`, { assembly: found.assembly }));
  }
  at("file-said").textContent = said.join(" ");
  stale();
}

async function takeFile(file) {
  failed("");
  at("file-said").textContent = say("opening");
  try {
    const found = await listOf(textOf(file), most);
    if (found.by === "other") throw new Unreadable("other_assembly");
    put(found, 0, box.value.length);
  } catch (error) {
    if (!(error instanceof Unreadable)) throw error;
    at("file-said").textContent = "";
    failed(say(`file_${error.code}`));
  }
}

async function takePasted(text) {
  const [from, to] = [box.selectionStart, box.selectionEnd];
  const found = await listOf([text], most);
  if (found.by === "other") failed(say("file_other_assembly"));
  else put(found, from, to);
}

// Asking the portal

async function post(path, body, signal) {
  for (;;) {
    const response = await fetch(path, {
      method: "POST", body: JSON.stringify(body), signal, headers: { "Content-Type": "application/json", ...ofSession() },
    });
    if (response.ok) return response;
    const seconds = Number(response.headers.get("Retry-After"));
    if (response.status !== 429 || !(seconds > 0 && seconds <= WAIT_MOST_S)) {
      const page = new DOMParser().parseFromString(await response.text(), "text/html");
      throw new Error(page.querySelector("main .lead")?.textContent ?? `${response.status}`);
    }
    at("waiting").textContent = say("waiting", { number: seconds });
    await new Promise((resolve, reject) => {
      const timer = setTimeout(resolve, 1000 * seconds);
      signal?.addEventListener("abort", () => { clearTimeout(timer); reject(signal.reason); }, { once: true });
    });
    at("waiting").textContent = "";
  }
}

async function* linesOf(response) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const found = (rest + value).split("\n");
    rest = found.pop();
    for (const line of found) if (line) yield JSON.parse(line);
  }
}

// Reading

async function readList() {
  if (mode === "running" || mode === "pausing" || mode === "reading") return;
  mode = "reading";
  at("list-read").disabled = true;
  failed("");
  try {
    const taken = await listOf([box.value], most);
    if (taken.left || taken.isVcf || taken.leftOut) put(taken, 0, box.value.length);
    const found = [];
    for (const lines of byCharacters(taken.lines)) {
      const body = { lines, assembly: assembly.value || null, first: found.length + 1 };
      found.push(...(await (await post("/list/read", body)).json()).lines);
    }
    await showReading(taken.lines, found);
  } catch (error) {
    failed(error instanceof TypeError ? say("no_answer") : error.message);
  } finally {
    mode = "idle";
    at("list-read").disabled = false;
  }
}

function* byCharacters(lines) {
  let part = [];
  let size = 0;
  for (const line of lines) {
    if (size + line.length > READ_CHARACTERS && part.length) {
      yield part;
      [part, size] = [[], 0];
    }
    part.push(line);
    size += line.length;
  }
  if (part.length) yield part;
}

async function showReading(sent, found) {
  const known = new Set();
  rows = [];
  unread = [];
  let twice = 0;
  const [readRows, unreadRows] = [[], []];
  found.forEach((one, index) => {
    const row = { number: index + 1, sent: sent[index], name: one.name, assembly: one.assembly ?? null };
    if (!one.name) {
      unread.push({ ...row, name: null, state: "not_read", reason: "not_read" });
      unreadRows.push(one.html);
      return;
    }
    readRows.push(one.html);
    const key = `${one.assembly} ${one.name}`;
    if (known.has(key)) twice += 1;
    else rows.push({ ...row, state: "not_asked" });
    known.add(key);
  });
  const said = [say("reading_said", { number: rows.length })];
  if (unread.length) said.push(say("unread_said", { number: unread.length }));
  if (twice) said.push(say("twice", { number: twice }));
  at("reading-said").textContent = said.join(" ");
  at("unread").hidden = !unread.length;
  at("list-ask").textContent = say("ask", { number: rows.length });
  at("list-ask").disabled = !rows.length;
  at("readings").open = true;
  at("list-results").hidden = true;
  at("list-reading").hidden = false;
  const title = at("reading-title");
  title.focus();
  title.scrollIntoView({ block: "start" });
  for (const [id, html] of [["unread", unreadRows], ["readings", readRows]]) {
    const body = at(id).querySelector("tbody");
    body.replaceChildren();
    await inChunks(html, (some) => body.append(...some.map(elementOf)));
  }
}

/** What was read is not what is in the box any more. */
function stale() {
  if (mode === "idle" || mode === "done") at("list-reading").hidden = true;
}

// Asking

async function begin() {
  mode = "running";
  at("list-ask").disabled = true;
  at("readings").open = false;
  at("list-results").hidden = false;
  sorted = { key: "number", down: false };
  plainHead();
  document.querySelector("input[name=show]").checked = true;
  const pending = at("pending").content.firstElementChild;
  for (const row of rows) {
    row.element = pending.cloneNode(true);
    row.element.cells[0].textContent = row.number;
    row.element.querySelector("code").textContent = row.name;
  }
  showProgress();
  at("results-title").focus();
  await arrange();
  await run(() => rows.filter((row) => row.state === "not_asked"));
}

/** Asks until nothing is left, or somebody pauses. @param {() => object[]} left */
async function run(left) {
  mode = "running";
  stopping = new AbortController();
  failed("");
  showProgress();
  try {
    for (let batch = left().slice(0, AT_ONCE); batch.length; batch = left().slice(0, AT_ONCE)) {
      await askBatch(batch);
      if (mode === "pausing") {
        mode = "paused";
        break;
      }
    }
    if (mode !== "paused") mode = "done";
  } catch (error) {
    mode = stopping.signal.aborted ? "done" : "paused";
    if (mode === "paused") failed(error instanceof TypeError ? say("no_answer") : error.message);
  }
  at("waiting").textContent = "";
  if (mode === "done") finish();
  showProgress();
}

async function askBatch(batch) {
  const variants = batch.map(({ number, name, assembly: on }) => ({ number, name, assembly: on }));
  const askedAt = new Date().toISOString();
  const response = await post("/list/ask", { variants }, stopping.signal);
  const byNumber = new Map(batch.map((row) => [row.number, row]));
  let isComplete = false;
  let ready = [];
  let drawing = null;
  const draw = async () => {
    await breath();
    const now = ready.splice(0, ROWS_AT_ONCE);
    for (const [row, html] of now) {
      const element = elementOf(html);
      row.element.replaceWith(element);
      row.element = element;
    }
    showProgress();
    drawing = ready.length ? draw() : null;
    await drawing;
  };
  for await (const line of linesOf(response)) {
    if (line.kind === "failed") throw new Error(say("cut", { reason: line.error }));
    if (line.kind === "complete") isComplete = true;
    const row = byNumber.get(line.number);
    if (!row) continue;
    Object.assign(row, { state: line.values.state, values: line.values, again: line.again, askedAt });
    byNumber.delete(line.number);
    ready.push([row, line.html]);
    drawing ??= draw();
  }
  await drawing;
  if (shown() !== "all") await arrange();
  if (!isComplete || byNumber.size) throw new Error(say("cut", { reason: "" }));
}

function showProgress() {
  const done = rows.filter((row) => row.state !== "not_asked").length;
  const bar = at("progress");
  bar.max = Math.max(rows.length, 1);
  bar.value = done;
  const said = say("progress", { number: done, all: rows.length });
  at("progress-said").textContent = said;
  const isUnderWay = mode === "running" || mode === "pausing";
  if (!isUnderWay || performance.now() - saidAt > SAY_EVERY_MS) {
    saidAt = performance.now();
    at("progress-status").textContent = mode === "done" ? say("finished", { number: done, all: rows.length }) : said;
  }
  const pause = at("pause");
  pause.hidden = mode === "done";
  pause.disabled = mode === "pausing";
  pause.textContent = say(mode === "paused" ? "continue" : mode === "pausing" ? "pausing" : "pause");
  at("stop").hidden = mode === "done";
  at("again").hidden = mode !== "done" || !rows.some(mayBeAskedAgain);
  for (const place of document.querySelectorAll("[data-count]")) {
    const number = rows.filter((row) => isOf(row, place.dataset.count)).length;
    place.textContent = `(${digits.format(number)})`;
  }
  at("list-ask").hidden = mode !== "idle";
  at("list-read").disabled = isUnderWay || mode === "paused";
}

// What is shown, and in which order

const isOf = (row, shown) => shown === "all" || (shown === "unknown" ? !KNOWN.has(row.state) : row.state === shown);
const shown = () => document.querySelector("input[name=show]:checked").value;
/** Not who may not say, or cannot: that does not change by asking again. */
const mayBeAskedAgain = (row) => row.state === "not_asked" || row.again;
const thoseShown = () => {
  const chosen = shown();
  return inOrder().filter((row) => isOf(row, chosen));
};

const inOrder = () => {
  const value = (row) => {
    if (sorted.key === "number") return row.number;
    return sorted.key === "state" ? ORDER.indexOf(row.state) : row.values?.[sorted.key] ?? null;
  };
  return [...rows].sort((one, other) => {
    const [a, b] = [value(one), value(other)];
    if (a === null || b === null) return (a === null) - (b === null) || one.number - other.number;
    return (sorted.down ? b - a : a - b) || one.number - other.number;
  });
};

function plainHead() {
  for (const head of document.querySelectorAll("th[data-sort]")) {
    head.textContent = head.textContent.trim();
    head.removeAttribute("aria-sort");
  }
}

/** Once no more rows change, columns can be sorted by. */
function finish() {
  for (const head of document.querySelectorAll("th[data-sort]")) {
    if (head.querySelector("button")) continue;
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = head.textContent.trim();
    button.addEventListener("click", () => sortBy(head));
    head.replaceChildren(button);
  }
}

async function sortBy(head) {
  const key = head.dataset.sort;
  // Numbers from the largest, which is what one looks for first.
  sorted = { key, down: sorted.key === key ? !sorted.down : key !== "number" && key !== "state" };
  for (const one of document.querySelectorAll("th[data-sort]")) one.removeAttribute("aria-sort");
  head.setAttribute("aria-sort", sorted.down ? "descending" : "ascending");
  await arrange();
}

/** Puts the rows that are shown in their order, unless they are to be put otherwise meanwhile. */
async function arrange() {
  const mine = (arrangement += 1);
  const some = thoseShown();
  tbody.replaceChildren();
  await inChunks(some, (part) => {
    if (mine === arrangement) tbody.append(...part.map((row) => row.element));
  });
}

function exportAs(kind) {
  const some = thoseShown();
  if (shown() === "all") some.push(...unread);
  const { version, beacon } = root.dataset;
  const records = some.map((row) => record(row, version));
  const now = new Date();
  const about = { beacon, software_version: version, written_at: now.toISOString() };
  const made = {
    csv: () => [table(records, ","), "text/csv"],
    tsv: () => [table(records, "\t"), "text/tab-separated-values"],
    json: () => [json(records, about), "application/json"],
  };
  const [text, type] = made[kind]();
  save(text, fileName(now, kind), type);
}

// Controls

for (const one of document.querySelectorAll(".with-script")) one.hidden = false;
at("list-read").textContent = say("read");
form.addEventListener("submit", (event) => {
  event.preventDefault();
  readList();
});
box.addEventListener("input", stale);
assembly.addEventListener("input", stale);
box.addEventListener("paste", (event) => {
  const text = event.clipboardData?.getData("text/plain") ?? "";
  if (!/[\n\t]/.test(text.trim())) return;
  event.preventDefault();
  takePasted(text);
});
at("file").addEventListener("change", (event) => {
  const [file] = event.target.files;
  if (file) takeFile(file).finally(() => { event.target.value = ""; });
});
const drop = at("list-drop");
for (const [name, isOver] of [["dragover", true], ["dragleave", false], ["drop", false]]) {
  drop.addEventListener(name, (event) => {
    if (!event.dataTransfer?.types.includes("Files")) return;
    event.preventDefault();
    drop.classList.toggle("over", isOver);
    const [file] = event.dataTransfer.files;
    if (name === "drop" && file) takeFile(file);
  });
}
at("list-ask").addEventListener("click", begin);
at("pause").addEventListener("click", () => {
  if (mode === "paused") {
    run(() => rows.filter((row) => row.state === "not_asked"));
    return;
  }
  mode = "pausing";
  showProgress();
});
at("stop").addEventListener("click", () => {
  const wasPaused = mode === "paused";
  stopping.abort();
  if (wasPaused) {
    mode = "done";
    finish();
    showProgress();
  }
});
at("again").addEventListener("click", () => {
  const again = new Set(rows.filter(mayBeAskedAgain));
  for (const row of again) row.state = "not_asked";
  run(() => rows.filter((row) => again.has(row) && row.state === "not_asked"));
});
for (const one of document.querySelectorAll("input[name=show]")) one.addEventListener("change", arrange);
for (const one of document.querySelectorAll("[data-export]")) one.addEventListener("click", () => exportAs(one.dataset.export));
