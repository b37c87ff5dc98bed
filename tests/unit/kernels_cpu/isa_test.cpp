#include <doctest/doctest.h>

#include <array>

#include "kernels/cpu/isa.h"

using namespace qbench::kernels::cpu;

TEST_CASE("instruction-set names survive a round trip and unknown ones are refused") {
  for (const Isa isa : std::array{Isa::kScalar, Isa::kAvx2, Isa::kAvx512}) CHECK(isa_from_name(name_of(isa)) == isa);
  CHECK(!isa_from_name("AVX2").has_value());
  CHECK(!isa_from_name("").has_value());
}

TEST_CASE("the best level follows the features, and extensions need their base") {
  CHECK(best_isa(CpuFeatures{}) == Isa::kScalar);
  CHECK(best_isa(CpuFeatures{.avx2 = true}) == Isa::kAvx2);
  CHECK(best_isa(CpuFeatures{.avx2 = true, .avx512 = true}) == Isa::kAvx512);
  const CpuFeatures here = detect_features();
  CHECK((here.avx2 || !here.avx512));
  CHECK((here.avx512 || !(here.avx512_vnni || here.avx512_bf16)));
}

TEST_CASE("a level is described with the extensions that it uses") {
  const CpuFeatures all{.avx2 = true, .avx512 = true, .avx512_vnni = true, .avx512_bf16 = true, .avx_vnni = true};
  CHECK(describe(Isa::kAvx512, all) == "avx512 (vnni, bf16)");
  CHECK(describe(Isa::kAvx2, all) == "avx2 (vnni)");
  CHECK(describe(Isa::kScalar, all) == "scalar");
  CHECK(describe(Isa::kAvx512, CpuFeatures{.avx2 = true, .avx512 = true}) == "avx512");
}
