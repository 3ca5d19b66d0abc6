#include "dispatch.hpp"

#include <stdexcept>

#if defined(__aarch64__) && defined(__linux__)
#include <sys/auxv.h>
#endif

namespace shazip {

extern const Variant variant_portable;
#if defined(SHAZIP_HAS_AVX2)
extern const Variant variant_avx2;
#endif
#if defined(SHAZIP_HAS_AVXVNNI)
extern const Variant variant_avxvnni;
#endif
#if defined(SHAZIP_HAS_AVX512)
extern const Variant variant_avx512;
#endif
#if defined(SHAZIP_HAS_AVX512VNNI)
extern const Variant variant_avx512vnni;
#endif
#if defined(SHAZIP_HAS_NEON)
extern const Variant variant_neon;
#endif
#if defined(SHAZIP_HAS_NEONDOT)
extern const Variant variant_neondot;
#endif

namespace {

// The compiler's run-time library also asks the system whether it saves the wide registers.
#if defined(SHAZIP_HAS_AVX2)
bool has_avx2() { return __builtin_cpu_supports("avx2"); }
#endif
#if defined(SHAZIP_HAS_AVXVNNI)
bool has_avxvnni() { return has_avx2() && __builtin_cpu_supports("avxvnni"); }
#endif
#if defined(SHAZIP_HAS_AVX512)
bool has_avx512() {
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
}
#endif
#if defined(SHAZIP_HAS_AVX512VNNI)
bool has_avx512vnni() { return has_avx512() && __builtin_cpu_supports("avx512vnni"); }
#endif
#if defined(SHAZIP_HAS_NEONDOT)
bool has_neondot() {
#if defined(__linux__)
  return (getauxval(AT_HWCAP) & (1u << 20)) != 0;  // HWCAP_ASIMDDP
#else
  return true;  // every Apple processor of this kind
#endif
}
#endif
bool always() { return true; }

// The fastest first.
const Choice kChoices[] = {
#if defined(SHAZIP_HAS_AVX512VNNI)
    {"avx512vnni", &variant_avx512vnni, has_avx512vnni, true},
#endif
#if defined(SHAZIP_HAS_AVXVNNI)
    {"avxvnni", &variant_avxvnni, has_avxvnni, false},
#endif
#if defined(SHAZIP_HAS_AVX512)
    {"avx512", &variant_avx512, has_avx512, true},
#endif
#if defined(SHAZIP_HAS_AVX2)
    {"avx2", &variant_avx2, has_avx2, true},
#endif
#if defined(SHAZIP_HAS_NEONDOT)
    {"neondot", &variant_neondot, has_neondot, true},
#endif
#if defined(SHAZIP_HAS_NEON)
    {"neon", &variant_neon, always, true},
#endif
    {"portable", &variant_portable, always, true},
};

}  // namespace

std::vector<Choice> supported_variants() {
  std::vector<Choice> found;
  for (const Choice& choice : kChoices) {
    if (choice.supported()) found.push_back(choice);
  }
  return found;
}

Choice choose_variant(const std::string& name) {
  std::string names;
  for (const Choice& choice : supported_variants()) {
    if (name.empty() ? choice.proven : name == choice.name) return choice;
    names += (names.empty() ? "" : ", ") + std::string(choice.name);
  }
  throw std::invalid_argument("no variant '" + name + "' on this processor, which runs " + names);
}

}  // namespace shazip
