// What the parts of the compiled module add to it; module.cpp adds the network and the vocabulary.
#pragma once

#include <nanobind/nanobind.h>

void bind_halves(nanobind::module_& module);    // halves.cpp
void bind_mixing(nanobind::module_& module);    // mixing/bindings.cpp
void bind_training(nanobind::module_& module);  // training/bindings.cpp
