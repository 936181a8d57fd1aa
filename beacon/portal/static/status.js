// Reads the state of the network again by itself, for as long as somebody wants that and looks.

const label = document.getElementById("by-itself");
const wanted = label.querySelector("input");
const every = Number(wanted.dataset.every) * 1000;

async function read() {
  if (!wanted.checked || document.hidden) return;
  const response = await fetch(location.href);
  if (!response.ok) return;
  const page = new DOMParser().parseFromString(await response.text(), "text/html");
  const place = document.getElementById("status");
  const found = page.getElementById("status");
  // Who is on a link in there stays on it.
  if (found && !place.contains(document.activeElement)) place.replaceChildren(...found.childNodes);
}

label.hidden = false;
wanted.checked = true;
setInterval(() => read().catch(() => {}), every);
