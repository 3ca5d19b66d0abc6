// Figures of the whole file, and the curves along it.

function totals(file) {
  const size = file.text.length;
  const paid = `${Math.ceil(file.paid / 8).toLocaleString("en")} bytes of payload`;
  const parts = [`${size.toLocaleString("en")} bytes`, paid];
  if (size) parts.push(`${(file.paid / size).toFixed(3)} bits per byte`);
  if (size && file.mixed) {
    parts.push(`${(file.networkBits / size).toFixed(3)} with the network alone`);
  }
  parts.push(`${file.symbols.toLocaleString("en")} symbols`, `model ${file.models.map(shownName)}`);
  if (file.archive !== null) parts.push(`archive of ${file.archive.toLocaleString("en")} bytes`);
  if (file.likeliest < 5 && size) parts.push(`${file.likeliest} likeliest symbols kept`);
  return parts.join(" · ");
}

function shownName(name) {
  return visible(new TextEncoder().encode(name));
}

function fillSummaries(section, file, go) {
  section.replaceChildren(
    element("h2", { text: "Bits per byte along the file" }),
    element("canvas", { id: "curves", role: "img", ariaLabel: curvesLabel(file) }),
    element("h2", { text: "Kinds of bytes" }),
    kindsTable(file),
    element("h2", { text: "Costliest words" }),
    spansTable(file, file.words, ["word", "times", "bits", "each"], go, (times, bits) => [
      times.toLocaleString("en"),
      bits.toFixed(0),
      shownBits(bits / times),
    ]),
    element("h2", { text: "Costliest lines" }),
    spansTable(file, file.lines, ["line", "number", "bits"], go, (number, bits) => [
      number.toLocaleString("en"),
      bits.toFixed(0),
    ]),
  );
}

function kindsTable(file) {
  const table = element("table", {}, headOf(["kind", "bytes", "of bits", "each"]));
  for (const { name, count, bits } of file.kinds) {
    const cells = [
      count.toLocaleString("en"),
      `${((100 * bits) / file.paid).toFixed(1)} %`,
      shownBits(bits / count),
    ];
    table.append(rowOf(element("td", { text: name }), cells));
  }
  return table;
}

function spansTable(file, spans, names, go, cellsOf) {
  const table = element("table", {}, headOf(names));
  for (const [start, size, number, bits] of spans) {
    const shown = visible(file.text.subarray(start, start + Math.min(size, 60)));
    const button = element("button", { type: "button", className: "bytes", text: shown || "—" });
    button.addEventListener("click", () => go(start));
    const cell = element("td", { className: "bytes" }, button);
    table.append(rowOf(cell, cellsOf(number, bits)));
  }
  return table;
}

function rowOf(first, cells) {
  const row = element("tr", {}, first);
  for (const text of cells) row.append(element("td", { className: "number", text }));
  return row;
}

function curvesLabel(file) {
  return `Bits per byte of ${Object.keys(file.along.curves).join(", ")} along the file`;
}

function drawCurves(canvas, file, scale) {
  const { context, width, height } = opened2d(canvas);
  const { curves } = file.along;
  const [left, bottom, top] = [26, height - 14, 18];
  const most = Math.max(1, ...Object.values(curves).map((curve) => Math.max(...curve, 0)));
  context.clearRect(0, 0, width, height);
  context.font = "11px system-ui, sans-serif";
  context.textBaseline = "middle";
  const yOf = (bits) => bottom - ((bottom - top) * bits) / most;
  drawGrid(context, scale, width, left, most, yOf);
  let x = left;
  for (const [name, values] of Object.entries(curves)) {
    context.strokeStyle = context.fillStyle = scale.curves[name];
    context.setLineDash(name === "xz" ? [3, 2] : []);
    context.beginPath();
    const room = (width - left) / Math.max(values.length, 1);
    values.forEach((bits, i) => {
      context.lineTo(left + i * room, yOf(bits));
      context.lineTo(left + (i + 1) * room, yOf(bits));
    });
    context.stroke();
    context.setLineDash([]);
    context.fillText(name, x, 7);
    x += context.measureText(name).width + 14;
  }
}

function drawGrid(context, scale, width, left, most, yOf) {
  context.lineWidth = 1;
  context.strokeStyle = scale.line;
  context.fillStyle = scale.dim;
  const step = most > 4 ? 2 : most > 1.5 ? 1 : 0.5;
  for (let bits = 0; bits <= most; bits += step) {
    context.globalAlpha = 0.5;
    context.strokeRect(left, Math.round(yOf(bits)) + 0.5, width, 0);
    context.globalAlpha = 1;
    context.fillText(`${bits}`, 4, yOf(bits));
  }
}
