#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace qbench::kernels::cpu {

/// Instruction-set levels that every hot kernel exists for. kAvx512 means F, BW, DQ, VL; VNNI and BF16 are used inside it where present.
enum class Isa { kScalar, kAvx2, kAvx512 };

struct CpuFeatures {
  bool avx2 = false;         ///< with FMA and F16C
  bool avx512 = false;       ///< F, BW, DQ, VL
  bool avx512_vnni = false;
  bool avx512_bf16 = false;
  bool avx_vnni = false;
};

/// What this processor and the operating system offer (CPUID and XGETBV).
CpuFeatures detect_features();

/// The best level that `features` allow.
Isa best_isa(const CpuFeatures& features);

std::string_view name_of(Isa isa) noexcept;                      ///< "scalar", "avx2", "avx512"
std::optional<Isa> isa_from_name(std::string_view name) noexcept;
std::string describe(Isa isa, const CpuFeatures& features);      ///< "avx512 (vnni, bf16)"

}  // namespace qbench::kernels::cpu
