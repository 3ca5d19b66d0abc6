// The predictions of a half: its mass is split down its tree.
#include <algorithm>
#include <cstdlib>

#include "mixer.hpp"

namespace shazip::mixing {
namespace {

constexpr uint32_t kTotal = 1u << 24;
// Below this mass a subtree keeps the network's proportions: contexts would move next to nothing
// there, at full cost.
constexpr uint32_t kWorthMixing = 1u << 16;
constexpr int kLeastError = 256;  // of a probability of 16 bits
constexpr int kApmShare =
    5;  // of 16: what each of the two last APMs contributes to the probability

// The mass of the 1-branch: each of the `half` leaves on both sides gets at least 1.
uint32_t share(uint32_t mass, uint32_t half, int probability) {
  return half + static_cast<uint32_t>(
                    (uint64_t{mass - 2 * half} * static_cast<uint32_t>(probability)) >> 16);
}

// Splits `mass` over `leaves` leaves in the network's proportions; what rounding leaves over goes
// to the first.
void keep_proportions(const uint32_t* freqs, uint32_t sum, uint32_t mass, int leaves,
                      uint32_t* mixed) {
  const uint64_t scale =
      (uint64_t{mass - leaves} << 36) / sum;  // freqs[i] <= sum, so products stay below 2**60
  uint32_t given = 0;
  for (int i = 0; i < leaves; ++i)
    given += mixed[i] = 1 + static_cast<uint32_t>((freqs[i] * scale) >> 36);
  mixed[0] += mass - given;
}

// How sure the network is, and of which bit: 0..7. Without branches: they would be mispredicted.
int level_of(int stretched) {
  const int distance = std::abs(stretched);
  const int sure = (distance >= 192) + (distance >= 640) + (distance >= 1500);
  return stretched < 0 ? 3 - sure : 4 + sure;
}

}  // namespace

// Level by level: neighbours do not wait for each other.
void Mixer::mix(const Tree& tree, Half& half, uint32_t* mixed) const {
  for (int i = 0; i < learned_.shape().contexts(); ++i) half.places[i].copy(half.slots[i]);
  int queue[kMostBranches] = {1};
  int queued = 1;
  half.masses[1] = kTotal;
  for (int i = 0; i < queued; ++i) {
    const int node = queue[i];
    predict(tree, half, node);
    const uint32_t mass = half.masses[node];
    const uint32_t one =
        share(mass, half.branches() / 2 >> depth_of(node), half.nodes[node].probability);
    queue[queued] = 2 * node;
    queued += serve(tree, half, 2 * node, mass - one, mixed);
    queue[queued] = 2 * node + 1;
    queued += serve(tree, half, 2 * node + 1, one, mixed);
  }
}

// Gives a mass to a node: true if the node will split it, false if its leaves have got it.
bool Mixer::serve(const Tree& tree, Half& half, int node, uint32_t mass, uint32_t* mixed) const {
  if (node >= half.branches()) {
    mixed[node - half.branches()] = mass;
    return false;
  }
  half.masses[node] = mass;
  if (mass >= kWorthMixing) {
    const int whole = half.whole(node);
    learned_.prefetch(kOfOrderOne, tree.order_one_row(whole));
    learned_.prefetch(kOfOrderTwo, tree.order_two_row(whole));
    return true;
  }
  const int leaves = half.branches() >> depth_of(node), first = node * leaves;
  keep_proportions(half.sums + first, half.sums[node], mass, leaves,
                   mixed + first - half.branches());
  return false;
}

// The probability of a 1 at a node, and all that it was made of.
void Mixer::predict(const Tree& tree, Half& half, int node) const {
  Node& out = half.nodes[node];
  const Lane& lane = *tree.lane;
  const Shape& shape = learned_.shape();
  const int whole = half.whole(node), depth = half.depth + depth_of(node);
  set_network_inputs(half, node, whole, out);
  const int strength = set_match_inputs(lane, whole, depth, out);
  const int known = set_history_inputs(half, node, whole, out);
  out.rows[kByNode] = shape.set_first(kByNode) + whole;
  out.rows[kByMatch] = shape.set_first(kByMatch) + strength * 8 + known;
  out.rows[kByLast] = shape.set_first(kByLast) + static_cast<int>(lane.bytes & 0xff);
  out.rows[kByClasses] = shape.set_first(kByClasses) + tree.class_row * 8 + shape.depth_row(depth);
  for (int set = kFirstHashed; set < shape.sets(); ++set)
    out.rows[set] = shape.set_first(set) + tree.hashed_rows[set - kFirstHashed];
  out.final_rows[kFinalByNode] = whole;
  out.final_rows[kFinalByOrderTwo] =
      shape.final_first(kFinalByOrderTwo) + static_cast<int>(tree.order_two % kHashRows);
  learned_.mix(out);
  out.probability = refined(tree, whole, out);
}

void Mixer::set_network_inputs(const Half& half, int node, int whole, Node& out) const {
  const Tables& tables = learned_.tables();
  const int network = tables.ratio(half.sums[2 * node + 1], half.sums[2 * node]);
  out.level = level_of(network);
  out.inputs[kBias] = 256;
  out.inputs[kNetwork] = static_cast<int16_t>(network);
  out.inputs[kNetworkConfidence] = static_cast<int16_t>((tables.squashed(network) - kOne / 2) >> 5);
  out.inputs[kNetworkRefined] =
      tables.stretch[learned_.refine(kOfNetwork, static_cast<uint32_t>(whole), network, out) >> 4];
}

// Returns which matches expect a bit here: 0 none, 1-7 the long one, 8-9 the short one alone.
int Mixer::set_match_inputs(const Lane& lane, int whole, int depth, Node& out) const {
  int strength = 0;
  const int bits = learned_.shape().bits();
  std::fill(out.inputs + kMatchInputs, out.inputs + kOrderZeroInputs, int16_t{0});
  for (int i = 0; i < kMatches; ++i) {
    const Match& match = lane.matches[i];
    const int expected = match.expected | (1 << bits);
    if (!match.active || expected >> (bits - depth) != whole) continue;
    const Adaptive& trust = learned_.match(i, match.cell());
    const int sign = (expected >> (bits - 1 - depth)) & 1 ? 1 : -1;
    out.inputs[kMatchInputs + 2 * i] =
        static_cast<int16_t>(sign * trust.stretched(learned_.tables()));
    out.inputs[kMatchInputs + 2 * i + 1] = static_cast<int16_t>(sign * trust.confidence());
    if (i == kLongMatch)
      strength = match.strength();
    else if (strength == 0)
      strength = match.length >= kReplaceable ? 9 : 8;
  }
  return strength;
}

// Returns how many of the contexts of last symbols have seen something at this node.
int Mixer::set_history_inputs(const Half& half, int node, int whole, Node& out) const {
  const int contexts = learned_.shape().contexts();
  int16_t* certain = out.inputs + learned_.shape().certain_inputs();
  uint8_t states[kMostContexts];
  for (int i = 0; i < contexts; ++i) {
    states[i] = half.slots[i][node];
    const int16_t stretched = learned_.stretched(i, states[i]);
    out.inputs[kContextInputs + 2 * i] = stretched;
    out.inputs[kContextInputs + 2 * i + 1] = learned_.correction(i, states[i], out.level);
    certain[i] = stretched & learned_.certain(states[i]);
  }
  const uint8_t zero = order_zero_[whole];
  out.inputs[kOrderZeroInputs] = learned_.stretched(contexts, zero);
  out.inputs[kOrderZeroInputs + 1] = static_cast<int16_t>(learned_.confidence(contexts, zero));
  std::fill(certain + contexts, out.inputs + learned_.shape().inputs(), int16_t{0});
  int known = 0;
  for (int i = 0; i < kOrders; ++i) known += states[i] != 0;
  return known;
}

// The mixed probability, refined by the last two APMs.
int Mixer::refined(const Tree& tree, int whole, Node& out) const {
  const int mixed = learned_.tables().squashed(out.final_output);
  const int one = learned_.refine(kOfOrderOne, tree.order_one_row(whole), out.final_output, out);
  const int two = learned_.refine(kOfOrderTwo, tree.order_two_row(whole), out.final_output, out);
  return clamp((mixed * (16 - 2 * kApmShare) + one * kApmShare + two * kApmShare) >> 4, 1,
               kOne - 1);
}

// A bit that was hardly missed teaches next to nothing, and most bits are missed by less.
void Mixer::take_lessons(int lane, int symbol) {
  Tree& tree = trees_[lane];
  tree.lesson_count = 0;
  for (int i = 0; i < kHalves; ++i) {
    const Half& half = tree.halves[i];
    const int value = learned_.shape().value(i, symbol);
    bool mixed = true;
    for (int level = 0; level < half.bits; ++level) {
      const int node = half.on_way(value, level), bit = half.bit(value, level);
      const int depth = half.depth + level;
      tree.way[depth] = static_cast<uint8_t>(node);
      tree.bits[depth] = static_cast<uint8_t>(bit);
      mixed = mixed && (level == 0 || half.masses[node] >= kWorthMixing);
      if (!mixed) continue;
      tree.lessons[tree.lesson_count] = {&half.nodes[node], depth, bit};
      const int error = (bit << 16) - half.nodes[node].probability;
      tree.lesson_count += std::abs(error) >= kLeastError;
    }
  }
}

}  // namespace shazip::mixing
