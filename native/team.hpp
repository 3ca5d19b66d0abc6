// The meetings of threads that share a step. Kernels include this, so it has no inline functions.
#pragma once

#include "step.hpp"

namespace shazip {

// A member that has come may work until all are there, but must wait before the next meeting.
void come_to_team(const Part& part);
bool team_is_there(const Part& part);
void wait_for_team(const Part& part);

}  // namespace shazip
