// Shades of bits. Lightness in OKLCH falls (on dark paper: rises) evenly with the square root of the
// bits, so that steps look alike and differ without colour, too; hue only goes along.

const SHADES = 64;
const FULL = 16; // bits of the last shade
const TICKS = [0, 0.1, 0.5, 1, 2, 4, 8, 16];

class Scale {
  constructor(dark) {
    this.paper = dark ? "#15151a" : "#ffffff";
    this.ink = dark ? "#e8e8ee" : "#1b1b1f";
    this.dim = dark ? "#9a9aa8" : "#6b6b76";
    this.line = dark ? "#5d5d6c" : "#b4b4c2";
    this.accent = dark ? "#86b4ff" : "#0b57c9";
    const shades = Array.from({ length: SHADES }, (_, i) => i / (SHADES - 1));
    const lightness = (t) => (dark ? 0.2 + 0.65 * t : 1 - 0.6 * t);
    const hue = (t) => (dark ? 300 - 210 * t : 95 - 75 * t);
    this.fills = shades.map((t) => `oklch(${lightness(t)} ${0.17 * t} ${hue(t)})`);
    this.fills[0] = this.paper;
    this.inks = shades.map((t) => (lightness(t) > 0.62 ? "#101014" : "#f6f6fa"));
    // Bits saved or lost: blue and orange, which no common colour blindness confuses.
    this.saved = shades.map((t) => `oklch(${lightness(t * 0.8)} ${0.17 * t} 255)`);
    this.lost = shades.map((t) => `oklch(${lightness(t * 0.8)} ${0.17 * t} 60)`);
    this.curves = dark
      ? { network: "#7fb0ff", mixing: "#ffb454", xz: "#9a9aa8" }
      : { network: "#0b57c9", mixing: "#b04a00", xz: "#6b6b76" };
  }
}

function shadeOf(bits) {
  return Math.round((SHADES - 1) * Math.sqrt(Math.min(bits, FULL) / FULL));
}

// A shade for each byte: 0..63, and 64..127 for what mixing lost.
function shadesOf(file, kind) {
  if (kind !== "saved") {
    const table = Uint8Array.from({ length: 256 }, (_, q) => shadeOf(bitsOf(file, q)));
    return file[kind].map((quantum) => table[quantum]);
  }
  return file.bits.map((quantum, i) => {
    const saved = bitsOf(file, file.network[i]) - bitsOf(file, quantum);
    return shadeOf(Math.abs(saved)) + (saved < 0 ? SHADES : 0);
  });
}

function fillOf(scale, kind, shade) {
  if (kind !== "saved") return scale.fills[shade];
  return shade < SHADES ? scale.saved[shade] : scale.lost[shade - SHADES];
}

function inkOf(scale, shade) {
  return scale.inks[shade % SHADES];
}

// A canvas in the pixels of the screen; returns its context and size in CSS pixels.
function opened2d(canvas) {
  const { width, height } = canvas.getBoundingClientRect();
  const ratio = window.devicePixelRatio || 1;
  const [wide, high] = [Math.round(width * ratio), Math.round(height * ratio)];
  if (canvas.width !== wide || canvas.height !== high) [canvas.width, canvas.height] = [wide, high];
  const context = canvas.getContext("2d");
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.direction = "ltr";
  return { context, width, height };
}

// From 0 to FULL bits; of what mixing saved, from FULL bits lost over 0 to FULL bits saved.
function drawLegend(canvas, scale, kind) {
  const { context, width, height } = opened2d(canvas);
  context.clearRect(0, 0, width, height);
  context.font = "11px system-ui, sans-serif";
  context.textBaseline = "bottom";
  context.textAlign = "center";
  const [left, room] = [22, width - 60];
  const both = kind === "saved";
  for (let x = 0; x < room; x++) {
    const place = both ? (2 * x) / room - 1 : x / room;
    const shade = Math.round((SHADES - 1) * Math.abs(place)) + (place < 0 ? SHADES : 0);
    context.fillStyle = fillOf(scale, kind, shade);
    context.fillRect(left + x, 2, 1, 14);
  }
  context.strokeStyle = scale.line;
  context.strokeRect(left - 0.5, 1.5, room + 1, 15);
  context.fillStyle = scale.ink;
  const ticks = both ? [-16, -4, -1, 0, 1, 4, 16] : TICKS;
  for (const bits of ticks) {
    const place = Math.sign(bits) * Math.sqrt(Math.abs(bits) / FULL);
    const x = left + room * (both ? (place + 1) / 2 : place);
    context.fillRect(x, 13, 1, 5);
    context.fillText(bits === FULL ? `${bits}+ bits` : `${bits}`.replace("-", "−"), x, height);
  }
}
