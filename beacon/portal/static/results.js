// What readers can do with a result: combine frequencies, copy links, print.

import { interval } from "./intervals.js";

const page = document.getElementById("look-up");
const words = JSON.parse(page.dataset.words);
const fill = (text, values) => text.replace(/\{(\w+)\}/g, (_, name) => values[name]);
const { lang } = document.documentElement;
const whole = new Intl.NumberFormat(lang, { useGrouping: true });
const RAISED = { "-": "⁻", 0: "⁰", 1: "¹", 2: "²", 3: "³", 4: "⁴", 5: "⁵", 6: "⁶", 7: "⁷", 8: "⁸", 9: "⁹" };

/** A share with 3 significant digits, small ones with a power of ten. @param {number} value */
function share(value) {
  const digits = new Intl.NumberFormat(lang, { minimumSignificantDigits: 3, maximumSignificantDigits: 3 });
  if (!value) return "0";
  if (value >= 0.001) return digits.format(value);
  const [mantissa, power] = value.toExponential(2).split("e");
  return `${digits.format(Number(mantissa))}\u202f×\u202f10${[...power].map((one) => RAISED[one]).join("")}`;
}

/** Check boxes before what may be added, and the sum of what is checked below. @param {HTMLTableElement} table */
function combinable(table) {
  table.removeAttribute("data-combine");
  const chosen = [...table.querySelectorAll("tr[data-count]")];
  const sum = document.createElement("p");
  sum.setAttribute("role", "status");
  sum.className = "sum";
  const boxes = chosen.map((row) => {
    const box = document.createElement("input");
    box.type = "checkbox";
    box.checked = true;
    box.setAttribute("aria-label", fill(words.combine, row.dataset));
    row.querySelector("th").prepend(box, " ");
    box.addEventListener("change", add);
    return box;
  });
  function add() {
    const kept = chosen.filter((_, place) => boxes[place].checked);
    const count = kept.reduce((all, row) => all + Number(row.dataset.count), 0);
    const number = kept.reduce((all, row) => all + Number(row.dataset.number), 0);
    const [low, high] = number ? interval(count, number) : [0, 0];
    const values = { count: whole.format(count), number: whole.format(number), share: share(count / number), low: share(low), high: share(high) };
    sum.textContent = number ? fill(words.combined, values) : "";
  }
  add();
  table.parentElement.after(sum);
}

function ready() {
  for (const table of page.querySelectorAll("table[data-combine]")) combinable(table);
  for (const button of page.querySelectorAll("[data-print], [data-copy]")) button.hidden = "copy" in button.dataset && !navigator.clipboard;
}

page.addEventListener("put", ready);
page.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-print], [data-copy]");
  if (!button) return;
  if ("print" in button.dataset) {
    window.print();
    return;
  }
  await navigator.clipboard.writeText(button.dataset.copy);
  button.textContent = words.copied;
});
ready();
