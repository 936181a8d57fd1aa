// Says below the box how what is being written is read.

const box = document.getElementById("q");
const assembly = document.getElementById("assembly");
const place = document.getElementById("read-as");
let waiting = 0;
let asked = "";

async function say() {
  const about = new URLSearchParams({ q: box.value, assembly: assembly.value });
  if (about.toString() === asked) return;
  asked = about.toString();
  // By POST: what is being written is in no address. Leaving the page ends the request.
  const response = await fetch("/read", { method: "POST", body: about }).catch(() => null);
  if (!response?.ok) return;
  const { html } = await response.json();
  if (about.toString() !== asked) return;
  const template = document.createElement("template");
  template.innerHTML = html;
  place.replaceChildren(template.content);
}

for (const one of [box, assembly]) {
  one?.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(say, 200);
  });
}
