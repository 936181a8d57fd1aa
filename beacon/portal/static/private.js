// A private link has its question after the #, which no server is told of: it is sent by POST.

const secret = new URLSearchParams(location.hash.slice(1));
if (secret.get("q")) {
  const form = document.createElement("form");
  form.method = "post";
  form.action = `/search${location.hash}`;
  for (const [name, value] of secret) {
    const field = document.createElement("input");
    field.type = "hidden";
    field.name = name;
    field.value = value;
    form.append(field);
  }
  document.body.append(form);
  form.submit();
}
