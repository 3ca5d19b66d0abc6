// The variants of the step that this build holds, and which of them this processor runs.
#pragma once

#include <string>
#include <vector>

#include "step.hpp"

namespace shazip {

struct Choice {
  const char* name;
  const Variant* variant;
  bool (*supported)();
  bool proven;  // it has been run and gave the same bits; others are used only when named
};

// All that this processor runs, the fastest first.
std::vector<Choice> supported_variants();

// The named one, or the fastest proven one for an empty name. Throws std::invalid_argument.
Choice choose_variant(const std::string& name);

}  // namespace shazip
