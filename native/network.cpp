#include "network.hpp"

#include <cstring>
#include <new>
#include <numeric>
#include <stdexcept>

namespace shazip {
namespace {

constexpr int64_t kBiasMax = 1 << 24;
constexpr int64_t kInt32Max = INT32_MAX;
constexpr int kShiftMax = 22;  // of a requantisation: its sums stay below 2**53

int round_up(int n, int unit) { return (n + unit - 1) / unit * unit; }

}  // namespace

void* Arena::bytes(size_t size) {
  const size_t rounded = (size + 63) / 64 * 64 + 64;
  void* piece = ::operator new(rounded, kAlignment);
  std::memset(piece, 0, rounded);
  pieces_.emplace_back(piece);
  size_ += rounded;
  return piece;
}

Network::Network(const Config& c, const Tensors& t, int threads, const std::string& variant)
    : choice_(choose_variant(variant)), pool_(std::make_shared<Pool>(threads)) {
  check_config(c);
  Model& m = model_;
  m.symbols = static_cast<int32_t>(c.symbols);
  m.width = static_cast<int32_t>(c.width);
  m.padded = round_up(m.width, kPadding);
  m.layers = static_cast<int32_t>(c.layers);
  m.attentions = static_cast<int32_t>(c.attention.size());
  m.window = static_cast<int32_t>(c.window);
  m.heads = static_cast<int32_t>(c.heads);
  m.head_width = m.width / m.heads;
  m.head_padded = round_up(m.head_width, 16);
  m.quads = round_up(m.window, 4 * kQuad) / kQuad;
  m.sigmoid = copy(t.int16("table.sigmoid", {2 * kGateHalf}, -32767, 32767), 2 * kGateHalf);
  m.tanh = copy(t.int16("table.tanh", {2 * kGateHalf}, -32767, 32767), 2 * kGateHalf);
  m.gelu = copy(t.int16("table.gelu", {2 * kGeluHalf}, -32768, 32767), 2 * kGeluHalf);
  m.exp_score = copy(t.int16("table.exp_score", {kScoreEntries}, 0, 32767), kScoreEntries);
  const int32_t most = kExponentialsMax / m.symbols;
  m.exp_logit = copy(t.int32("table.exp_logit", {kLogitEntries}, 0, most), kLogitEntries);
  // The sums of exponentials are divided by, so they must not be zero.
  if (m.exp_score[0] != 32767 || m.exp_logit[0] != most)
    throw std::invalid_argument("its exponentials do not begin with 1");
  if (m.exp_score[kScoreEntries - 1] || m.exp_logit[kLogitEntries - 1]) {
    throw std::invalid_argument("its exponentials do not end with 0");
  }
  for (int index = 0; index < m.layers; ++index) layers_.push_back(pack_layer(c, t, index));
  m.layer = layers_.data();
  const int32_t* activation = t.int32("output.activation_multiplier", {m.width}, 0, kInt32Max);
  m.activation_shift = t.scalar("output.activation_shift", 1, kShiftMax);
  check_product("output.activation", {activation}, m.width, kResidualMax, m.activation_shift);
  m.activation_multiplier = pad(activation);
  m.output = pack_linear(t, "output", m.symbols, 1);
  load_start(c, t);
}

template <typename T>
const T* Network::copy(const T* values, size_t count) {
  T* own = arena_.take<T>(count);
  std::memcpy(own, values, count * sizeof(T));
  return own;
}

const int32_t* Network::pad(const int32_t* values) {
  int32_t* own = arena_.take<int32_t>(static_cast<size_t>(model_.padded));
  std::memcpy(own, values, sizeof(int32_t) * static_cast<size_t>(model_.width));
  return own;
}

Norm Network::pack_norm(const Tensors& t, const std::string& name, bool residual) {
  const int16_t* scale = t.int16(name + ".scale", {model_.width}, -32767, 32767);
  int32_t* wide = arena_.take<int32_t>(static_cast<size_t>(model_.padded));
  for (int i = 0; i < model_.width; ++i) wide[i] = scale[i];
  const int32_t* bias = pad(t.int32(name + ".bias", {model_.width}, -(1 << 29), 1 << 29));
  return {wide, bias, residual ? 11 : t.scalar(name + ".shift", 1, 24)};
}

// `weight` (groups * channels, width); bias may be null.
Product Network::pack_rows(const int8_t* weight, const int32_t* multiplier, const int32_t* bias,
                           int shift, int rows, int groups) {
  const Variant& v = variant();
  Product p{};
  const int units = v.rows / std::gcd(v.rows, groups);  // vectors of channels in a tile
  const int channels = rows / groups;
  p.shift = shift;
  p.groups = groups;
  p.inputs = model_.padded;
  p.vectors = units * groups;
  p.channels = units * v.lanes;
  p.tiles = round_up(channels, kPadding) / p.channels;
  const size_t packed_rows = static_cast<size_t>(p.tiles) * p.vectors * v.lanes;
  int8_t* weights = arena_.take<int8_t>(packed_rows * p.inputs);
  int32_t* origin = arena_.take<int32_t>(packed_rows);
  int32_t* scales = arena_.take<int32_t>(packed_rows);
  int64_t* biases = arena_.take<int64_t>(packed_rows);
  for (size_t row = 0; row < packed_rows; ++row) {
    const int lane = static_cast<int>(row % v.lanes),
              vector = static_cast<int>(row / v.lanes % p.vectors);
    const int tile = static_cast<int>(row / v.lanes / p.vectors);
    const int channel = (tile * units + vector / groups) * v.lanes + lane;
    const size_t wide = row - lane + v.wide_position(lane);
    biases[wide] = int64_t{1} << (shift - 1);
    if (channel >= channels) continue;
    const size_t source = static_cast<size_t>(vector % groups) * channels + channel;
    scales[row] = multiplier[source];
    if (bias) biases[wide] += bias[source] * (int64_t{1} << (shift - 3));
    // Vectors that are multiplied at once lie interleaved, input group by input group.
    int8_t* block =
        weights + (row / v.lanes / v.rows) * v.rows * v.lanes * static_cast<size_t>(p.inputs);
    const int at = (vector % v.rows * v.lanes + lane) * v.step;
    int32_t sum = 0;
    for (int k = 0; k < model_.width; ++k) {
      const int8_t w = weight[source * model_.width + k];
      block[static_cast<size_t>(k / v.step) * v.rows * v.lanes * v.step + at + k % v.step] = w;
      sum += w;
    }
    origin[row] = v.offset ? -128 * sum : 0;
  }
  p.weights = weights;
  p.origin = origin;
  p.multiplier = scales;
  p.bias = biases;
  return p;
}

Product Network::pack_linear(const Tensors& t, const std::string& name, int rows, int groups) {
  const int8_t* weight = t.int8(name + ".weight", {rows, model_.width});
  const int32_t* multiplier = t.int32(name + ".multiplier", {rows}, 0, kInt32Max);
  const int32_t* bias = t.int32(name + ".bias", {rows}, -kBiasMax, kBiasMax);
  const int shift = t.scalar(name + ".shift", 3, kShiftMax);
  check_product(name, {multiplier}, rows, square(), shift);
  return pack_rows(weight, multiplier, bias, shift, rows, groups);
}

const int16_t* Network::pack_input(const Product& p, const int16_t* input) {
  const Variant& v = variant();
  const size_t rows = static_cast<size_t>(p.tiles) * p.vectors * v.lanes;
  int16_t* packed = arena_.take<int16_t>(model_.symbols * rows);
  for (size_t row = 0; row < rows; ++row) {
    const int vector = static_cast<int>(row / v.lanes % p.vectors);
    const int channel = static_cast<int>(row / v.lanes / p.vectors * p.channels +
                                         vector / 4 * v.lanes + row % v.lanes);
    if (channel >= model_.width) continue;
    for (int symbol = 0; symbol < model_.symbols; ++symbol) {
      packed[symbol * rows + row] = input[(symbol * 4 + vector % 4) * model_.width + channel];
    }
  }
  return packed;
}

void Network::pack_lstm(const Tensors& t, const std::string& at, int index, Layer& layer) {
  const int width = model_.width, rows = 4 * width;
  const int shift = t.scalar(at + "gates.shift", 3, kShiftMax);
  const int32_t* bias = index ? t.int32(at + "gates.bias", {rows}, -kBiasMax, kBiasMax) : nullptr;
  const int8_t* hidden = t.int8(at + "lstm_hidden.weight", {rows, width});
  const int32_t* scale = t.int32(at + "lstm_hidden.multiplier", {rows}, 0, kInt32Max);
  layer.lstm_hidden = pack_rows(hidden, scale, bias, shift, rows, 4);
  if (index == 0) {
    check_product(at + "lstm_hidden", {scale}, rows, square(), shift);
    layer.input =
        pack_input(layer.lstm_hidden, t.int16(at + "input", {model_.symbols, rows}, -32768, 32767));
    return;
  }
  layer.lstm_norm = pack_norm(t, at + "lstm_norm", false);
  const int8_t* input = t.int8(at + "lstm_input.weight", {rows, width});
  const int32_t* input_scale = t.int32(at + "lstm_input.multiplier", {rows}, 0, kInt32Max);
  check_product(at + "lstm_input", {input_scale, scale}, rows, square(), shift);
  layer.lstm_input = pack_rows(input, input_scale, nullptr, shift, rows, 4);
}

void Network::pack_attention(const Config& c, const Tensors& t, const std::string& at,
                             Layer& layer) {
  const int width = model_.width;
  layer.memory_norm = pack_norm(t, at + "memory_norm", false);
  layer.query_norm8 = pack_norm(t, at + "query_norm8", false);
  layer.query_norm = pack_norm(t, at + "query_norm", true);
  layer.focus_norm = pack_norm(t, at + "focus_norm", false);
  layer.query = pack_linear(t, at + "query", width, 1);
  layer.score_multiplier = t.scalar(at + "score.multiplier", 0, 1 << 25);
  layer.score_shift = t.scalar(at + "score.shift", 1, kShiftMax);
  // The least difference that gives kScoreEntries - 1: all greater ones give no other result.
  const int64_t wanted =
      (int64_t{kScoreEntries - 1} << layer.score_shift) - (int64_t{1} << (layer.score_shift - 1));
  const int64_t m = layer.score_multiplier;
  const int64_t most = m ? (wanted + m - 1) / m : kInt32Max;
  layer.score_most = static_cast<int32_t>(most < kInt32Max ? most : kInt32Max);
  const int64_t mixed = kOperandMax * ((1 << 14) + c.window / 2);
  layer.value_shift = t.scalar(at + "value.shift", 1, kShiftMax);
  const int32_t* value = t.int32(at + "value.multiplier", {width}, -kInt32Max, kInt32Max);
  check_product(at + "value", {value}, width, mixed, layer.value_shift);
  layer.value_multiplier = pad(value);
}

Layer Network::pack_layer(const Config& c, const Tensors& t, int index) {
  const std::string at = "layers." + std::to_string(index) + ".";
  Layer layer{};
  pack_lstm(t, at, index, layer);
  layer.attention = -1;
  for (size_t i = 0; i < c.attention.size(); ++i) {
    if (c.attention[i] == index) layer.attention = static_cast<int32_t>(i);
  }
  if (layer.attention >= 0) pack_attention(c, t, at, layer);
  layer.boom_norm = pack_norm(t, at + "boom_norm", false);
  layer.skip_norm = pack_norm(t, at + "skip_norm", true);
  layer.boom = pack_linear(t, at + "boom", static_cast<int>(c.boom_width),
                           static_cast<int>(c.boom_width / c.width));
  return layer;
}

void Network::load_start(const Config& c, const Tensors& t) {
  start_.symbol = t.symbol("start.symbol", c.symbols);
  const int64_t entries = t.length("start.memory", 1);
  if (entries < 0 || entries > 64 || entries >= c.window) {
    throw std::invalid_argument("its start state has " + std::to_string(entries) +
                                " memory vectors");
  }
  start_.entries = static_cast<int32_t>(entries);
  const auto state = static_cast<size_t>(c.layers * c.width);
  const int8_t* hidden = t.int8("start.hidden", {c.layers, c.width});
  const int32_t* cell = t.int32("start.cell", {c.layers, c.width}, -kCellMax, kCellMax);
  const auto attentions = static_cast<int64_t>(c.attention.size());
  const int8_t* memory = t.int8("start.memory", {attentions, entries, c.width});
  start_.hidden.assign(hidden, hidden + state);
  start_.cell.assign(cell, cell + state);
  start_.memory.assign(memory, memory + attentions * entries * c.width);
}

}  // namespace shazip
