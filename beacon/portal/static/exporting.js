// Writes what a list has found as files, with the numbers as they are and not as they are shown.

const COLUMNS = [
  "line", "sent", "variant", "assembly", "state", "seen_in", "answered", "asked", "not_heard",
  "people_lower", "people_upper", "allele_count", "allele_number", "allele_frequency",
  "highest_frequency", "each", "reason", "asked_at", "software_version",
];

/**
 * One row of a file.
 * @param {object} row of a list: number, sent, name, assembly, state, values, askedAt
 * @param {string} version of the software
 */
export function record(row, version) {
  const { values } = row;
  return {
    line: row.number,
    sent: row.sent,
    variant: row.name ?? null,
    assembly: row.assembly ?? null,
    state: row.state,
    seen_in: values?.hit ?? null,
    answered: values?.answered ?? null,
    asked: values?.asked ?? null,
    not_heard: values?.unheard ?? null,
    people_lower: values?.people_lower ?? null,
    people_upper: values?.people_upper ?? null,
    allele_count: values?.allele_count ?? null,
    allele_number: values?.allele_number ?? null,
    allele_frequency: values?.allele_frequency ?? null,
    highest_frequency: values?.highest_frequency ?? null,
    each: values?.each ?? {},
    reason: values?.error ?? row.reason ?? null,
    asked_at: row.askedAt ?? null,
    software_version: version,
  };
}

/** A cell that no spreadsheet takes for a formula. @param {unknown} value @param {string} separator */
export function cell(value, separator) {
  if (value === null || value === undefined) return "";
  if (typeof value === "number") return String(value);
  let text = String(value).replaceAll("\0", "");
  if (/^[\s]*[=+\-@\t\r\n]/.test(text)) text = `'${text}`;
  if (separator === "\t") return text.replace(/[\t\r\n]+/g, " ");
  return /[",\r\n;]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** @param {object[]} records @param {"," | "\t"} separator */
export function table(records, separator) {
  const lines = records.map((one) =>
    COLUMNS.map((name) => {
      const value = name === "each" ? Object.entries(one.each).map(([who, said]) => `${who}=${said}`).join("; ") : one[name];
      return cell(value, separator);
    }).join(separator));
  return [COLUMNS.join(separator), ...lines].map((line) => `${line}\r\n`).join("");
}

/** @param {object[]} records @param {{beacon: string, version: string, written_at: string}} about */
export function json(records, about) {
  return `${JSON.stringify({ ...about, results: records }, null, 1)}\n`;
}

/** The name of a file: it says when, and nothing of what is in it. @param {Date} when */
export function fileName(when, ending) {
  return `beacon-list-${when.toISOString().slice(0, 16).replace(/[-:]/g, "").replace("T", "-")}.${ending}`;
}

/** Lets the browser keep a file. */
export function save(text, name, type) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type: `${type};charset=utf-8` }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
