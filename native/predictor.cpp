#include "predictor.hpp"

#include <algorithm>
#include <cstring>
#include <stdexcept>
#include <string>

#include "team.hpp"

namespace shazip {
namespace {

// A team of several threads meets some eight times in a step; from so many lanes for each thread
// on, a thread has its own lanes.
constexpr int kLanesOfTeam = 4;
constexpr int kRanksOfTeam = 8;
constexpr int kCostKinds = 5;

}  // namespace

Predictor::Predictor(const Network& network, int lanes) : network_(network), lanes_(lanes) {
  if (lanes < 1) throw std::invalid_argument("a predictor has at least one lane");
  const Model& m = network.model();
  const auto n = static_cast<size_t>(lanes);
  const size_t entries = static_cast<size_t>(m.quads) * kQuad * m.attentions * m.heads;
  state_.hidden = arena_.bytes(n * m.layers * m.padded * network.variant().operand);
  state_.cell = arena_.take<int32_t>(n * m.layers * m.padded);
  state_.memory = arena_.take<int8_t>(n * entries * m.head_padded);
  state_.memory_sum = arena_.take<int32_t>(n * entries);
  state_.slot = arena_.take<int32_t>(n);
  state_.entries = arena_.take<int32_t>(n);
  state_.symbol = arena_.take<uint16_t>(n);
  logits_ = arena_.take<int16_t>(n * m.symbols);
  for (int lane = 0; lane < lanes; ++lane) start_lane(lane);
  const auto threads = static_cast<size_t>(network.threads());
  shared_.resize(threads);
  local_.resize(threads);
  for (size_t i = 0; i < threads; ++i) allocate_scratch(arena_, shared_[i], local_[i]);
  barriers_ = std::make_unique<Barrier[]>(threads);
  teams_.reserve(threads);
  team_of_rank_.reserve(threads);
  costs_.resize(threads * kCostKinds);
}

void Predictor::start_lane(int lane) {
  const Model& m = network_.model();
  const Variant& v = network_.variant();
  const Network::Start& start = network_.start();
  const auto row = static_cast<size_t>(lane) * m.layers * m.padded;
  auto* hidden = static_cast<uint8_t*>(state_.hidden) + row * v.operand;
  for (int i = 0; i < m.layers * m.padded; ++i) {
    const int layer = i / m.padded, c = i % m.padded;
    v.store_operand(hidden + static_cast<size_t>(i) * v.operand,
                    c < m.width ? start.hidden[layer * m.width + c] : 0);
    if (c < m.width) state_.cell[row + i] = start.cell[layer * m.width + c];
  }
  const size_t slots = static_cast<size_t>(m.quads) * kQuad;
  const size_t channels = static_cast<size_t>(m.heads) * m.head_padded;
  const size_t first = static_cast<size_t>(lane) * m.attentions;
  const int8_t* source = start.memory.data();
  for (int a = 0; a < m.attentions; ++a) {
    int8_t* memory = state_.memory + (first + a) * slots * channels;
    int32_t* sums = state_.memory_sum + (first + a) * slots * m.heads;
    for (int j = 0; j < start.entries; ++j) {
      for (int i = 0; i < m.width; ++i, ++source) {
        const size_t head = i / m.head_width, c = head * m.head_padded + i % m.head_width;
        memory[memory_at(j, static_cast<int32_t>(c), static_cast<int32_t>(channels))] = *source;
        sums[head * slots + j] += *source;
      }
    }
  }
  state_.slot[lane] = start.entries;
  state_.entries[lane] = start.entries;
  state_.symbol[lane] = start.symbol;
}

void Predictor::allocate_scratch(Arena& arena, Shared& shared, Local& local) const {
  const Model& m = network_.model();
  const Variant& v = network_.variant();
  const size_t rows = static_cast<size_t>(kBatch) * m.padded;
  const size_t slots = static_cast<size_t>(m.quads) * kQuad;
  const size_t channels = static_cast<size_t>(m.heads) * m.head_padded;
  shared.hidden = arena.bytes(rows * v.operand);
  for (int32_t** row : {&shared.lstm, &shared.query, &shared.boom})
    *row = arena.take<int32_t>(rows);
  shared.scores = arena.take<int32_t>(m.attentions ? kBatch * m.heads * slots : 0);
  shared.partial = arena.take<int32_t>(m.attentions ? kBatch * channels + kPadding : 0);
  local.operand = arena.bytes(rows * v.operand);
  local.residual = arena.take<int32_t>(rows);
  local.bytes = arena.take<int8_t>(static_cast<size_t>(m.padded));
  local.focus = arena.take<int8_t>(channels);
  local.focus_spread = arena.bytes(channels * v.focus);
  local.scaled = arena.take<int32_t>(slots);
  local.weights = arena.take<int16_t>(slots);
  local.sums = arena.take<int32_t>(channels + kPadding);
  size_t tile = static_cast<size_t>(m.output.vectors);
  for (int i = 0; i < m.layers; ++i) {
    const Layer& layer = m.layer[i];
    for (const Product* p : {&layer.lstm_hidden, &layer.query, &layer.boom})
      tile = std::max<size_t>(tile, p->vectors);
  }
  tile *= static_cast<size_t>(kBatch) * v.lanes;
  local.sums_hidden = arena.take<int32_t>(tile);
  local.sums_input = arena.take<int32_t>(tile);
  local.index = arena.take<int32_t>(tile);
  local.value = arena.take<int16_t>(tile + tile / 4);
  const Product& recurrent = m.layer[0].lstm_hidden;
  const size_t rows_ahead = static_cast<size_t>(recurrent.tiles) * recurrent.vectors * v.lanes;
  local.ahead = arena.take<int32_t>(network_.threads() > 1 ? rows_ahead * kLanesAhead : 0);
  local.ahead_layer = local.ahead_tiles = 0;
  local.costs = nullptr;
}

size_t Predictor::size(const Network& network, int64_t lanes) {
  const Model& m = network.model();
  const size_t entries = static_cast<size_t>(m.quads) * kQuad * m.attentions * m.heads;
  const size_t row = static_cast<size_t>(m.layers) * m.padded;
  const size_t lane = row * (network.variant().operand + sizeof(int32_t)) +
                      entries * (m.head_padded + sizeof(int32_t)) + 16 +
                      m.symbols * sizeof(int16_t);
  const size_t scores = m.attentions ? static_cast<size_t>(m.heads) * m.quads * kQuad : 0;
  const size_t batch =
      static_cast<size_t>(m.padded) * (5 * sizeof(int32_t) + 2 * network.variant().operand) +
      4 * scores;
  const size_t ahead =
      network.threads() > 1 ? static_cast<size_t>(m.padded) * 4 * sizeof(int32_t) * kLanesAhead : 0;
  return static_cast<size_t>(lanes) * lane +
         static_cast<size_t>(network.threads()) * (kBatch * batch + ahead);
}

// Call it before changing anything that threads use while they work ahead: the plan, a rank's
// `ahead` and costs.
void Predictor::settle() const {
  // A child process has no such threads, and a lock of the pool may have been held when it was
  // forked.
  if (planned_forks_ == Pool::forks()) network_.pool()->settle();
}

void Predictor::plan(int live, int most_ranks) {
  if (live == planned_ && most_ranks == planned_ranks_ && Pool::forks() == planned_forks_) return;
  settle();
  const int teams = std::clamp(live / kLanesOfTeam, 1, most_ranks);
  const int ranks = std::min(most_ranks, teams * kRanksOfTeam);
  teams_.clear();
  team_of_rank_.clear();
  for (int i = 0; i < teams; ++i) {
    const int begin = ranks * i / teams, end = ranks * (i + 1) / teams;
    const int first = static_cast<int>(int64_t{live} * begin / ranks),
              last = static_cast<int>(int64_t{live} * end / ranks);
    teams_.push_back({begin, end - begin, first, last - first});
    team_of_rank_.insert(team_of_rank_.end(), static_cast<size_t>(end - begin), i);
  }
  // Those of a new team have been to different numbers of meetings.
  for (int i = 0; i < network_.threads(); ++i) {
    barriers_[i].meetings.store(0, std::memory_order_relaxed);
    local_[i].ahead_layer = local_[i].ahead_tiles =
        0;  // was of other rows and lanes; after a fork, perhaps half written
  }
  planned_ = live;
  planned_ranks_ = most_ranks;
  planned_forks_ = Pool::forks();
}

Part Predictor::part_of(int rank) {
  const Team& team = teams_[static_cast<size_t>(team_of_rank_[static_cast<size_t>(rank)])];
  const auto leader = static_cast<size_t>(team.first_rank);
  Part part{};
  part.model = &network_.model();
  part.state = &state_;
  part.team = &shared_[leader];
  part.local = &local_[static_cast<size_t>(rank)];
  part.barrier = &barriers_[leader];
  part.rank = rank - team.first_rank;
  part.size = team.ranks;
  part.first = team.first_lane;
  part.count = team.lanes;
  return part;
}

void Predictor::work(int rank, void (*kernel)(const Part&)) {
  const Team& team = teams_[static_cast<size_t>(team_of_rank_[static_cast<size_t>(rank)])];
  Part part = part_of(rank);
  const int batches = (team.lanes + kBatch - 1) / kBatch;
  for (int i = 0; i < batches; ++i) {
    const int begin = team.lanes * i / batches;
    part.first = team.first_lane + begin;
    part.count = team.lanes * (i + 1) / batches - begin;
    kernel(part);
    // The next batch must not overwrite what a rank of this team still reads.
    if (i + 1 < batches) {
      come_to_team(part);
      wait_for_team(part);
    }
  }
}

void Predictor::run(int live, void (*kernel)(const Part&)) {
  plan(live, network_.pool()->ranks());
  struct Context {
    Predictor* self;
    void (*kernel)(const Part&);
  } context{this, kernel};
  const auto job = [](void* p, int rank) {
    const auto* c = static_cast<Context*>(p);
    c->self->work(rank, c->kernel);
  };
  const auto after = [](void* p, int rank) {
    auto* self = static_cast<Predictor*>(p);
    return self->network_.variant().work_ahead(self->part_of(rank));
  };
  // Once all is there that the caller waits for.
  const bool steps = kernel == network_.variant().step_lanes;
  network_.pool()->run(static_cast<int>(team_of_rank_.size()), job, &context,
                       steps ? +after : nullptr, this);
}

void Predictor::step(int live, int16_t* logits, uint32_t* freqs) {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (live < 1 || live > lanes_) {
    throw std::invalid_argument("a step of " + std::to_string(live) + " lanes, there are " +
                                std::to_string(lanes_));
  }
  if (stepped_) throw std::invalid_argument("a step before the symbols of the last one came");
  state_.logits = logits ? logits : logits_;
  state_.freqs = freqs;
  run(live, network_.variant().step_lanes);
  stepped_ = live;
  const Model& m = network_.model();
  for (int lane = 0; lane < live; ++lane) {
    state_.slot[lane] = (state_.slot[lane] + 1) % m.window;
    state_.entries[lane] = std::min(state_.entries[lane] + 1, m.window);
  }
}

void Predictor::update(const uint16_t* column, int live) {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (live != stepped_) {
    throw std::invalid_argument(std::to_string(live) + " symbols came after a step of " +
                                std::to_string(stepped_) + " lanes");
  }
  for (int lane = 0; lane < live; ++lane) {
    if (column[lane] >= symbols()) {
      throw std::invalid_argument("symbol " + std::to_string(column[lane]) + " came, there are " +
                                  std::to_string(symbols()));
    }
  }
  std::copy_n(column, live, state_.symbol);
  stepped_ = 0;
}

void Predictor::products_only(int live, bool memory) {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (live < 1 || live > lanes_) throw std::invalid_argument("no such lanes");
  run(live, memory ? network_.variant().products_only : network_.variant().weights_only);
}

void Predictor::count_costs(bool on) {
  const std::lock_guard<std::mutex> lock(mutex_);
  settle();
  std::fill(costs_.begin(), costs_.end(), 0);
  for (size_t i = 0; i < local_.size(); ++i)
    local_[i].costs = on ? &costs_[i * kCostKinds] : nullptr;
}

std::vector<std::vector<int64_t>> Predictor::costs() const {
  settle();
  std::vector<std::vector<int64_t>> all;
  for (size_t i = 0; i < costs_.size(); i += kCostKinds) {
    all.emplace_back(costs_.begin() + static_cast<int64_t>(i),
                     costs_.begin() + static_cast<int64_t>(i) + kCostKinds);
  }
  return all;
}

}  // namespace shazip
