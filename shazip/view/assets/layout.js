// Rows of the view: which bytes they hold and where each byte lies, in cells of one character.

class TextLayout {
  constructor(text, columns) {
    this.text = text;
    this.columns = Math.max(columns, 8);
    const rows = [0];
    for (let at = 0, cells = 0; at < text.length; ) {
      const [code, size] = characterAt(text, at);
      const width = glyphOf(code, text[at]).cells;
      if (cells + width > this.columns) {
        rows.push(at);
        cells = 0;
      }
      cells += width;
      at += size;
      if (code === 0x0a && at < text.length) {
        rows.push(at);
        cells = 0;
      }
    }
    this.rows = Uint32Array.from(rows);
  }

  get count() {
    return this.rows.length;
  }

  start(row) {
    return row < this.rows.length ? this.rows[row] : this.text.length;
  }

  rowOf(offset) {
    let low = 0;
    let high = this.rows.length;
    while (low + 1 < high) {
      const middle = (low + high) >> 1;
      if (this.rows[middle] <= offset) low = middle;
      else high = middle;
    }
    return low;
  }

  // Pieces of a row: {at, size, cell, cells, glyph, plain}. A piece is a character.
  *pieces(row) {
    let cell = 0;
    for (let at = this.start(row); at < this.start(row + 1); ) {
      const [code, size] = characterAt(this.text, at);
      const { glyph, cells, plain } = glyphOf(code, this.text[at]);
      yield { at, size, cell, cells, glyph, plain };
      cell += cells;
      at += size;
    }
  }
}

class HexLayout {
  constructor(text, columns) {
    this.text = text;
    this.digits = Math.max(4, hex(Math.max(text.length - 1, 0), 1).length);
    // Offset, two gaps, and for each byte two digits, a gap and a character.
    const room = columns - this.digits - 3;
    this.width = room >= 128 ? 32 : room >= 64 ? 16 : room >= 32 ? 8 : 4;
  }

  get count() {
    return Math.max(1, Math.ceil(this.text.length / this.width));
  }

  start(row) {
    return Math.min(row * this.width, this.text.length);
  }

  rowOf(offset) {
    return Math.floor(offset / this.width);
  }

  // Each byte twice: as a number, and as a character if it is a visible one of ASCII.
  *pieces(row) {
    const start = this.start(row);
    const first = this.digits + 2;
    for (let at = start; at < this.start(row + 1); at++) {
      const cell = first + 3 * (at - start);
      yield { at, size: 1, cell, cells: 2, glyph: hex(this.text[at], 2), plain: true };
    }
    for (let at = start; at < this.start(row + 1); at++) {
      const byte = this.text[at];
      const glyph = byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : "·";
      const cell = first + 3 * this.width + 1 + (at - start);
      yield { at, size: 1, cell, cells: 1, glyph, plain: glyph !== "·" };
    }
  }

  label(row) {
    return hex(this.start(row), this.digits);
  }
}

// The byte under a cell of a row, or the last one before it; -1 in an empty row.
function byteUnder(layout, row, cell) {
  let found = -1;
  for (const piece of layout.pieces(row)) {
    if (cell < piece.cell) continue;
    const inside = Math.min((cell - piece.cell) / piece.cells, 0.999);
    if (found < 0 || cell < piece.cell + piece.cells || piece.at > found) {
      found = piece.at + Math.floor(inside * piece.size);
      if (cell < piece.cell + piece.cells) return found;
    }
  }
  return found;
}
