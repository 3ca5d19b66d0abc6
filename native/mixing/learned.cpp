#include "learned.hpp"

namespace shazip::mixing {
namespace {

constexpr uint32_t kStartUpdates = 30;  // what start values count for
constexpr int kApmRate = 6;             // an APM moves by 1 / 64
// |weight| < 4, so |rounded weight| <= 2**13 and a sum of 64 products with inputs below 3072 stays
// below 2**31.
constexpr int32_t kWeightLimit = (4 << 20) - 512;
constexpr int32_t kFinalLimit = 8 << 16;
static_assert(int64_t{kMostInputs} * 8192 * kStretchLimit < INT32_MAX, "a sum may overflow");

int16_t rounded(int32_t weight) { return static_cast<int16_t>((weight + 256) >> 9); }

// The same code for two kinds of processor; the loader chooses. Integers give the same sums in
// every order.
#if defined(__x86_64__) && defined(__GLIBC__) && !defined(__SANITIZE_ADDRESS__) && \
    !defined(__SANITIZE_THREAD__)
#define SHAZIP_CLONES __attribute__((target_clones("avx2", "default")))
#else
#define SHAZIP_CLONES
#endif

SHAZIP_CLONES void dot(const int16_t* weights, const int32_t* rows, int sets, const int16_t* inputs,
                       int blocks, int32_t* sums) {
  const int count = blocks * kInputBlock;
  for (int set = 0; set < sets; ++set) {
    const int16_t* row = weights + rows[set] * count;
    int32_t sum = 0;
    for (int i = 0; i < count; ++i) sum += int32_t{row[i]} * inputs[i];
    sums[set] = sum;
  }
}

// |error| <= 2**18 and |input| < 2**12: products stay below 2**30.
SHAZIP_CLONES void move(int32_t* weights, int16_t* shadow, const int16_t* inputs, int blocks,
                        int32_t error) {
  for (int i = 0; i < blocks * kInputBlock; ++i) {
    const int32_t moved = weights[i] + ((inputs[i] * error + 128) >> 8);
    weights[i] = clamp(moved, -kWeightLimit, kWeightLimit);
    shadow[i] = rounded(weights[i]);
  }
}

// A probability's error times a rate, step 2**-20, at most 2**18.
int32_t scaled_error(int bit, int probability, int rate) {
  return static_cast<int32_t>((int64_t{(bit << 16) - probability} * rate + 8192) >> 14);
}

}  // namespace

Learned::Learned(const Start& start) : shape_(start.shape), tables_(start.tables) {
  std::copy(&start.next[0][0], &start.next[0][0] + 512, &next_[0][0]);
  for (int bit = 0; bit < 2; ++bit) {
    for (uint8_t state = next_[0][bit]; !certain_[state]; state = next_[state][bit])
      certain_[state] = -1;
  }
  for (auto p : start.histories) histories_.emplace_back(p, kStartUpdates);
  for (const auto& row : start.matches)
    for (auto p : row) matches_.emplace_back(p, kStartUpdates);
  for (size_t i = 0; i < histories_.size(); ++i)
    stretched_.push_back(static_cast<int16_t>(i % 256 ? histories_[i].stretched(tables_) : 0));
  for (auto c : start.corrections) corrections_.push_back(c * 256);
  for (size_t i = 0; i < corrections_.size(); ++i)
    rounded_corrections_.push_back(
        static_cast<int16_t>(i / kLevels % 256 ? corrections_[i] >> 8 : 0));
  for (auto w : start.weights) weights_.push_back(clamp(w * 256, -kWeightLimit, kWeightLimit));
  for (auto w : weights_) rounded_.push_back(rounded(w));
  for (auto w : start.final_weights) final_weights_.push_back(w * 16);
  for (int i = 0; i < kApms; ++i) apms_[i] = zeroed<uint16_t>(size_t{kApmRows[i]} * kApmStride);
}

void Learned::update_match(int model, int cell, int hit) {
  matches_[model * kMatchCells + cell].update(tables_, hit);
}

void Learned::mix(Node& node) const {
  const int sets = shape_.sets();
  dot(rounded_.data(), node.rows, sets, node.inputs, shape_.inputs() / kInputBlock, node.outputs);
  for (int set = 0; set < sets; ++set) {
    node.outputs[set] = clamp(node.outputs[set] >> 11, -kStretchLimit, kStretchLimit);
  }
  for (int final = 0; final < kFinals; ++final) {
    const int32_t* weights = &final_weights_[node.final_rows[final] * sets];
    int64_t sum = 0;
    for (int set = 0; set < sets; ++set) sum += int64_t{weights[set]} * node.outputs[set];
    node.final_outputs[final] = clamp(static_cast<int>(sum >> 16), -kStretchLimit, kStretchLimit);
  }
  node.final_output = (node.final_outputs[0] + node.final_outputs[1]) >> 1;
}

void Learned::train(int set, const Node& node, int bit, int rate) {
  const int32_t error = scaled_error(bit, tables_.squashed(node.outputs[set]), rate);
  const int first = node.rows[set] * shape_.inputs();
  move(&weights_[first], &rounded_[first], node.inputs, shape_.inputs() / kInputBlock, error);
}

void Learned::train_last(const Node& node, int bit, int rate) {
  for (int final = 0; final < kFinals; ++final) {
    const int64_t error = scaled_error(bit, tables_.squashed(node.final_outputs[final]), rate);
    int32_t* weights = &final_weights_[node.final_rows[final] * shape_.sets()];
    for (int set = 0; set < shape_.sets(); ++set) {
      const auto change = static_cast<int32_t>((node.outputs[set] * error + 2048) >> 12);
      weights[set] = clamp(weights[set] + change, -kFinalLimit, kFinalLimit);
    }
  }
  for (int i = 0; i < kApms; ++i) {
    uint16_t& cell = apms_[i][node.apm_cells[i]];
    const uint16_t identity = tables_.identity[node.apm_cells[i] % kApmStride];
    const int p = static_cast<uint16_t>(cell + identity);
    cell = static_cast<uint16_t>(p + (((bit ? 65535 : 0) - p) >> kApmRate) - identity);
  }
}

Start Learned::learned() const {
  Start start(shape_);
  start.tables = tables_;
  std::copy(&next_[0][0], &next_[0][0] + 512, &start.next[0][0]);
  for (size_t i = 0; i < histories_.size(); ++i) start.histories[i] = histories_[i].probability();
  for (int i = 0; i < kMatches * kMatchCells; ++i)
    start.matches[i / kMatchCells][i % kMatchCells] = matches_[i].probability();
  // An empty history's correction has learned but is never used.
  for (size_t i = 0; i < corrections_.size(); ++i)
    start.corrections[i] = static_cast<int16_t>(i / kLevels % 256 ? corrections_[i] >> 8 : 0);
  for (size_t i = 0; i < weights_.size(); ++i)
    start.weights[i] = static_cast<int16_t>((weights_[i] + 128) >> 8);
  for (size_t i = 0; i < final_weights_.size(); ++i)
    start.final_weights[i] =
        static_cast<int16_t>(clamp((final_weights_[i] + 8) >> 4, -32768, 32767));
  return start;
}

size_t Learned::size(const Shape& shape) {
  const auto contexts = static_cast<size_t>(shape.contexts());
  size_t size = sizeof(Learned) + (contexts + 1) * 256 * 6 + kMatches * kMatchCells * 4;
  size += contexts * 256 * kLevels * 6 + static_cast<size_t>(shape.rows() * shape.inputs()) * 6 +
          static_cast<size_t>(shape.final_rows() * shape.sets()) * 4;
  for (uint32_t rows : kApmRows) size += zeroed_size(size_t{rows} * kApmStride * 2);
  return size;
}

}  // namespace shazip::mixing
