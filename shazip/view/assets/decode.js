// From the page's blob to typed arrays: see pack.py.

async function decoded() {
  const packed = atob(document.getElementById("data").textContent);
  const bytes = Uint8Array.from(packed, (char) => char.charCodeAt(0));
  const inflated = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate-raw"));
  const raw = new Uint8Array(await new Response(inflated).arrayBuffer());
  const headSize = new DataView(raw.buffer).getUint32(0, true);
  const facts = JSON.parse(new TextDecoder().decode(raw.subarray(4, 4 + headSize)));
  const planes = {};
  let at = 4 + headSize;
  for (const [name, size] of Object.entries(facts.planes)) {
    planes[name] = raw.subarray(at, at + size);
    at += size;
  }
  return { ...facts, paid: facts.bits, ...opened(planes) };
}

function opened(planes) {
  const { text, bits } = planes;
  const network = planes.network
    ? planes.network.map((difference, i) => difference + bits[i])
    : bits;
  return { text, bits, network, starts: startsOf(planes), strings: stringsOf(planes), planes };
}

// Where symbols begin, and after the last the end of the text.
function startsOf({ text, sizes }) {
  const starts = new Uint32Array((sizes ?? text).length + 1);
  for (let i = 0; i + 1 < starts.length; i++) starts[i + 1] = starts[i] + (sizes ? sizes[i] : 1);
  return starts;
}

function stringsOf({ strings, stringSizes }) {
  if (!strings) return Array.from({ length: 256 }, (_, byte) => Uint8Array.of(byte));
  let at = 0;
  return Array.from(stringSizes, (size) => strings.subarray(at, (at += size)));
}

// Bits that a byte of a plane stands for.
function bitsOf(file, quantum) {
  return file.mostBits * (quantum / 255) ** 2;
}

// The number of the symbol that the byte at `offset` belongs to.
function symbolAt(file, offset) {
  let low = 0;
  let high = file.starts.length - 1;
  while (low + 1 < high) {
    const middle = (low + high) >> 1;
    if (file.starts[middle] <= offset) low = middle;
    else high = middle;
  }
  return low;
}

function sumOf(file, plane, start, stop) {
  let sum = 0;
  for (let i = start; i < stop; i++) sum += bitsOf(file, plane[i]);
  return sum;
}

// The likeliest symbols at the symbol with this number: [bytes, bits], best first.
function likeliestAt(file, number) {
  const found = [];
  for (let rank = 0; rank < file.likeliest; rank++) {
    const quantum = file.planes[`likely${rank}`][number];
    const steps = file.coarse[rank];
    if (quantum > steps) break;
    const high = file.planes[`high${rank}`]?.[number] ?? 0;
    const symbol = (high << 8) | file.planes[`low${rank}`][number];
    found.push([file.strings[symbol], (file.mostBits / 2) * (quantum / steps) ** 2]);
  }
  return found;
}
