#include "mixer.hpp"

#include <algorithm>
#include <atomic>
#include <stdexcept>
#include <string>

namespace shazip::mixing {
namespace {

constexpr int kRegionBits = 3;         // at most 8 regions
constexpr int kLanesWorthThreads = 4;  // with fewer, waking threads costs more than they save
constexpr int kMaxThreads = 16;        // of the pool's: with more, each has too little to do

// Each context has a 16th of 2**table_bits bytes.
size_t tables_size(int table_bits, const Shape& shape) {
  return static_cast<size_t>(shape.contexts()) << (table_bits - 4);
}

// Learning rates, step 2**-18. They fall with the live lanes, which all move the same weights from
// the same predictions: with one rate for all, 1024 lanes learn badly and 4096 diverge.
int rate_for(int live, int base) { return base * 32 / (32 + live); }

// The weights' rate before that: quick while a frame is young, slower once it has settled.
int base_rate(uint64_t seen) { return 400 + static_cast<int>((600 << 15) / ((1 << 15) + seen)); }

}  // namespace

Mixer::Mixer(int lanes, int table_bits, int history_bits, Strings strings, const Start& start,
             std::shared_ptr<Pool> pool)
    : strings_(std::move(strings)),
      learned_(start),
      memory_(zeroed<uint8_t>(tables_size(table_bits, start.shape))),
      order_zero_(static_cast<size_t>(shape().nodes())),
      history_(lanes, history_bits),
      lanes_(static_cast<size_t>(lanes)),
      trees_(zeroed<Tree>(static_cast<size_t>(lanes))),
      pool_(std::move(pool)) {
  if (strings_.bits() != shape().bits())
    throw std::invalid_argument("start values for another number of symbols");
  for (int i = 0; i < shape().contexts(); ++i)
    slots_[i].open(memory_.get() + (static_cast<size_t>(i) << (table_bits - 4)), table_bits - 4,
                   shape().slot_bits());
  if (shape().structure()) distances_.resize(size_t{1} << kRegionBits);
  match_models_.emplace_back(12, history_bits);
  match_models_.emplace_back(5, history_bits);
  int lane_bits = 0;
  while ((1 << lane_bits) < lanes) ++lane_bits;
  for (int lane = 0; lane < lanes; ++lane) {
    lanes_[lane].region = static_cast<uint32_t>(lane) >> std::max(lane_bits - kRegionBits, 0);
    prepare(lane);
  }
}

size_t Mixer::size(int lanes, int table_bits, int history_bits, const Shape& shape) {
  const auto n = static_cast<size_t>(lanes);
  size_t ring = size_t{1} << history_bits;
  while (ring < 2 * n) ring *= 2;
  const size_t matches = kMatches * zeroed_size(size_t{1} << history_bits);
  const size_t distances = shape.structure() ? Distances::kSize << kRegionBits : 0;
  const size_t lane_size = n * sizeof(Lane) + zeroed_size(n * sizeof(Tree));
  return zeroed_size(tables_size(table_bits, shape)) + zeroed_size(ring) + matches + lane_size +
         Learned::size(shape) + distances + sizeof(Mixer);
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

// Sets the contexts of a lane's next symbol.
void Mixer::prepare(int lane) {
  Lane& l = lanes_[lane];
  if (shape().structure()) {
    l.near = distances_[l.region].near();
    l.far = distances_[l.region].far();
  }
  set_contexts(l, history_, static_cast<uint32_t>(lane), shape());
  open_half(lane, 0, 0);
}

// Finds the slots of a lane's half in all contexts, and brings them into the cache.
void Mixer::open_half(int lane, int half, int number) {
  Place* places = trees_[lane].halves[half].places;
  for (int i = 0; i < shape().contexts(); ++i) {
    places[i] = slots_[i].place(lanes_[lane].contexts[i], static_cast<uint32_t>(number));
    places[i].prefetch();
  }
}

void Mixer::check_turn(bool right, int live) const {
  if (!right) throw std::invalid_argument("first halves, second halves and symbols take turns");
  if (turn_ != kFirst && live != live_)
    throw std::invalid_argument("a step of " + std::to_string(live_) + " lanes goes on with " +
                                std::to_string(live));
}

void Mixer::first(const uint32_t* freqs, int live, uint32_t* mixed) {
  check_turn(turn_ == kFirst, live);
  turn_ = kSecond;
  live_ = live;
  in_parallel(live, live, [&](int lane) {
    Tree& tree = trees_[lane];
    tree.open(lanes_[lane], shape(), freqs + static_cast<size_t>(lane) * shape().nodes());
    mix(tree, tree.halves[0], mixed + static_cast<size_t>(lane) * shape().branches(0));
  });
}

// All lanes ask for their slots before any reads them.
void Mixer::second(const uint16_t* firsts, int live, uint32_t* mixed) {
  check_turn(turn_ != kFirst, live);
  turn_ = kUpdate;
  for (int lane = 0; lane < live; ++lane) {
    open_half(lane, 1, 1 + firsts[lane]);
    trees_[lane].open_second(firsts[lane]);
  }
  in_parallel(live, live, [&](int lane) {
    Tree& tree = trees_[lane];
    mix(tree, tree.halves[1], mixed + static_cast<size_t>(lane) * shape().branches(1));
  });
}

void Mixer::update(const uint16_t* column, int live) {
  check_turn(turn_ == kUpdate, live);
  for (int lane = 0; lane < live; ++lane) {
    if (shape().value(0, column[lane]) != trees_[lane].first())
      throw std::invalid_argument("a symbol came whose first half did not");
  }
  turn_ = kFirst;
  for (int lane = 0; lane < live; ++lane) take_lessons(lane, column[lane]);
  // The longest first.
  const int sets = shape().sets(), contexts = shape().contexts();
  in_parallel(sets + 1 + contexts + 2, live, [&](int task) {
    if (task <= sets) return learn(task, live);
    task -= sets + 1;
    if (task < contexts) return remember(task, live);
    if (task == contexts) return remember_order_zero(live);
    judge_matches(column, live);
  });
  for (int lane = 0; lane < live; ++lane) take_string(lane, strings_[column[lane]]);
  in_parallel(kMatches + live, live, [&](int task) {
    if (task < kMatches) return find_matches(task, column, live);
    prepare(task - kMatches);
  });
  seen_ += static_cast<uint64_t>(live);
}

// Trains one set of weights, or behind the sets all that comes after them, by each lane's lessons.
void Mixer::learn(int set, int live) {
  const int sets = shape().sets();
  const int base = set == sets ? 200 : set < kFirstHashed ? base_rate(seen_) : 2 * base_rate(seen_);
  const int rate = rate_for(live, base);
  for (int lane = 0; lane < live; ++lane) {
    const Tree& tree = trees_[lane];
    for (int i = 0; i < tree.lesson_count; ++i) {
      const auto& [node, depth, bit] = tree.lessons[i];
      set < sets ? learned_.train(set, *node, bit, rate) : learned_.train_last(*node, bit, rate);
    }
  }
}

void Mixer::remember(int context, int live) {
  const Learned::Row row = learned_.row(context);
  for (int lane = 0; lane < live; ++lane) {
    Tree& tree = trees_[lane];
    if (lane + 1 < live) {
      for (const Half& next : trees_[lane + 1].halves) next.places[context].prefetch();
    }
    uint8_t states[kMostBits];
    for (const Half& half : tree.halves) {
      uint8_t* slot = half.places[context].claim();
      for (int depth = half.depth; depth < half.depth + half.bits; ++depth) {
        uint8_t& state = slot[tree.way[depth]];
        states[depth] = state;
        state = row.take(state, tree.bits[depth]);
      }
    }
    for (int i = 0; i < tree.lesson_count; ++i) {
      const auto& [node, depth, bit] = tree.lessons[i];
      row.correct(states[depth], *node, bit);
    }
  }
}

void Mixer::remember_order_zero(int live) {
  const Learned::Row row = learned_.row(shape().contexts());
  for (int lane = 0; lane < live; ++lane) {
    const Tree& tree = trees_[lane];
    for (int depth = 0, node = 1; depth < shape().bits(); ++depth) {
      uint8_t& state = order_zero_[static_cast<size_t>(node)];
      state = row.take(state, tree.bits[depth]);
      node = 2 * node + tree.bits[depth];
    }
  }
}

// The expected symbol's bits count until the first wrong one.
void Mixer::judge_matches(const uint16_t* column, int live) {
  for (int lane = 0; lane < live; ++lane) {
    for (int i = 0; i < kMatches; ++i) {
      const Match& match = lanes_[lane].matches[i];
      if (!match.active) continue;
      bool hit = true;
      for (int bit = shape().bits() - 1; bit >= 0 && hit; --bit) {
        hit = (match.expected >> bit) == (column[lane] >> bit);
        learned_.update_match(i, match.cell(), hit);
      }
    }
  }
}

void Mixer::take_string(int lane, const std::string& string) {
  Lane& l = lanes_[lane];
  for (const char c : string) {
    const auto byte = static_cast<uint8_t>(c);
    const Head head{history_.place(static_cast<uint32_t>(lane), l.count), l.count};
    if (shape().structure()) distances_[l.region].take(history_, head, byte);
    history_.put(head.next, byte);
    advance(l, byte);
  }
}

// Moves one model's matches behind the symbols that came.
void Mixer::find_matches(int model, const uint16_t* column, int live) {
  const auto known = [&](uint32_t place) {
    return history_.known(place, lanes_[history_.lane(place)].count);
  };
  for (int lane = 0; lane < live; ++lane) {
    Lane& l = lanes_[lane];
    Match& match = l.matches[model];
    const Head head{history_.place(static_cast<uint32_t>(lane), l.count), l.count};
    // A long match may come from anywhere, a short one is worth more from nearby.
    const uint64_t salted = model == kLongMatch ? 0 : salt(l);
    match_models_[model].update(match, history_, head, strings_[column[lane]], salted, known);
    if (match.active)
      match.expected = static_cast<uint16_t>(strings_.first_of(match.following, match.known));
  }
}

}  // namespace shazip::mixing
