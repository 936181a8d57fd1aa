// The form about people: suggests terms while one is typed, and adds and removes lines in place.
// Suggestions follow the combobox pattern of the ARIA Authoring Practices Guide.

import { ofSession } from "./session.js";

const form = document.querySelector(".people-form");
let lists = 0;

/** The text of a file of languages, with a number in it. @param {string} text @param {number} n */
const counted = (text, n) => text.replace("{number}", String(n));

const voice = document.createElement("p");
voice.className = "visually-hidden";
voice.setAttribute("role", "status");

/** @param {HTMLInputElement} input */
function suggest(input) {
  const list = document.createElement("ul");
  list.id = `suggested-${++lists}`;
  list.className = "people-list";
  list.hidden = true;
  list.setAttribute("role", "listbox");
  list.setAttribute("aria-label", input.labels[0]?.textContent ?? "");
  input.after(list);
  for (const [name, value] of Object.entries({
    role: "combobox", "aria-autocomplete": "list", "aria-expanded": "false",
    "aria-controls": list.id, "aria-haspopup": "listbox",
  })) input.setAttribute(name, value);

  let waiting = 0;
  let asked = 0;
  let at = -1;

  function close() {
    clearTimeout(waiting);
    asked += 1;
    at = -1;
    list.hidden = true;
    list.replaceChildren();
    input.setAttribute("aria-expanded", "false");
    input.removeAttribute("aria-activedescendant");
  }

  /** @param {number} next */
  function mark(next) {
    const options = [...list.children];
    at = options.length ? (next + options.length) % options.length : -1;
    options.forEach((one, place) => one.setAttribute("aria-selected", String(place === at)));
    if (at < 0) return;
    input.setAttribute("aria-activedescendant", options[at].id);
    options[at].scrollIntoView({ block: "nearest" });
  }

  /** @param {Element} option */
  function pick(option) {
    input.value = /** @type {HTMLElement} */ (option).dataset.name;
    input.removeAttribute("aria-invalid");
    close();
  }

  /** @param {{id: string, label: string, name: string, understood: string}} one */
  function option(one, place) {
    const item = document.createElement("li");
    item.id = `${list.id}-${place}`;
    item.dataset.name = one.name;
    item.setAttribute("role", "option");
    item.setAttribute("aria-selected", "false");
    const label = document.createElement("span");
    label.lang = "en";
    label.textContent = one.label || one.id;
    const id = document.createElement("code");
    id.textContent = one.id;
    item.append(label, " ", id);
    if (one.understood) {
      const who = document.createElement("small");
      who.textContent = one.understood;
      item.append(who);
    }
    item.addEventListener("mousedown", (event) => event.preventDefault());
    item.addEventListener("click", () => pick(item));
    return item;
  }

  async function look() {
    const text = input.value.trim();
    if (text.length < 2 || text.endsWith(")")) return close();
    const mine = ++asked;
    const about = new URLSearchParams({ q: text, scope: input.dataset.suggest });
    const response = await fetch(`/suggest?${about}`).catch(() => null);
    if (mine !== asked || !response?.ok) return;
    const { suggestions } = await response.json();
    if (mine !== asked || document.activeElement !== input) return;
    at = -1;
    input.removeAttribute("aria-activedescendant");
    list.replaceChildren(...suggestions.map(option));
    list.hidden = !suggestions.length;
    input.setAttribute("aria-expanded", String(!list.hidden));
    voice.textContent = suggestions.length
      ? counted(form.dataset.listed, suggestions.length) : form.dataset.none;
  }

  input.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(look, 180);
  });
  input.addEventListener("blur", close);
  input.addEventListener("keydown", (event) => {
    if (event.key === "ArrowDown" && list.hidden) look();
    else if (event.key === "ArrowDown") mark(at + 1);
    else if (event.key === "ArrowUp" && !list.hidden) mark(at < 0 ? -1 : at - 1);
    else if (event.key === "Enter" && at >= 0) pick(list.children[at]);
    else if (event.key === "Escape" && !list.hidden) close();
    else return;
    event.preventDefault();
  });
}

/** Gives lines their numbers again. */
function number() {
  document.querySelectorAll("#lines > li").forEach((line, place) => {
    for (const name of ["term", "kinds", "near"]) {
      const field = line.querySelector(`[name=${name}]`);
      const label = line.querySelector(`label[for="${field.id}"]`);
      field.id = `${name}-${place}`;
      label.htmlFor = field.id;
      if (name === "term") label.textContent = label.textContent.replace(/\d+/, String(place + 1));
    }
    const remove = line.querySelector("[name=remove]");
    remove.value = String(place);
    remove.setAttribute("aria-label", remove.getAttribute("aria-label").replace(/\d+/, String(place + 1)));
  });
}

/** An empty line like another. @param {Element} line */
function emptied(line) {
  const copy = /** @type {HTMLElement} */ (line.cloneNode(true));
  copy.querySelectorAll(".people-list, .people-error").forEach((one) => one.remove());
  const input = copy.querySelector("input");
  for (const name of ["aria-invalid", "aria-describedby", "aria-expanded", "aria-controls"]) {
    input.removeAttribute(name);
  }
  input.value = "";
  copy.querySelectorAll("select").forEach((one) => { one.selectedIndex = 0; });
  copy.querySelector(".people-near").classList.add("is-unused");
  return copy;
}

if (form) {
  const lines = document.getElementById("lines");
  form.append(voice);
  form.querySelectorAll("[data-suggest]").forEach(suggest);

  form.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (button?.name === "add") {
      event.preventDefault();
      const line = emptied(lines.lastElementChild);
      lines.append(line);
      number();
      suggest(line.querySelector("input"));
      line.querySelector("input").focus();
    } else if (button?.name === "remove") {
      event.preventDefault();
      const line = button.closest("li");
      const next = line.nextElementSibling ?? line.previousElementSibling;
      if (next) line.remove();
      else {
        line.replaceWith(emptied(line));
        suggest(lines.querySelector("input"));
      }
      number();
      (next ?? lines.firstElementChild).querySelector("input").focus();
    }
  });

  // Similarity is rarely wanted: it waits behind a button.
  const near = [...form.querySelectorAll(".people-near")];
  if (near.every((one) => one.classList.contains("is-unused"))) {
    form.classList.add("is-short");
    const more = document.createElement("button");
    more.type = "button";
    more.className = "quiet small";
    more.textContent = form.dataset.more;
    more.addEventListener("click", () => {
      form.classList.remove("is-short");
      more.remove();
      form.querySelector(".people-near select").focus();
    });
    document.querySelector(".people-under").append(more);
  }
}

const SAY_EVERY_MS = 3000;
let said = 0;
let saying = 0;

/** Says how it stands to who listens to the page, but not each change. */
function say() {
  clearTimeout(saying);
  saying = setTimeout(() => {
    said = Date.now();
    const sum = document.querySelector(".people-sum")?.textContent ?? "";
    const counts = document.getElementById("counts")?.textContent ?? "";
    document.getElementById("said").textContent = `${sum} ${counts}`.replace(/\s+/g, " ").trim();
  }, Math.max(0, said + SAY_EVERY_MS - Date.now()));
}

/** @param {string} id @param {string} html */
function put(id, html) {
  const place = document.getElementById(id);
  if (!place) return;
  const template = document.createElement("template");
  template.innerHTML = html.trim();
  if (place.tagName === "TR") place.replaceWith(template.content);
  else place.replaceChildren(template.content);
  if (id === "strip") say();
}

/** Nobody is waited for any more: that is not a "no". */
function lose() {
  for (const state of document.querySelectorAll("#rows .state.pending")) {
    state.className = "state failed";
    state.textContent = document.getElementById("live").dataset.lost;
  }
}

/** Fills the page as answers come: its own address as lines of JSON, each a part of the page. */
async function fill() {
  const response = await fetch(location.href, { headers: { Accept: "application/x-ndjson", ...ofSession() } });
  if (!response.headers.get("Content-Type")?.startsWith("application/x-ndjson")) {
    const page = new DOMParser().parseFromString(await response.text(), "text/html");
    document.querySelector("main").replaceChildren(...page.querySelector("main").childNodes);
    return;
  }
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  let isComplete = false;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    const found = (rest + value).split("\n");
    rest = found.pop();
    for (const line of found.filter(Boolean)) {
      const part = JSON.parse(line);
      if (part.kind === "part") put(part.id, part.html);
      isComplete ||= part.kind === "complete" || part.kind === "failed";
      if (part.kind === "failed") lose();
    }
  }
  if (!isComplete) throw new Error("cut short");
}

if (document.getElementById("live")) {
  fill().catch(() => location.replace(document.querySelector("link[rel=whole]").href));
}

// What stands behind `#` never leaves the browser in an address: it is sent as a form.
if (/^#(filter|variant)=/.test(location.hash) && form) {
  const secret = document.createElement("form");
  secret.method = "post";
  secret.action = "/people";
  for (const [name, value] of new URLSearchParams(location.hash.slice(1))) {
    const field = document.createElement("input");
    field.type = "hidden";
    field.name = name;
    field.value = value;
    secret.append(field);
  }
  document.body.append(secret);
  secret.submit();
}
