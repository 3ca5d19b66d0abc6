#include "mixing.hpp"

#include <atomic>

namespace shazip::mixing {
namespace {

constexpr int kDepths = 8;
constexpr uint32_t kTotal = 1u << 24;
// Below this mass a subtree keeps the network's proportions: contexts would move next to nothing there, at full cost.
constexpr uint32_t kWorthMixing = 1u << 14;
constexpr int kApmShare = 5;  // of 16: what each of the two last APMs contributes to the probability
constexpr int kRegionBits = 3;  // at most 8 regions
constexpr uint8_t kNoSlot[kSlot] = {};

// Each context has a 16th of 2**table_bits bytes.
size_t tables_size(int table_bits) { return size_t{kContexts} << (table_bits - 4); }

int depth_of(int node) { return floor_log2(static_cast<uint32_t>(node)); }

// The node's number within its nibble's tree, 1..15.
int nibble_node(int node, int depth) { return depth < 4 ? node : (1 << (depth - 4)) | (node & ((1 << (depth - 4)) - 1)); }

// sums[n] is the mass below node n; leaves are 256..511.
void sum_tree(const uint32_t* freqs, uint32_t* sums) {
  std::copy(freqs, freqs + kNodes, sums + kNodes);
  for (int node = kNodes - 1; node >= 1; --node) sums[node] = sums[2 * node] + sums[2 * node + 1];
}

// The mass of the 1-branch: each of the `half` leaves on both sides gets at least 1.
uint32_t share(uint32_t mass, uint32_t half, int probability) {
  return half + static_cast<uint32_t>((uint64_t{mass - 2 * half} * static_cast<uint32_t>(probability)) >> 16);
}

// Splits `mass` over `leaves` leaves in the network's proportions; what rounding leaves over goes to the first.
void keep_proportions(const uint32_t* freqs, uint32_t sum, uint32_t mass, int leaves, uint32_t* mixed) {
  const uint64_t scale = (uint64_t{mass - leaves} << 36) / sum;  // freqs[i] <= sum, so products stay below 2**60
  uint32_t given = 0;
  for (int i = 0; i < leaves; ++i) given += mixed[i] = 1 + static_cast<uint32_t>((freqs[i] * scale) >> 36);
  mixed[0] += mass - given;
}

// How sure the network is of a bit, 0..7.
int certainty(int stretched) {
  constexpr int kBounds[7] = {64, 192, 384, 640, 1024, 1500, 2100};
  const int distance = std::abs(stretched);
  int level = 0;
  while (level < 7 && distance >= kBounds[level]) ++level;
  return level;
}

// Learning rates, step 2**-18. They fall with the live lanes, which all move the same weights from the same predictions: with
// one rate for all, 1024 lanes learn badly and 4096 diverge.
int rate_for(int live, int base) { return base * 32 / (32 + live); }

// The weights' rate before that: quick while a frame is young, slower once it has settled.
int base_rate(uint64_t seen) { return 400 + static_cast<int>((600 << 15) / ((1 << 15) + seen)); }

}  // namespace

// What predictions of one lane read.
struct Mixer::View {
  const Lane& lane;
  uint32_t sums[2 * kNodes];
  const uint8_t* slots[kContexts];
  uint32_t order_two;  // hash of the last two symbols
  int class_row;       // classes of the last two symbols, 0..255

  View(const Lane& lane_, const uint32_t* freqs) : lane(lane_) {
    sum_tree(freqs, sums);
    order_two = static_cast<uint32_t>(scramble(lane.symbols & 0xffff) >> 20);
    class_row = static_cast<int>(lane.classes & 0xff);
  }
};

Mixer::Mixer(int lanes, int table_bits, int history_bits, const Start& start, int threads)
    : learned_(start),
      memory_(zeroed<uint8_t>(tables_size(table_bits) + kBucket)),
      history_(lanes, history_bits),
      lanes_(lanes),
      freqs_(static_cast<size_t>(lanes) * kNodes),
      paths_(lanes),
      pool_(threads > 1 ? new Pool(threads) : nullptr) {
  const auto address = reinterpret_cast<uintptr_t>(memory_.get());
  uint8_t* first = memory_.get() + (kBucket - address % kBucket) % kBucket;
  const int bits = table_bits - 4;
  for (int i = 0; i < kContexts; ++i) slots_[i].open(first + (static_cast<size_t>(i) << bits), bits);
  match_models_.emplace_back(12, history_bits);
  match_models_.emplace_back(5, history_bits);
  int lane_bits = 0;
  while ((1 << lane_bits) < lanes) ++lane_bits;
  for (int lane = 0; lane < lanes; ++lane) lanes_[lane].region = static_cast<uint32_t>(lane) >> std::max(lane_bits - kRegionBits, 0);
  for (int lane = 0; lane < lanes; ++lane) set_contexts(lanes_[lane], history_, static_cast<uint32_t>(lane));
}

size_t Mixer::size(int lanes, int table_bits, int history_bits) {
  const auto n = static_cast<size_t>(lanes);
  size_t ring = size_t{1} << history_bits;
  while (ring < 2 * n) ring *= 2;
  const size_t matches = kMatches * (size_t{1} << history_bits);
  return tables_size(table_bits) + ring + matches + n * (sizeof(Lane) + sizeof(Path) + 4 * kNodes) + Learned::size() + sizeof(Mixer);
}

template <typename Job>
void Mixer::in_parallel(int count, int live, Job job) const {
  if (!pool_ || live < 4) {
    for (int i = 0; i < count; ++i) job(i);
    return;
  }
  struct Shared {
    std::atomic<int> next{0};
    int count;
    Job& job;
  } shared{{0}, count, job};
  const auto work = [](void* context, int) {
    auto& mine = *static_cast<Shared*>(context);
    for (int i; (i = mine.next.fetch_add(1, std::memory_order_relaxed)) < mine.count;) mine.job(i);
  };
  pool_->run(std::min(pool_->threads(), count), work, &shared);
}

void Mixer::mix(const uint32_t* freqs, int live, uint32_t* mixed) {
  std::copy(freqs, freqs + static_cast<size_t>(live) * kNodes, freqs_.begin());
  in_parallel(live, live, [&](int lane) { mix_lane(lane, mixed + static_cast<size_t>(lane) * kNodes); });
}

void Mixer::mix_lane(int lane, uint32_t* mixed) const {
  View view(lanes_[lane], &freqs_[static_cast<size_t>(lane) * kNodes]);
  uint32_t masses[2 * kNodes];
  Node scratch;
  masses[1] = kTotal;
  look_up(view, 0);
  for (int node = 1; node < 16; ++node) split(view, node, masses, mixed, scratch);
  for (int first = 0; first < 16; ++first) {
    if (masses[16 + first] >= kWorthMixing) prefetch(view.lane, 1 + first);
  }
  for (int first = 0; first < 16; ++first) {
    if (masses[16 + first] >= kWorthMixing) look_up(view, 1 + first);
    for (int depth = 0; depth < 4; ++depth) {
      for (int i = 0; i < 1 << depth; ++i) split(view, ((16 + first) << depth) + i, masses, mixed, scratch);
    }
  }
  for (int symbol = 0; symbol < kNodes; ++symbol) {
    if (masses[kNodes + symbol] != 0) mixed[symbol] = masses[kNodes + symbol];
  }
}

// Splits a node's mass between its children. A mass of 0 marks a node whose leaves have been served.
void Mixer::split(const View& view, int node, uint32_t* masses, uint32_t* mixed, Node& scratch) const {
  const uint32_t mass = masses[node];
  const int leaves = kNodes >> depth_of(node);
  masses[2 * node] = masses[2 * node + 1] = 0;
  if (mass == 0) return;
  if (mass < kWorthMixing) {
    const int first = node * leaves - kNodes;
    return keep_proportions(view.sums + kNodes + first, view.sums[node], mass, leaves, mixed + first);
  }
  predict(view, node, scratch);
  masses[2 * node + 1] = share(mass, leaves / 2, scratch.probability);
  masses[2 * node] = mass - masses[2 * node + 1];
}

void Mixer::prefetch(const Lane& lane, int nibble) const {
  for (int i = 0; i < kContexts; ++i) slots_[i].place(lane.contexts[i], nibble).prefetch();
}

void Mixer::look_up(View& view, int nibble) const {
  for (int i = 0; i < kContexts; ++i) view.slots[i] = slots_[i].place(view.lane.contexts[i], nibble).find(kNoSlot);
}

// The probability of a 1 at a node, and all that it was made of.
void Mixer::predict(const View& view, int node, Node& out) const {
  const int depth = depth_of(node);
  const auto previous = static_cast<uint32_t>(view.lane.symbols & 0xff);
  const uint32_t order_one_row = (previous << 8) | static_cast<uint32_t>(node);
  const uint32_t order_two_row = (view.order_two ^ ((static_cast<uint32_t>(node) * 0x9E3779B1u) >> 9)) & 0xffff;
  learned_.prefetch(kOfOrderOne, order_one_row);
  learned_.prefetch(kOfOrderTwo, order_two_row);
  const Tables& tables = learned_.tables();
  const int network = tables.ratio(view.sums[2 * node + 1], view.sums[2 * node]);
  std::fill(out.inputs, out.inputs + kInputs, int16_t{0});
  out.inputs[kBias] = 256;
  out.inputs[kNetwork] = static_cast<int16_t>(network);
  out.inputs[kNetworkConfidence] = static_cast<int16_t>((tables.squashed(network) - kOne / 2) >> 5);
  out.inputs[kNetworkRefined] = tables.stretch[learned_.refine(kOfNetwork, static_cast<uint32_t>(node), network, out) >> 4];
  set_match_inputs(view, node, depth, out);
  const int known = set_history_inputs(view, node, depth, out);
  out.rows[0] = kSetFirst[0] + node;
  out.rows[1] += known;
  out.rows[2] = kSetFirst[2] + static_cast<int>(previous);
  out.rows[3] = kSetFirst[3] + (certainty(network) * 8 + depth) * 4 + std::min(known / 2, 3);
  out.rows[4] = kSetFirst[4] + view.class_row * 8 + depth;
  out.final_row = node;
  learned_.mix(out);
  const int mixed = tables.squashed(out.final_output);
  const int one = learned_.refine(kOfOrderOne, order_one_row, out.final_output, out);
  const int two = learned_.refine(kOfOrderTwo, order_two_row, out.final_output, out);
  out.probability = clamp((mixed * (16 - 2 * kApmShare) + one * kApmShare + two * kApmShare) >> 4, 1, kOne - 1);
}

void Mixer::set_match_inputs(const View& view, int node, int depth, Node& out) const {
  int strength = 0;
  for (int i = 0; i < kMatches; ++i) {
    const Match& match = view.lane.matches[i];
    const int expected = match.expected | 256;
    if (!match.active || expected >> (8 - depth) != node) continue;
    const Pair pair = learned_.match(i, match.cell());
    const int sign = (expected >> (7 - depth)) & 1 ? 1 : -1;
    out.inputs[kMatchInputs + 2 * i] = static_cast<int16_t>(sign * pair.stretched);
    out.inputs[kMatchInputs + 2 * i + 1] = static_cast<int16_t>(sign * pair.confidence);
    if (i == 0) strength = match.strength();
    else if (strength == 0) strength = match.length >= kReplaceable ? 9 : 8;
  }
  out.rows[1] = kSetFirst[1] + strength * 8;
}

// Returns how many of the orders 1, 2, 3, 4, 6 and 7 have seen something at this node.
int Mixer::set_history_inputs(const View& view, int node, int depth, Node& out) const {
  const int place = nibble_node(node, depth);
  int known = 0;
  for (int i = 0; i <= kContexts; ++i) {
    const uint8_t state = i < kContexts ? view.slots[i][place] : order_zero_[node];
    const Pair pair = learned_.history(i, state);
    const int at = i < kContexts ? kContextInputs + 2 * i : kOrderZeroInputs;
    out.inputs[at] = pair.stretched;
    out.inputs[at + 1] = pair.confidence;
    if (i < kContexts && learned_.certain(state)) out.inputs[kCertainInputs + i] = pair.stretched;
    known += i < 6 && state != 0;
  }
  return known;
}

void Mixer::update(const uint8_t* column, int live) {
  in_parallel(live, live, [&](int lane) { retrace(lane, column[lane]); });
  in_parallel(kContexts + 3, live, [&](int task) {
    if (task == 0) return learn(column, live);
    if (task <= kContexts) return remember(task - 1, column, live);
    if (task == kContexts + 1) return remember_order_zero(column, live);
    judge_matches(column, live);
  });
  advance_lanes(column, live);
  seen_ += static_cast<uint64_t>(live);
}

// Predicts once more the nodes that lead to the symbol; nothing has changed since `mix`.
void Mixer::retrace(int lane, uint8_t symbol) {
  View view(lanes_[lane], &freqs_[static_cast<size_t>(lane) * kNodes]);
  Path& path = paths_[lane];
  path.count = 0;
  path.symbol = symbol;
  uint32_t mass = kTotal;
  for (int depth = 0; depth < kDepths && mass >= kWorthMixing; ++depth) {
    const int node = (symbol | 256) >> (8 - depth);
    if (depth % 4 == 0) look_up(view, depth == 0 ? 0 : 1 + (symbol >> 4));
    Node& out = path.nodes[path.count++];
    predict(view, node, out);
    const uint32_t one = share(mass, 128u >> depth, out.probability);
    mass = (symbol >> (7 - depth)) & 1 ? one : mass - one;
  }
}

void Mixer::learn(const uint8_t*, int live) {
  const int rate = rate_for(live, base_rate(seen_)), final_rate = rate_for(live, 200);
  for (int lane = 0; lane < live; ++lane) {
    const Path& path = paths_[lane];
    for (int depth = 0; depth < path.count; ++depth) {
      learned_.train(path.nodes[depth], (path.symbol >> (7 - depth)) & 1, rate, final_rate);
    }
  }
}

void Mixer::remember(int context, const uint8_t* column, int live) {
  for (int lane = 0; lane < live; ++lane) {
    const uint8_t symbol = column[lane];
    uint8_t* slot = nullptr;
    for (int depth = 0; depth < kDepths; ++depth) {
      if (depth % 4 == 0) slot = slots_[context].place(lanes_[lane].contexts[context], depth == 0 ? 0 : 1 + (symbol >> 4)).claim();
      uint8_t& state = slot[nibble_node((symbol | 256) >> (8 - depth), depth)];
      const int bit = (symbol >> (7 - depth)) & 1;
      learned_.update_history(context, state, bit);
      state = learned_.next(state, bit);
    }
  }
}

void Mixer::remember_order_zero(const uint8_t* column, int live) {
  for (int lane = 0; lane < live; ++lane) {
    for (int depth = 0; depth < kDepths; ++depth) {
      uint8_t& state = order_zero_[(column[lane] | 256) >> (8 - depth)];
      const int bit = (column[lane] >> (7 - depth)) & 1;
      learned_.update_history(kContexts, state, bit);
      state = learned_.next(state, bit);
    }
  }
}

// The expected symbol's bits count until the first wrong one.
void Mixer::judge_matches(const uint8_t* column, int live) {
  for (int lane = 0; lane < live; ++lane) {
    for (int i = 0; i < kMatches; ++i) {
      const Match& match = lanes_[lane].matches[i];
      if (!match.active) continue;
      bool hit = true;
      for (int bit = 7; bit >= 0 && hit; --bit) {
        hit = (match.expected >> bit) == (column[lane] >> bit);
        learned_.update_match(i, match.cell(), hit);
      }
    }
  }
}

void Mixer::advance_lanes(const uint8_t* column, int live) {
  for (int lane = 0; lane < live; ++lane) {
    history_.put(history_.place(static_cast<uint32_t>(lane), lanes_[lane].count), column[lane]);
    advance(lanes_[lane], column[lane]);
  }
  const auto is_head = [&](uint32_t place) {
    const uint32_t lane = history_.lane(place);
    return place == history_.place(lane, lanes_[lane].count);
  };
  for (int lane = 0; lane < live; ++lane) {
    Lane& l = lanes_[lane];
    const uint32_t next = history_.place(static_cast<uint32_t>(lane), l.count);
    // A long match may come from anywhere, a short one is worth more from nearby.
    match_models_[0].update(l.matches[0], history_, next, l.count, column[lane], 0, is_head);
    match_models_[1].update(l.matches[1], history_, next, l.count, column[lane], salt(l), is_head);
    set_contexts(l, history_, static_cast<uint32_t>(lane));
    prefetch(l, 0);
  }
}

}  // namespace shazip::mixing
