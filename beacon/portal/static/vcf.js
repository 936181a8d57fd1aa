// Takes lists apart in the browser. Of a VCF, only CHROM, POS, REF, ALT and how far an allele goes
// come out of here: no genotypes, no names of samples, no headers, no name of the file.

const BASES = /^[A-Za-z]{1,4096}$/;
const ALTERNATES = /^[A-Za-z0-9<>[\]:_.,*-]{1,4096}$/;
const PLAIN = /^(?:(?:chr)?(?:[0-9]{1,2}|[XYM]|MT)|NC_[0-9]{6}\.[0-9]{1,2})$/i;
const EXTENT = /(?:^|;)((?:END|SVLEN|SVTYPE)=[^;]{1,40})/g;
const NO_ALLELE = new Set([".", "*", "<*>", "<NON_REF>"]);
const LONGEST = 4097; // one more than is read: the server says that it is too long
const SLICE_MS = 12;
const COUNT_MS = 10_000;
const PIECE = 1 << 20;

// Lengths of 1 to 22, X and Y.
const LENGTHS = {
  GRCh37: [249250621, 243199373, 198022430, 191154276, 180915260, 171115067, 159138663, 146364022, 141213431, 135534747, 135006516, 133851895, 115169878, 107349540, 102531392, 90354753, 81195210, 78077248, 59128983, 63025520, 48129895, 51304566, 155270560, 59373566],
  GRCh38: [248956422, 242193529, 198295559, 190214555, 181538259, 170805979, 159345973, 145138636, 138394717, 133797422, 135086622, 133275309, 114364328, 107043718, 101991189, 90338345, 83257441, 80373285, 58617616, 64444167, 46709983, 50818468, 156040895, 57227415],
};
const ASSEMBLY_OF = new Map(Object.entries(LENGTHS).flatMap(([name, all]) => all.map((one) => [one, name])));
const NUCLEAR = /^(?:chr)?(?:[1-9]|1[0-9]|2[0-2]|X|Y)$|^NC_0000(?:0[1-9]|1[0-9]|2[0-4])\.[0-9]+$/i;
const CALLED = {
  GRCh37: /GRCh37|hg19|\bb37|hs37|g1k_v37/i,
  GRCh38: /GRCh38|hg38|\bb38|hs38|G[CR][AF]_000001405\.(?:1[5-9]|[2-4][0-9])/i,
  other: /hg1[5-8]\b|NCBI_?3[56]|\bb36|CHM13|T2T|hs1\b/i,
};

/** Why a file cannot be taken apart: `code` ends the name of a text. */
export class Unreadable extends Error {
  constructor(code) {
    super(code);
    this.code = code;
  }
}

/**
 * What is looked at of a line.
 * @param {string} line @param {boolean} inVcf whether it is of a VCF for certain
 * @returns {string[]} one for each alternate allele; of a damaged line of a VCF, nothing
 */
export function bare(line, inVcf = false) {
  const fields = line.includes("\t") ? line.split("\t", 8) : line.trim().split(/\s+/, 8);
  if (fields.length < 5 || !/^[0-9]{1,10}$/.test(fields[1])) return inVcf ? [] : [line.slice(0, LONGEST)];
  const [chrom, pos, third, ref, alts] = fields;
  const isVcf = inVcf || fields.length >= 8;
  const five = [fields.slice(0, 5).join(" ").slice(0, LONGEST)];
  if (!BASES.test(ref) || !ALTERNATES.test(alts)) return isVcf ? [] : five;
  if (!isVcf && /^[0-9]+$/.test(third) && Number(third) === Number(pos) + ref.length - 1) return five;
  const extent = [...(fields[7] ?? "").matchAll(EXTENT)].map((found) => found[1]).join(";");
  return alts.split(",").filter((alt) => !NO_ALLELE.has(alt)).map((alt) => {
    if (!BASES.test(alt)) return [chrom, pos, ".", ref, alt, ".", ".", extent || "."].join("\t");
    if (PLAIN.test(chrom)) return [chrom, pos, ref, alt].join("-");
    return [chrom, pos, ".", ref, alt, ".", ".", "."].join("\t");
  });
}

/**
 * The assembly of a VCF by its header.
 * @param {string[]} header lines that begin with ##
 * @returns {{assembly: string|null, by: "lengths"|"name"|"contradiction"|"other"|"nothing"}}
 */
export function assemblyOf(header) {
  const found = { GRCh37: 0, GRCh38: 0, other: 0 };
  const called = new Set();
  for (const line of header) {
    const id = /^##contig=<(?:.*,)?ID=([^,>]+)/.exec(line)?.[1];
    const length = Number(/[<,]length=([0-9]+)/.exec(line)?.[1]);
    if (id && length && NUCLEAR.test(id)) found[ASSEMBLY_OF.get(length) ?? "other"] += 1;
    if (/^##(?:reference|assembly|contig)=/.test(line)) {
      for (const [name, words] of Object.entries(CALLED)) if (words.test(line)) called.add(name);
    }
  }
  const byLength = Object.keys(found).filter((name) => found[name]);
  const all = new Set([...byLength, ...called]);
  if (all.size > 1) return { assembly: null, by: "contradiction" };
  if (all.has("other")) return { assembly: null, by: "other" };
  if (!all.size) return { assembly: null, by: "nothing" };
  return { assembly: [...all][0], by: byLength.length ? "lengths" : "name" };
}

/**
 * A list out of a text, in slices of time short enough that a page can do other things meanwhile.
 * @param {AsyncIterable<string>|Iterable<string>} chunks @param {number} most lines of a list
 * @param {number} [countMs] as long as what is beyond the list is counted, in milliseconds
 * @returns {Promise<{lines: string[], left: number, isWhole: boolean, leftOut: number,
 *   damaged: number, isVcf: boolean, assembly: string|null, by: string}>}
 *   `left` is beyond the list, at least that if not `isWhole`; `leftOut` has no alternate allele.
 */
export async function listOf(chunks, most, countMs = COUNT_MS) {
  const found = { lines: [], left: 0, isWhole: true, leftOut: 0, damaged: 0, isVcf: false };
  const header = [];
  const started = performance.now();
  let sliceBegan = started;
  let rest = "";

  function take(raw) {
    const line = raw.trim(); // of a byte order mark, too
    if (line.startsWith("#")) {
      if (/^##fileformat=VCF|^#CHROM/.test(line)) found.isVcf = true;
      if (/^##(?:contig|reference|assembly)=/.test(line)) header.push(line);
      return;
    }
    if (!line) return;
    const alleles = bare(line, found.isVcf);
    if (!alleles.length) {
      if (/^[^\t ]+[\t ]+[0-9]+[\t ]+[^\t ]+[\t ]+[A-Za-z]+[\t ]+[.<*]/.test(line)) found.leftOut += 1;
      else found.damaged += 1;
    }
    for (const one of alleles) {
      if (found.lines.length < most) found.lines.push(one);
      else found.left += 1;
    }
  }

  for await (const chunk of chunks) {
    const lines = (rest + chunk).split(/\r\n|\n|\r/);
    rest = lines.pop();
    for (const line of lines) {
      take(line);
      if (performance.now() - sliceBegan > SLICE_MS) {
        await new Promise((resolve) => setTimeout(resolve));
        sliceBegan = performance.now();
      }
    }
    if (found.left && performance.now() - started > countMs) {
      found.isWhole = false;
      rest = "";
      break;
    }
  }
  take(rest);
  return { ...found, ...assemblyOf(header) };
}

/** The text of a file, piece by piece, unpacked. @param {Blob} file @returns {AsyncGenerator<string>} */
export async function* textOf(file) {
  const decoder = new TextDecoder();
  let isFirst = true;
  try {
    for await (const bytes of unpacked(file)) {
      const text = decoder.decode(bytes, { stream: true });
      if (isFirst && text.includes("\0")) throw new Unreadable("binary");
      isFirst = isFirst && !text;
      yield text;
    }
  } catch (error) {
    throw error instanceof Unreadable ? error : new Unreadable("damaged");
  }
  yield decoder.decode();
}

async function* unpacked(file) {
  const head = await bytesOf(file, 0, PIECE);
  if (head[0] !== 0x1f || head[1] !== 0x8b) {
    for (let at = 0; at < file.size; at += PIECE) yield await bytesOf(file, at, at + PIECE);
  } else if (!globalThis.DecompressionStream) {
    throw new Unreadable("no_unpacking");
  } else if (blockSize(head, 0)) {
    yield* blocks(file);
  } else {
    yield* read(file.stream().pipeThrough(new DecompressionStream("gzip")));
  }
}

/** bgzip writes many small members, each with its size in its head: unpacked one by one. */
async function* blocks(file) {
  let piece = new Uint8Array();
  let at = 0; // in the piece
  let next = 0; // in the file
  for (;;) {
    const size = piece.length - at > 28 ? blockSize(piece, at) : 0;
    if (piece.length - at > 28 && !size) throw new Unreadable("damaged");
    if (size && at + size <= piece.length) {
      const block = new Blob([piece.subarray(at, at + size)]);
      yield* read(block.stream().pipeThrough(new DecompressionStream("gzip")));
      at += size;
    } else if (next < file.size) {
      const more = await bytesOf(file, next, next + PIECE);
      next += more.length;
      const joined = new Uint8Array(piece.length - at + more.length);
      joined.set(piece.subarray(at));
      joined.set(more, piece.length - at);
      [piece, at] = [joined, 0];
    } else {
      const isEnd = at === piece.length || (piece.length - at === 28 && blockSize(piece, at) === 28);
      if (!isEnd) throw new Unreadable("damaged");
      return;
    }
  }
}

/** Bytes of a block of bgzip that begins here; 0 where none does. */
function blockSize(bytes, at) {
  if (bytes[at] !== 0x1f || bytes[at + 1] !== 0x8b || !(bytes[at + 3] & 4)) return 0;
  const end = at + 12 + bytes[at + 10] + 256 * bytes[at + 11];
  for (let field = at + 12; field + 4 <= end; field += 4 + bytes[field + 2] + 256 * bytes[field + 3]) {
    if (bytes[field] === 66 && bytes[field + 1] === 67) return bytes[field + 4] + 256 * bytes[field + 5] + 1;
  }
  return 0;
}

async function bytesOf(file, from, to) {
  return new Uint8Array(await file.slice(from, to).arrayBuffer());
}

async function* read(stream) {
  const reader = stream.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    yield value;
  }
}
