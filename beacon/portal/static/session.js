// Says of what a script asks that its page is of a session: once that has ended, nobody is answered as the public unawares.

/** @returns {Record<string, string>} headers */
export function ofSession() {
  const token = document.querySelector("form[action='/logout'] [name=csrf]");
  return token ? { "X-CSRF-Token": token.value } : {};
}
