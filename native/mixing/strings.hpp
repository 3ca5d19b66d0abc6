// A model's symbols as byte strings.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "../vocabulary.hpp"

namespace shazip::mixing {

constexpr size_t kLongestString = 16;

class Strings {
 public:
  // Symbol i stands for strings[i]; `parser` cuts bytes into these symbols.
  Strings(std::vector<std::string> strings, std::shared_ptr<const Vocabulary> parser)
      : strings_(std::move(strings)), parser_(std::move(parser)) {
    while (size_t{1} << bits_ < strings_.size()) ++bits_;
    if (size_t{1} << bits_ != strings_.size() || !parser_)
      throw std::invalid_argument("a vocabulary is a power of two of strings, and their parser");
    for (const std::string& string : strings_) {
      if (string.empty() || string.size() > kLongestString)
        throw std::invalid_argument("a symbol stands for 1 to 16 bytes");
    }
  }

  int bits() const { return bits_; }  // log2 of the symbols
  const std::string& operator[](int symbol) const { return strings_[static_cast<size_t>(symbol)]; }
  // The first symbol of the parse of 1 to 16 bytes.
  int first_of(const uint8_t* data, size_t size) const {
    if (bits_ == 8) return data[0];
    uint16_t symbols[kLongestString];
    parser_->parse(data, piece_end(data, size, 0), symbols);
    return symbols[0];
  }

 private:
  int bits_ = 0;
  std::vector<std::string> strings_;
  std::shared_ptr<const Vocabulary> parser_;
};

}  // namespace shazip::mixing
