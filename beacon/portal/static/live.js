// Fills the page of a look-up as answers come: asks for its own address as lines of JSON, each a part of the page.

import { ofSession } from "./session.js";

const page = document.getElementById("look-up");
const words = JSON.parse(page.dataset.words);
const silence = JSON.parse(page.dataset.silence);
const element = (id) => document.getElementById(id);
const fill = (text, values) => text.replace(/\{(\w+)\}/g, (_, name) => values[name]);

const FEW = 3;
const SAY_EVERY_MS = 3000;

/** @param {string} html */
function parsed(html) {
  const template = document.createElement("template");
  template.innerHTML = html.trim();
  for (const button of template.content.querySelectorAll("[data-again]")) button.hidden = false;
  return template.content;
}

/** @param {string} id @param {string} html */
function put(id, html) {
  const place = element(id);
  if (!place) return;
  if (place.tagName === "TR") place.replaceWith(parsed(html));
  else place.replaceChildren(parsed(html));
  place.dispatchEvent(new CustomEvent("put", { bubbles: true }));
  if (id === "strip") say();
}

// Who listens to the page hears how it stands at most every few seconds, not each change.
let said = 0;
let saying = 0;
function say() {
  clearTimeout(saying);
  saying = setTimeout(() => {
    said = Date.now();
    element("said").textContent = element("counts")?.textContent.replace(/\s+/g, " ").trim() ?? "";
  }, Math.max(0, said + SAY_EVERY_MS - Date.now()));
}

/** Lines of a response, one by one. @param {Response} response */
async function* lines(response) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const found = (rest + value).split("\n");
    rest = found.pop();
    yield* found.filter(Boolean);
  }
}

/** Ask the question of this page. @param {AbortSignal} signal */
function ask(signal) {
  const form = element("again");
  const headers = { Accept: "application/x-ndjson", ...ofSession() };
  const fields = new URLSearchParams(new FormData(form));
  fields.delete("whole");
  if (form.method === "post") return fetch("/search", { method: "POST", body: fields, signal, headers });
  return fetch(`/search?${fields}`, { signal, headers });
}

const isLines = (response) => response.headers.get("Content-Type")?.startsWith("application/x-ndjson");
const rows = () => [...document.querySelectorAll("#rows tr[data-state]")];

/** Those that are waited for are so no longer. @param {"stopped" | "lost"} state */
function giveUp(state) {
  for (const row of rows()) {
    if (row.querySelector(".state.pending")) settle(row, state);
  }
  count();
}

/** @param {HTMLElement} row @param {string} state */
function settle(row, state) {
  row.dataset.state = state;
  const shown = row.querySelector(".state");
  shown.className = "state failed";
  shown.textContent = words[state];
}

/** Says anew who has answered, after the browser itself changed a row. */
function count() {
  const place = element("counts");
  const by = new Map();
  for (const row of rows()) by.set(row.dataset.state, [...(by.get(row.dataset.state) ?? []), row.dataset.name]);
  if (!place || !by.size) return;
  const hit = by.get("hit")?.length ?? 0;
  const answered = hit + (by.get("miss")?.length ?? 0);
  const strong = document.createElement("strong");
  const isPending = by.has("pending");
  const text = answered ? (hit || isPending ? words.seen : words.none) : isPending ? words.asking : words.nobody;
  strong.textContent = fill(text, { hit, answered });
  const rest = Object.keys(silence).filter((state) => by.has(state)).map((state) => {
    const names = by.get(state);
    const told = fill(silence[state], { number: names.length });
    return ` · ${told}${names.length <= FEW ? ` (${names.join(", ")})` : ""}`;
  });
  place.replaceChildren(strong, ...rest);
  say();
}

/** @param {string} text */
function note(text) {
  const place = element("note");
  place.textContent = text;
  place.hidden = false;
}

async function follow() {
  const began = Date.now();
  const stop = new AbortController();
  const button = element("stop");
  const clock = element("elapsed");
  const digits = new Intl.NumberFormat(document.documentElement.lang);
  const tick = setInterval(() => {
    clock.textContent = fill(words.elapsed, { number: digits.format(Math.floor((Date.now() - began) / 1000)) });
  }, 1000);
  button.hidden = false;
  button.addEventListener("click", () => stop.abort());
  let isComplete = false;
  try {
    const response = await ask(stop.signal);
    if (!isLines(response)) {
      const other = new DOMParser().parseFromString(await response.text(), "text/html");
      document.querySelector("main").replaceChildren(...other.querySelector("main").childNodes);
      return;
    }
    for await (const line of lines(response)) {
      const part = JSON.parse(line);
      if (part.kind === "part") put(part.id, part.html);
      isComplete ||= part.kind === "complete";
    }
  } catch {
    // What is missing is said below, whether the connection broke or the reader stopped waiting.
  } finally {
    clearInterval(tick);
    button.remove();
  }
  if (isComplete) return;
  giveUp(stop.signal.aborted ? "stopped" : "lost");
  if (stop.signal.aborted) note(words.sums);
  else if (!element("trouble").textContent.trim()) note(words.broken);
}

/** Asks all again, and puts in only the new answer of one. @param {HTMLElement} row @param {HTMLButtonElement} button */
async function again(row, button) {
  button.disabled = true;
  const { id } = row;
  const { name } = row.dataset;
  const stop = new AbortController();
  try {
    const response = await ask(stop.signal);
    if (!isLines(response)) throw new Error(String(response.status));
    for await (const line of lines(response)) {
      const part = JSON.parse(line);
      if (part.kind !== "part" || part.id !== id) continue;
      const found = parsed(`<table><tbody>${part.html}</tbody></table>`).querySelector("tr");
      if (found.dataset.state === "pending") continue;
      element(id).replaceWith(found);
      count();
      note(fill(words.again, { name }));
      element(id).querySelector("a, button")?.focus();
      stop.abort();
      return;
    }
    throw new Error("not told");
  } catch {
    if (stop.signal.aborted) return;
    note(words.refused);
    button.disabled = false;
  }
}

page.addEventListener("click", (event) => {
  const button = event.target.closest("[data-again]");
  if (button) again(button.closest("tr"), button);
});
for (const button of document.querySelectorAll("[data-again]")) button.hidden = false;
if ("live" in page.dataset) follow();
