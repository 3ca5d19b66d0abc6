#include "mixer.hpp"

#include <atomic>
#include <cstring>

namespace shazip::mixing {
namespace {

constexpr int kDepths = 8;
constexpr uint32_t kTotal = 1u << 24;
// Below this mass a subtree keeps the network's proportions: contexts would move next to nothing
// there, at full cost.
constexpr uint32_t kWorthMixing = 1u << 16;
constexpr int kApmShare =
    5;  // of 16: what each of the two last APMs contributes to the probability
constexpr int kRegionBits = 3;         // at most 8 regions
constexpr int kLanesWorthThreads = 4;  // with fewer, waking threads costs more than they save
constexpr int kMaxThreads = 16;        // of the pool's: with more, each has too little to do

// Each context has a 16th of 2**table_bits bytes.
size_t tables_size(int table_bits) { return size_t{kContexts} << (table_bits - 4); }

int depth_of(int node) { return floor_log2(static_cast<uint32_t>(node)); }

// The node's number within its nibble's tree, 1..15.
int nibble_node(int node, int depth) {
  return depth < 4 ? node : (1 << (depth - 4)) | (node & ((1 << (depth - 4)) - 1));
}

// sums[n] is the mass below node n; leaves are 256..511.
void sum_tree(const uint32_t* freqs, uint32_t* sums) {
  std::copy(freqs, freqs + kNodes, sums + kNodes);
  for (int node = kNodes - 1; node >= 1; --node) sums[node] = sums[2 * node] + sums[2 * node + 1];
}

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

// Learning rates, step 2**-18. They fall with the live lanes, which all move the same weights from
// the same predictions: with one rate for all, 1024 lanes learn badly and 4096 diverge.
int rate_for(int live, int base) { return base * 32 / (32 + live); }

// The weights' rate before that: quick while a frame is young, slower once it has settled.
int base_rate(uint64_t seen) { return 400 + static_cast<int>((600 << 15) / ((1 << 15) + seen)); }

}  // namespace

// One lane's next byte: what predictions read, and all predictions, which `update` learns from.
struct Mixer::Tree {
  const Lane* lane;
  uint32_t order_two;                     // hash of the last two symbols
  int class_row;                          // classes of the last two symbols, 0..255
  int hashed_rows[kSets - kFirstHashed];  // by the line's first word, and by classes of the last
                                          // four symbols
  uint32_t sums[2 * kNodes];              // of the network's frequencies
  uint32_t masses[kNodes];                // mixed, of nodes that got one
  uint8_t slots[kContexts][kSlot];
  int count;               // of the mixed nodes
  uint8_t places[kNodes];  // of these nodes below
  int way_length;          // how many bits of the symbol that came were mixed
  uint8_t way[kDepths];    // places of these bits' nodes
  Node nodes[kNodes];      // as they were predicted: few, so that the rest is never touched

  void open(const Lane& lane_, const uint32_t* freqs) {
    lane = &lane_;
    order_two = static_cast<uint32_t>(scramble(lane->symbols & 0xffff) >> 20);
    class_row = static_cast<int>(lane->classes & 0xff);
    hashed_rows[0] = row_of(lane->first_word);
    hashed_rows[1] = row_of(static_cast<uint32_t>(lane->classes & 0xffff));
    sum_tree(freqs, sums);
    std::fill(masses + 16, masses + 32, 0u);
    count = 0;
  }
  // One of 2048 rows.
  static int row_of(uint32_t value) { return static_cast<int>((value * 0x9E3779B1u) >> 21); }
  uint32_t order_one_row(int node) const {
    return static_cast<uint32_t>((lane->symbols & 0xff) << 8) | static_cast<uint32_t>(node);
  }
  uint32_t order_two_row(int node) const {
    return (order_two ^ ((static_cast<uint32_t>(node) * 0x9E3779B1u) >> 9)) & 0xffff;
  }
};

Mixer::Mixer(int lanes, int table_bits, int history_bits, const Start& start,
             std::shared_ptr<Pool> pool)
    : learned_(start),
      memory_(zeroed<uint8_t>(tables_size(table_bits))),
      history_(lanes, history_bits),
      lanes_(lanes),
      trees_(zeroed<Tree>(static_cast<size_t>(lanes))),
      pool_(std::move(pool)) {
  const int bits = table_bits - 4;
  for (int i = 0; i < kContexts; ++i)
    slots_[i].open(memory_.get() + (static_cast<size_t>(i) << bits), bits);
  match_models_.emplace_back(12, history_bits);
  match_models_.emplace_back(5, history_bits);
  int lane_bits = 0;
  while ((1 << lane_bits) < lanes) ++lane_bits;
  for (int lane = 0; lane < lanes; ++lane)
    lanes_[lane].region = static_cast<uint32_t>(lane) >> std::max(lane_bits - kRegionBits, 0);
  for (int lane = 0; lane < lanes; ++lane)
    set_contexts(lanes_[lane], history_, static_cast<uint32_t>(lane));
}

size_t Mixer::size(int lanes, int table_bits, int history_bits) {
  const auto n = static_cast<size_t>(lanes);
  size_t ring = size_t{1} << history_bits;
  while (ring < 2 * n) ring *= 2;
  const size_t matches = kMatches * zeroed_size(size_t{1} << history_bits);
  const size_t lane_size = n * sizeof(Lane) + zeroed_size(n * sizeof(Tree));
  return zeroed_size(tables_size(table_bits)) + zeroed_size(ring) + matches + lane_size +
         Learned::size() + sizeof(Mixer);
}

template <typename Job>
void Mixer::in_parallel(int count, int live, Job job) const {
  if (live < kLanesWorthThreads) {
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
  pool_->run(std::min({pool_->ranks(), count, kMaxThreads}), work, &shared);
}

// All lanes come to their first nibble, then all to their second: meanwhile what the second reads
// arrives in the cache.
void Mixer::mix(const uint32_t* freqs, int live, uint32_t* mixed) {
  const auto row = [](int lane) { return static_cast<size_t>(lane) * kNodes; };
  in_parallel(live, live, [&](int lane) { mix_first(lane, freqs + row(lane), mixed + row(lane)); });
  in_parallel(live, live, [&](int lane) { mix_second(lane, mixed + row(lane)); });
}

void Mixer::mix_first(int lane, const uint32_t* freqs, uint32_t* mixed) {
  Tree& tree = trees_[lane];
  tree.open(lanes_[lane], freqs);
  look_up(tree, 0);
  tree.masses[1] = kTotal;
  mix_nibble(tree, 1, mixed);
  for (int first = 0; first < 16; ++first) {
    if (tree.masses[16 + first] >= kWorthMixing) prefetch(*tree.lane, 1 + first);
  }
}

void Mixer::mix_second(int lane, uint32_t* mixed) {
  Tree& tree = trees_[lane];
  for (int first = 0; first < 16; ++first) {
    if (tree.masses[16 + first] < kWorthMixing) continue;
    look_up(tree, 1 + first);
    mix_nibble(tree, 16 + first, mixed);
  }
}

// Splits the mass of the nibble's tree at `root`, level by level: neighbours do not wait for each
// other.
void Mixer::mix_nibble(Tree& tree, int root, uint32_t* mixed) const {
  int queue[16] = {root};
  int queued = 1;
  const int end = root * 8;  // no node of the last level lies below
  for (int i = 0; i < queued; ++i) {
    const int node = queue[i];
    Node& out = tree.nodes[tree.count];
    tree.places[node] = static_cast<uint8_t>(tree.count++);
    predict(tree, node, out);
    const uint32_t one = share(tree.masses[node], 128u >> depth_of(node), out.probability);
    const uint32_t masses[2] = {tree.masses[node] - one, one};
    for (int bit = 0; bit < 2; ++bit) {
      const bool worth = serve(tree, 2 * node + bit, masses[bit], mixed);
      queue[queued] = 2 * node + bit;
      queued += worth && node < end;
    }
  }
}

// Gives a mass to a node: true if the node will split it, false if its leaves have got it.
bool Mixer::serve(Tree& tree, int node, uint32_t mass, uint32_t* mixed) const {
  if (node >= kNodes) {
    mixed[node - kNodes] = mass;
    return false;
  }
  tree.masses[node] = mass;
  if (mass >= kWorthMixing) {
    prefetch(tree, node);
    return true;
  }
  const int leaves = kNodes >> depth_of(node), first = node * leaves - kNodes;
  keep_proportions(tree.sums + kNodes + first, tree.sums[node], mass, leaves, mixed + first);
  return false;
}

// Hints at the APMs' rows of a node that will be predicted soon.
void Mixer::prefetch(const Tree& tree, int node) const {
  learned_.prefetch(kOfOrderOne, tree.order_one_row(node));
  learned_.prefetch(kOfOrderTwo, tree.order_two_row(node));
}

void Mixer::prefetch(const Lane& lane, int nibble) const {
  for (int i = 0; i < kContexts; ++i) slots_[i].place(lane.contexts[i], nibble).prefetch();
}

void Mixer::look_up(Tree& tree, int nibble) const {
  for (int i = 0; i < kContexts; ++i)
    slots_[i].place(tree.lane->contexts[i], nibble).copy(tree.slots[i]);
}

// The probability of a 1 at a node, and all that it was made of.
void Mixer::predict(const Tree& tree, int node, Node& out) const {
  const int depth = depth_of(node);
  const Tables& tables = learned_.tables();
  const int network = tables.ratio(tree.sums[2 * node + 1], tree.sums[2 * node]);
  out.level = level_of(network);
  out.inputs[kBias] = 256;
  out.inputs[kNetwork] = static_cast<int16_t>(network);
  out.inputs[kNetworkConfidence] = static_cast<int16_t>((tables.squashed(network) - kOne / 2) >> 5);
  out.inputs[kNetworkRefined] =
      tables.stretch[learned_.refine(kOfNetwork, static_cast<uint32_t>(node), network, out) >> 4];
  set_match_inputs(tree, node, depth, out);
  const int known = set_history_inputs(tree, node, depth, out);
  out.rows[0] = kSetFirst[0] + node;
  out.rows[1] += known;
  out.rows[2] = kSetFirst[2] + static_cast<int>(tree.lane->symbols & 0xff);
  out.rows[3] = kSetFirst[3] + tree.class_row * 8 + depth;
  for (int set = kFirstHashed; set < kSets; ++set)
    out.rows[set] = kSetFirst[set] + tree.hashed_rows[set - kFirstHashed];
  out.final_rows[0] = node;
  out.final_rows[1] = kFinalFirst[1] + static_cast<int>(tree.order_two & 2047);
  learned_.mix(out);
  const int mixed = tables.squashed(out.final_output);
  const int one = learned_.refine(kOfOrderOne, tree.order_one_row(node), out.final_output, out);
  const int two = learned_.refine(kOfOrderTwo, tree.order_two_row(node), out.final_output, out);
  out.probability =
      clamp((mixed * (16 - 2 * kApmShare) + one * kApmShare + two * kApmShare) >> 4, 1, kOne - 1);
}

void Mixer::set_match_inputs(const Tree& tree, int node, int depth, Node& out) const {
  int strength = 0;
  std::fill(out.inputs + kMatchInputs, out.inputs + kOrderZeroInputs, int16_t{0});
  for (int i = 0; i < kMatches; ++i) {
    const Match& match = tree.lane->matches[i];
    const int expected = match.expected | 256;
    if (!match.active || expected >> (8 - depth) != node) continue;
    const Pair pair = learned_.match(i, match.cell());
    const int sign = (expected >> (7 - depth)) & 1 ? 1 : -1;
    out.inputs[kMatchInputs + 2 * i] = static_cast<int16_t>(sign * pair.stretched);
    out.inputs[kMatchInputs + 2 * i + 1] = static_cast<int16_t>(sign * pair.confidence);
    if (i == 0)
      strength = match.strength();
    else if (strength == 0)
      strength = match.length >= kReplaceable ? 9 : 8;
  }
  out.rows[1] = kSetFirst[1] + strength * 8;
}

// Returns how many of the orders 1, 2, 3, 4, 6 and 7 have seen something at this node.
int Mixer::set_history_inputs(const Tree& tree, int node, int depth, Node& out) const {
  const int place = nibble_node(node, depth);
  uint8_t states[kContexts];
  for (int i = 0; i < kContexts; ++i) {
    states[i] = tree.slots[i][place];
    const int16_t stretched = learned_.history(i, states[i]).stretched;
    out.inputs[kContextInputs + 2 * i] = stretched;
    out.inputs[kContextInputs + 2 * i + 1] = learned_.correction(i, states[i], out.level);
    out.inputs[kCertainInputs + i] = stretched & learned_.certain(states[i]);
  }
  const Pair pair = learned_.history(kContexts, order_zero_[node]);
  std::memcpy(&out.inputs[kOrderZeroInputs], &pair, sizeof pair);
  std::fill(out.inputs + kCertainInputs + kContexts, out.inputs + kInputs, int16_t{0});
  int known = 0;
  for (int i = 0; i < 6; ++i) known += states[i] != 0;
  return known;
}

void Mixer::update(const uint8_t* column, int live) {
  for (int lane = 0; lane < live; ++lane) follow(lane, column[lane]);
  // The longest first.
  in_parallel(kSets + 1 + kContexts + 2, live, [&](int task) {
    if (task <= kSets) return learn(task, column, live);
    task -= kSets + 1;
    if (task < kContexts) return remember(task, column, live);
    if (task == kContexts) return remember_order_zero(column, live);
    judge_matches(column, live);
  });
  for (int lane = 0; lane < live; ++lane) {
    history_.put(history_.place(static_cast<uint32_t>(lane), lanes_[lane].count), column[lane]);
    advance(lanes_[lane], column[lane]);
  }
  in_parallel(kMatches + live, live, [&](int task) {
    if (task < kMatches) return find_matches(task, column, live);
    hash_contexts(task - kMatches);
  });
  seen_ += static_cast<uint64_t>(live);
}

// Finds the nodes that were mixed on the way to the symbol that came.
void Mixer::follow(int lane, uint8_t symbol) {
  Tree& tree = trees_[lane];
  int depth = 0;
  for (int node = 1; depth < kDepths && tree.masses[node] >= kWorthMixing; ++depth) {
    tree.way[depth] = tree.places[node];
    node = (symbol | 256) >> (7 - depth);
  }
  tree.way_length = depth;
}

// Trains one set of weights, or behind the sets all that comes after them, on these nodes of each
// lane.
void Mixer::learn(int set, const uint8_t* column, int live) {
  const int base = set == kSets         ? 200
                   : set < kFirstHashed ? base_rate(seen_)
                                        : 2 * base_rate(seen_);
  const int rate = rate_for(live, base);
  for (int lane = 0; lane < live; ++lane) {
    const Tree& tree = trees_[lane];
    for (int depth = 0; depth < tree.way_length; ++depth) {
      const int bit = (column[lane] >> (7 - depth)) & 1;
      const Node& mixed = tree.nodes[tree.way[depth]];
      set < kSets ? learned_.train(set, mixed, bit, rate) : learned_.train_last(mixed, bit, rate);
    }
  }
}

void Mixer::remember(int context, const uint8_t* column, int live) {
  const auto place = [&](int lane, int depth) {
    return slots_[context].place(lanes_[lane].contexts[context],
                                 depth == 0 ? 0 : 1 + (column[lane] >> 4));
  };
  for (int lane = 0; lane < live; ++lane) {
    const Tree& tree = trees_[lane];
    const uint8_t symbol = column[lane];
    uint8_t* slot = nullptr;
    if (lane + 1 < live) {
      place(lane + 1, 0).prefetch();
      place(lane + 1, 4).prefetch();
    }
    for (int depth = 0; depth < kDepths; ++depth) {
      if (depth % 4 == 0) slot = place(lane, depth).claim();
      uint8_t& state = slot[nibble_node((symbol | 256) >> (8 - depth), depth)];
      const int bit = (symbol >> (7 - depth)) & 1;
      if (depth < tree.way_length)
        learned_.update_correction(context, state, tree.nodes[tree.way[depth]], bit);
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

// Moves one model's matches behind the symbols that came.
void Mixer::find_matches(int model, const uint8_t* column, int live) {
  const auto is_head = [&](uint32_t place) {
    const uint32_t lane = history_.lane(place);
    return place == history_.place(lane, lanes_[lane].count);
  };
  for (int lane = 0; lane < live; ++lane) {
    Lane& l = lanes_[lane];
    const uint32_t next = history_.place(static_cast<uint32_t>(lane), l.count);
    // A long match may come from anywhere, a short one is worth more from nearby.
    match_models_[model].update(l.matches[model], history_, next, l.count, column[lane],
                                model == 0 ? 0 : salt(l), is_head);
  }
}

void Mixer::hash_contexts(int lane) {
  set_contexts(lanes_[lane], history_, static_cast<uint32_t>(lane));
  prefetch(lanes_[lane], 0);
}

}  // namespace shazip::mixing
