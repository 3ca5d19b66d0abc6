// What happens when: scrolling, pointing, keys, choices, printing.

const MOST_PIXELS = 8e6; // browsers stop at some tens of millions
const PRINTED_ROWS = 120;
const dark = window.matchMedia("(prefers-color-scheme: dark)");
const byId = (id) => document.getElementById(id);

class Page {
  constructor(file) {
    this.file = file;
    this.offset = 0; // of the byte that the panel tells of
    this.mode = isBinary(file.text) ? "hex" : "text";
    this.drawing = new Drawing(file, new Scale(dark.matches));
    byId("name").textContent = document.title = shownName(file.name);
    byId("totals").textContent = totals(file);
    if (!file.mixed) byId("shade").disabled = true;
    fillSummaries(byId("summaries"), file, (offset) => this.go(offset));
    this.listen();
    this.arrange();
    this.point(0);
  }

  listen() {
    const scroller = byId("scroller");
    scroller.addEventListener("scroll", () => this.redraw());
    scroller.addEventListener("pointermove", (event) => this.pointAt(event));
    scroller.addEventListener("pointerdown", (event) => this.pointAt(event));
    scroller.addEventListener("keydown", (event) => this.key(event));
    byId("strip").addEventListener("pointerdown", (event) => this.jump(event));
    byId("strip").addEventListener("pointermove", (event) => event.buttons && this.jump(event));
    byId("curves").addEventListener("click", (event) => this.jumpAlong(event));
    byId("as-text").addEventListener("click", () => this.show("text"));
    byId("as-hex").addEventListener("click", () => this.show("hex"));
    byId("borders").addEventListener("change", (event) => {
      this.drawing.borders = event.target.checked;
      this.redraw();
    });
    byId("shade").addEventListener("change", (event) => {
      this.drawing.setKind(event.target.value);
      this.arrange();
    });
    dark.addEventListener("change", () => this.recolour(dark.matches));
    window.addEventListener("resize", () => this.arrange());
    window.addEventListener("beforeprint", () => this.beforePrint());
    window.addEventListener("afterprint", () => this.afterPrint());
  }

  show(mode) {
    this.mode = mode;
    this.arrange();
    this.go(this.offset);
  }

  recolour(isDark) {
    this.drawing.scale = new Scale(isDark);
    this.arrange();
  }

  // Lays the rows out again, for another width or mode, and keeps the first byte in sight.
  arrange() {
    const scroller = byId("scroller");
    const kept = this.layout ? this.layout.start(Math.floor(this.top)) : 0;
    const columns = Math.floor((scroller.clientWidth - 2 * MARGIN) / this.drawing.cell);
    const key = `${this.mode} ${columns}`;
    if (key !== this.key_) {
      this.key_ = key;
      const Layout = this.mode === "hex" ? HexLayout : TextLayout;
      this.layout = new Layout(this.file.text, columns);
      byId("spacer").style.height = `${Math.min(this.layout.count * ROW + MARGIN, MOST_PIXELS)}px`;
      this.scrollTo(this.layout.rowOf(kept));
    }
    byId("as-text").setAttribute("aria-pressed", this.mode === "text");
    byId("as-hex").setAttribute("aria-pressed", this.mode === "hex");
    drawLegend(byId("legend"), this.drawing.scale, this.drawing.kind);
    drawCurves(byId("curves"), this.file, this.drawing.scale);
    this.redraw();
  }

  get visibleRows() {
    return byId("scroller").clientHeight / ROW;
  }

  // The first row in sight: exact where all rows fit into the scroller, in proportion beyond.
  get top() {
    const scroller = byId("scroller");
    const room = scroller.scrollHeight - scroller.clientHeight;
    const rows = Math.max(this.layout.count + MARGIN / ROW - this.visibleRows, 0);
    return room > 0 ? (scroller.scrollTop / room) * rows : 0;
  }

  scrollTo(row) {
    const scroller = byId("scroller");
    const room = scroller.scrollHeight - scroller.clientHeight;
    const rows = this.layout.count + MARGIN / ROW - this.visibleRows;
    scroller.scrollTop = rows > 0 ? (room * Math.min(row, rows)) / rows : 0;
  }

  redraw() {
    this.frame ??= requestAnimationFrame(() => {
      this.frame = undefined;
      this.drawNow();
    });
  }

  drawNow() {
    const { top, layout, file } = this;
    const marked = file.text.length ? symbolAt(file, this.offset) : -1;
    this.drawing.draw(byId("view"), layout, top, marked);
    const size = Math.max(file.text.length, 1);
    const bottom = layout.start(Math.min(Math.ceil(top + this.visibleRows), layout.count));
    this.drawing.drawStrip(byId("strip"), layout.start(Math.floor(top)) / size, bottom / size);
  }

  point(offset) {
    this.offset = Math.max(0, Math.min(offset, this.file.text.length - 1));
    fillPanel(byId("panel"), this.file, this.offset);
    this.redraw();
  }

  // Points at a byte and scrolls so that it is in sight.
  go(offset) {
    this.point(offset);
    const row = this.layout.rowOf(this.offset);
    if (row < this.top + 1 || row > this.top + this.visibleRows - 2) {
      this.scrollTo(Math.max(row - this.visibleRows / 3, 0));
    }
    this.redraw();
  }

  pointAt(event) {
    const box = byId("view").getBoundingClientRect();
    const [x, y] = [event.clientX - box.left, event.clientY - box.top];
    const under = Math.floor(this.top + y / ROW);
    if (under >= this.layout.count) return;
    const found = byteUnder(this.layout, under, (x - MARGIN) / this.drawing.cell);
    if (found >= 0) this.point(found);
  }

  jump(event) {
    const box = byId("strip").getBoundingClientRect();
    this.jumpTo((event.clientY - box.top) / box.height);
  }

  jumpAlong(event) {
    const box = byId("curves").getBoundingClientRect();
    this.jumpTo((event.clientX - box.left - 26) / (box.width - 26));
  }

  jumpTo(share) {
    const offset = Math.floor(share * this.file.text.length);
    this.point(offset);
    this.scrollTo(Math.max(this.layout.rowOf(this.offset) - this.visibleRows / 2, 0));
    this.redraw();
  }

  key(event) {
    const { file, layout, offset } = this;
    const number = symbolAt(file, offset);
    const row = layout.rowOf(offset);
    const inRow = offset - layout.start(row);
    const down = (rows) => {
      const next = Math.max(0, Math.min(row + rows, layout.count - 1));
      return Math.min(layout.start(next) + inRow, Math.max(layout.start(next + 1) - 1, 0));
    };
    const page = Math.floor(this.visibleRows) - 1;
    const moves = {
      ArrowLeft: () => file.starts[Math.max(number - 1, 0)],
      ArrowRight: () => file.starts[Math.min(number + 1, file.starts.length - 2)],
      ArrowUp: () => down(-1),
      ArrowDown: () => down(1),
      PageUp: () => down(-page),
      PageDown: () => down(page),
      Home: () => (event.ctrlKey ? 0 : layout.start(row)),
      End: () => (event.ctrlKey ? file.text.length - 1 : layout.start(row + 1) - 1),
    };
    if (!moves[event.key] || !file.text.length) return;
    event.preventDefault();
    this.go(moves[event.key]());
  }

  // On paper: the rows from the first in sight on, as a picture in the colours of light paper.
  beforePrint() {
    this.recolour(false);
    const canvas = document.createElement("canvas");
    const rows = Math.min(PRINTED_ROWS, this.layout.count - Math.floor(this.top));
    const width = byId("scroller").clientWidth;
    [canvas.width, canvas.height] = [2 * width, 2 * ROW * rows];
    const context = canvas.getContext("2d");
    context.scale(2, 2);
    context.fillStyle = this.drawing.scale.paper;
    context.fillRect(0, 0, width, ROW * rows);
    this.drawing.drawRows(context, this.layout, Math.floor(this.top), ROW * rows, -1);
    byId("print").replaceChildren(canvas);
  }

  afterPrint() {
    byId("print").replaceChildren();
    this.recolour(dark.matches);
  }
}

decoded().then((file) => new Page(file));
