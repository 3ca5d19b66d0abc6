// Bytes as something to be seen: nothing of the file is ever interpreted.

// The character of UTF-8 that begins at `at`: [code point, bytes], or [-1, 1] for anything else.
function characterAt(text, at) {
  const lead = text[at];
  if (lead < 0x80) return [lead, 1];
  const size = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc2 || lead > 0xf4 || at + size > text.length) return [-1, 1];
  let code = lead & (0x7f >> size);
  for (let i = 1; i < size; i++) {
    if ((text[at + i] & 0xc0) !== 0x80) return [-1, 1];
    code = (code << 6) | (text[at + i] & 0x3f);
  }
  const least = [0, 0, 0x80, 0x800, 0x10000][size];
  const valid = code >= least && code <= 0x10ffff && (code < 0xd800 || code > 0xdfff);
  return valid ? [code, size] : [-1, 1];
}

// Controls, direction marks, invisible and combining characters and what has no glyph of its own.
const UNSEEN = /[\p{C}\p{M}\p{Z}\u115f\u1160\u3164\uffa0]/u;
const WIDE =
  /[\p{Emoji_Presentation}\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff01-\uff60\uffe0-\uffe6\u{20000}-\u{3fffd}]/u;

const NAMED = { 9: "→", 10: "↵", 32: " " };
const seen = new Map();

// What stands for a character: {glyph, cells, plain}; `plain` if it is the character itself. What is
// neither plain nor one cell wide is drawn in a box.
function glyphOf(code, byte) {
  const key = code < 0 ? -1 - byte : code;
  let found = seen.get(key);
  if (!found) seen.set(key, (found = newGlyph(code, byte)));
  return found;
}

function newGlyph(code, byte) {
  if (NAMED[code]) return { glyph: NAMED[code], cells: 1, plain: code === 0x20 };
  if (code < 0x20 || code === 0x7f) return { glyph: hex(byte, 2), cells: 2, plain: false };
  const char = String.fromCodePoint(code);
  if (UNSEEN.test(char)) {
    const glyph = `U+${hex(code, 4)}`;
    return { glyph, cells: glyph.length, plain: false };
  }
  return { glyph: char, cells: WIDE.test(char) ? 2 : 1, plain: true };
}

function hex(number, digits) {
  return number.toString(16).toUpperCase().padStart(digits, "0");
}

// Bytes as one line of text, with marks in the place of what cannot be seen.
function visible(bytes) {
  let shown = "";
  for (let at = 0; at < bytes.length; ) {
    const [code, size] = characterAt(bytes, at);
    const { glyph, plain } = glyphOf(code, bytes[at]);
    shown += plain || NAMED[code] ? glyph : `⟨${glyph}⟩`;
    at += size;
  }
  return shown;
}

function hexadecimal(bytes) {
  return Array.from(bytes, (byte) => hex(byte, 2)).join(" ");
}

// Whether most people would rather see hexadecimal numbers: many bytes that are no text.
function isBinary(text) {
  const size = Math.min(text.length, 1 << 16);
  let strange = 0;
  for (let at = 0; at < size; ) {
    const [code, length] = characterAt(text, at);
    strange += code < 0 || (code < 0x20 && ![9, 10, 12, 13].includes(code));
    at += length;
  }
  return strange > 0.05 * size;
}
