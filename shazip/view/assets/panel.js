// Elements are made with textContent alone, so nothing in a file can become markup.

function element(tag, { text, ...properties } = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  if (text !== undefined) made.textContent = text;
  made.append(...children);
  return made;
}

function shownBits(bits) {
  return bits >= 10 ? bits.toFixed(1) : bits >= 0.1 ? bits.toFixed(2) : bits.toFixed(3);
}

function quoted(bytes) {
  return `“${visible(bytes)}”`;
}

// What is known of a symbol and of the byte pointed at in it.
function fillPanel(panel, file, offset) {
  if (!file.text.length) return panel.replaceChildren(element("p", { text: "The file is empty." }));
  const number = symbolAt(file, offset);
  const [start, stop] = [file.starts[number], file.starts[number + 1]];
  const string = file.text.subarray(start, stop);
  const paid = sumOf(file, file.bits, start, stop);
  const network = sumOf(file, file.network, start, stop);
  panel.replaceChildren(
    element("p", { text: quoted(string), className: "symbol bytes" }),
    factList([
      ["bytes", hexadecimal(string)],
      ["offset", `${start.toLocaleString("en")}`],
      ["bits", shownBits(paid)],
      ...(stop - start > 1
        ? [["of them this byte", shownBits(bitsOf(file, file.bits[offset]))]]
        : []),
      ...(file.mixed
        ? [
            ["network alone", shownBits(network)],
            ["mixing saved", `${network < paid ? "−" : ""}${shownBits(Math.abs(network - paid))}`],
          ]
        : []),
    ]),
    ...likeliestTable(file, number, string),
  );
}

function factList(facts) {
  const list = element("dl");
  for (const [name, value] of facts) {
    list.append(element("dt", { text: name }), element("dd", { text: value }));
  }
  return list;
}

function likeliestTable(file, number, string) {
  const found = likeliestAt(file, number);
  if (!found.length) return [element("p", { className: "note", text: noteOnLikeliest(file) })];
  const table = element("table", {}, headOf(["likeliest here", "share", "bits"]));
  for (const [bytes, bits] of found) {
    const came = bytes.length === string.length && bytes.every((byte, i) => byte === string[i]);
    const share = 100 * 2 ** -bits;
    const shown = share < 0.1 ? "< 0.1" : share.toFixed(share < 10 ? 1 : 0);
    table.append(
      element(
        "tr",
        {},
        element("td", { className: "bytes", text: `${quoted(bytes)}${came ? " ✓" : ""}` }),
        element("td", { className: "number", text: `${shown} %` }),
        element("td", { className: "number", text: shownBits(bits) }),
      ),
    );
  }
  return [table];
}

function noteOnLikeliest(file) {
  if (file.likeliest) return "This block is stored as it is: 8 bits a byte.";
  return "The likeliest symbols were left out to keep the page small.";
}

function headOf(names) {
  const row = element("tr");
  names.forEach((name, i) => {
    row.append(element("th", { text: name, className: i ? "number" : "" }));
  });
  return element("thead", {}, row);
}
