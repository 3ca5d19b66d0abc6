// The view and the strip beside it, drawn on canvases: only the rows that are visible.

const FONT = '"DejaVu Sans Mono", ui-monospace, Menlo, Consolas, monospace';
const SIZE = 14;
const ROW = 20; // CSS pixels
const MARGIN = 6;

function cellWidth() {
  const context = document.createElement("canvas").getContext("2d");
  context.font = `${SIZE}px ${FONT}`;
  return context.measureText("M".repeat(100)).width / 100;
}

class Drawing {
  constructor(file, scale) {
    this.file = file;
    this.scale = scale;
    this.kind = "bits";
    this.borders = false;
    this.cell = cellWidth();
    this.shades = shadesOf(file, this.kind);
  }

  setKind(kind) {
    this.kind = kind;
    this.shades = shadesOf(this.file, kind);
  }

  // Draws `layout` from row `top` (a fraction goes out of sight) with the symbol `marked`.
  draw(canvas, layout, top, marked) {
    const { context, width, height } = opened2d(canvas);
    context.fillStyle = this.scale.paper;
    context.fillRect(0, 0, width, height);
    this.drawRows(context, layout, top, height, marked);
  }

  drawRows(context, layout, top, height, marked) {
    context.font = `${SIZE}px ${FONT}`;
    context.textBaseline = "middle";
    context.textAlign = "left";
    const first = Math.floor(top);
    const last = Math.min(layout.count, Math.ceil(top + height / ROW));
    for (let row = first; row < last; row++) {
      const y = (row - top) * ROW;
      const pieces = Array.from(layout.pieces(row));
      this.drawLabel(context, layout, row, y);
      this.fill(context, pieces, y);
      this.write(context, pieces, y);
      if (this.borders) this.drawBorders(context, pieces, y);
      if (marked >= 0) this.mark(context, pieces, y, marked);
    }
  }

  drawLabel(context, layout, row, y) {
    if (!layout.label) return;
    context.fillStyle = this.scale.dim;
    context.fillText(layout.label(row), MARGIN, y + ROW / 2);
  }

  // Backgrounds: every byte of a character has its part of the cells. Runs alike are one rectangle.
  fill(context, pieces, y) {
    let [left, right, shade] = [0, 0, -1];
    const flush = () => {
      if (shade <= 0) return;
      context.fillStyle = fillOf(this.scale, this.kind, shade);
      context.fillRect(left, y, right - left, ROW - 1);
    };
    for (const { at, size, cell, cells } of pieces) {
      for (let i = 0; i < size; i++) {
        const x = MARGIN + (cell + (cells * i) / size) * this.cell;
        const next = this.shades[at + i];
        if (next !== shade || Math.abs(x - right) > 0.01) {
          flush();
          [left, shade] = [x, next];
        }
        right = x + (cells / size) * this.cell;
      }
    }
    flush();
  }

  // Characters: runs of ASCII with one ink go together, the others each into its own cells.
  write(context, pieces, y) {
    let [run, x, ink, end] = ["", 0, "", -1];
    const flush = () => {
      if (!run) return;
      context.fillStyle = ink;
      context.fillText(run, MARGIN + x * this.cell, y + ROW / 2);
      run = "";
    };
    for (const { at, cell, cells, glyph, plain } of pieces) {
      const shade = this.shades[at];
      const next = plain || shade ? inkOf(this.scale, shade) : this.scale.dim;
      const boxed = !plain && cells > 1;
      const alone = boxed || glyph.length !== cells || glyph.charCodeAt(0) > 0x7e;
      if (alone || next !== ink || cell !== end) flush();
      if (!run) [x, ink] = [cell, next];
      run += glyph;
      end = cell + cells;
      if (alone) {
        context.fillStyle = ink;
        context.fillText(run, MARGIN + x * this.cell, y + ROW / 2, cells * this.cell);
        if (boxed) this.box(context, x, cells, y, ink);
        run = "";
      }
    }
    flush();
  }

  // Tells hexadecimal numbers that stand for a byte from the same letters in the text.
  box(context, cell, cells, y, ink) {
    context.strokeStyle = ink;
    context.lineWidth = 0.6;
    context.strokeRect(MARGIN + cell * this.cell + 1, y + 2, cells * this.cell - 2, ROW - 5);
  }

  drawBorders(context, pieces, y) {
    context.fillStyle = this.scale.line;
    for (const { at, size, cell, cells } of pieces) {
      for (let i = 0; i < size; i++) {
        if (this.file.starts[symbolAt(this.file, at + i)] !== at + i) continue;
        context.fillRect(MARGIN + (cell + (cells * i) / size) * this.cell - 0.5, y + 1, 1, ROW - 3);
      }
    }
  }

  mark(context, pieces, y, symbol) {
    const [start, stop] = [this.file.starts[symbol], this.file.starts[symbol + 1]];
    context.strokeStyle = this.scale.accent;
    context.lineWidth = 2;
    for (const { at, size, cell, cells } of pieces) {
      if (at + size <= start || at >= stop) continue;
      const x = MARGIN + cell * this.cell;
      context.strokeRect(x - 0.5, y, cells * this.cell + 1, ROW - 2);
    }
  }

  // The whole file from top to bottom: each line of pixels the mean of its bytes, in cells.
  drawStrip(canvas, top, bottom) {
    const { context, width, height } = opened2d(canvas);
    if (this.strip?.key !== `${this.kind} ${this.scale.paper} ${width} ${height}`) {
      this.strip = this.newStrip(width, height);
    }
    context.fillStyle = this.scale.paper;
    context.fillRect(0, 0, width, height);
    context.drawImage(this.strip.canvas, 0, 0, width, height);
    context.strokeStyle = this.scale.ink;
    context.lineWidth = 2;
    context.strokeRect(1, top * height, width - 2, Math.max((bottom - top) * height, 3));
  }

  newStrip(width, height) {
    const canvas = document.createElement("canvas");
    const size = this.file.text.length;
    canvas.width = Math.max(1, Math.floor(width / 4));
    canvas.height = Math.max(1, Math.floor(height / 2));
    const context = canvas.getContext("2d");
    const cells = canvas.width * canvas.height;
    for (let i = 0; i < cells && size; i++) {
      const start = Math.floor((i * size) / cells);
      const stop = Math.max(start + 1, Math.floor(((i + 1) * size) / cells));
      context.fillStyle = this.meanFill(start, stop);
      context.fillRect(i % canvas.width, Math.floor(i / canvas.width), 1, 1);
    }
    return { canvas, key: `${this.kind} ${this.scale.paper} ${width} ${height}` };
  }

  meanFill(start, stop) {
    const { file, kind } = this;
    const mean = (plane) => sumOf(file, plane, start, stop) / (stop - start);
    if (kind !== "saved") return fillOf(this.scale, kind, shadeOf(mean(file[kind])));
    const saved = mean(file.network) - mean(file.bits);
    return fillOf(this.scale, kind, shadeOf(Math.abs(saved)) + (saved < 0 ? SHADES : 0));
  }
}
