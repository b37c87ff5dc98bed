#include "quantised.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "backend/cpu/cpu_backend.h"
#include "tampered.h"

namespace qbench::test {
namespace {

std::unique_ptr<backend::Backend> cpu() { return backend::make_cpu_backend({2, {}}); }

}  // namespace

TEST_CASE("with float32 arithmetic every quantised file gives transformers' logits on the dequantised weights") {
  for (const QuantisedCase& c : quantised_cases()) {
    CAPTURE(c.gguf.string());
    CHECK(worst_difference(c, *formats::open_model_file(c.gguf), *cpu()) < kExactTolerance);
  }
}

TEST_CASE("on the fast path the error of every quantised file is at most one and a half times llama.cpp's") {
  for (const QuantisedCase& c : quantised_cases()) {
    const double kl = trimmed_kl(c, *formats::open_model_file(c.gguf), *cpu());
    CAPTURE(c.gguf.string());
    CAPTURE(c.llama_kl);
    CHECK(kl <= kKlRatio * std::max(c.llama_kl, kKlFloor));
  }
}

TEST_CASE("a wrong block scale in one tensor fails both comparisons") {
  const std::vector<QuantisedCase> all = quantised_cases();
  const auto q8_0 = std::find_if(all.begin(), all.end(), [](const QuantisedCase& c) { return c.gguf.stem() == "llama-Q8_0"; });
  REQUIRE(q8_0 != all.end());
  const auto file = formats::open_model_file(q8_0->gguf);
  TamperedFile tampered(*file);
  tampered.scale_q8_0("blk.0.ffn_down.weight", 2);
  CHECK(worst_difference(*q8_0, tampered, *cpu()) > kExactTolerance);
  CHECK(trimmed_kl(*q8_0, tampered, *cpu()) > kKlRatio * q8_0->llama_kl);
}

}  // namespace qbench::test
