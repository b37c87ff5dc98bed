#include "kernels/cpu/isa.h"

#include <array>
#include <utility>

namespace qbench::kernels::cpu {

namespace {

constexpr std::array<std::pair<Isa, std::string_view>, 3> kNames{{{Isa::kScalar, "scalar"}, {Isa::kAvx2, "avx2"}, {Isa::kAvx512, "avx512"}}};

}  // namespace

CpuFeatures detect_features() {
  CpuFeatures features;
#if defined(__x86_64__)
  // libgcc reads CPUID and checks with XGETBV that the operating system saves the registers.
  __builtin_cpu_init();
  features.avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("f16c") && __builtin_cpu_supports("bmi2");
  features.avx512 = features.avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
                    __builtin_cpu_supports("avx512vl");
  features.avx512_vnni = features.avx512 && __builtin_cpu_supports("avx512vnni");
  features.avx512_bf16 = features.avx512 && __builtin_cpu_supports("avx512bf16");
  features.avx_vnni = features.avx2 && __builtin_cpu_supports("avxvnni");
#endif
  return features;
}

Isa best_isa(const CpuFeatures& features) {
  if (features.avx512) return Isa::kAvx512;
  if (features.avx2) return Isa::kAvx2;
  return Isa::kScalar;
}

std::string_view name_of(Isa isa) noexcept {
  for (const auto& [value, name] : kNames) {
    if (value == isa) return name;
  }
  return "unknown";
}

std::optional<Isa> isa_from_name(std::string_view name) noexcept {
  for (const auto& [value, text] : kNames) {
    if (text == name) return value;
  }
  return std::nullopt;
}

std::string describe(Isa isa, const CpuFeatures& features) {
  std::string extras;
  const auto add = [&](bool present, std::string_view name) {
    if (present) extras += (extras.empty() ? "" : ", ") + std::string(name);
  };
  add(isa == Isa::kAvx512 && features.avx512_vnni, "vnni");
  add(isa == Isa::kAvx512 && features.avx512_bf16, "bf16");
  add(isa == Isa::kAvx2 && features.avx_vnni, "vnni");
  std::string text(name_of(isa));
  if (!extras.empty()) text += " (" + extras + ")";
  return text;
}

}  // namespace qbench::kernels::cpu
