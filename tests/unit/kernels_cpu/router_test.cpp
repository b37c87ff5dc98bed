#include <doctest/doctest.h>

#include <algorithm>
#include <numeric>

#include "kernel_cases.h"
#include "kernels/cpu/router.h"

namespace qbench::kernels::cpu {
namespace {

TEST_CASE("the router takes the most probable experts of the softmax over all of them") {
  for (const Isa isa : test::available_isas("router")) {
    CAPTURE(name_of(isa));
    for (const std::size_t experts : {std::size_t{1}, std::size_t{4}, std::size_t{60}, std::size_t{128}}) {
      for (const std::size_t used : {std::size_t{1}, std::size_t{2}, std::size_t{8}}) {
        if (used > experts) continue;
        for (const bool renormalize : {false, true}) {
          const auto logits = test::normal_numbers(experts, experts * 10 + used, 3.0);
          std::vector<std::size_t> order(experts);
          std::iota(order.begin(), order.end(), std::size_t{0});
          std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return logits[a] > logits[b]; });
          double total = 0;
          double kept = 0;
          for (const float l : logits) total += std::exp(static_cast<double>(l));
          for (std::size_t i = 0; i < used; ++i) kept += std::exp(static_cast<double>(logits[order[i]]));

          auto work = logits;
          std::vector<std::int32_t> ids(used + 1, -1);
          std::vector<float> weights(used + 1, test::kCanary);
          route_token(elementwise_kernels(isa), work.data(), static_cast<std::int64_t>(experts), static_cast<std::int64_t>(used),
                      renormalize, ids.data(), weights.data());
          for (std::size_t i = 0; i < used; ++i) {
            CHECK(ids[i] == static_cast<std::int32_t>(order[i]));
            const double expected = std::exp(static_cast<double>(logits[order[i]])) / (renormalize ? kept : total);
            // the subtraction of the maximum rounds the argument (|x| up to 20), exp adds 4 roundoffs, sum and division the number of
            // experts
            CHECK(std::abs(weights[i] - expected) <= (20 + 8 + static_cast<double>(experts)) * test::kRoundoff * expected);
          }
          CHECK(ids[used] == -1);
          CHECK(weights[used] == test::kCanary);
        }
      }
    }
  }
}

TEST_CASE("equally probable experts are taken in index order") {
  for (const Isa isa : test::available_isas("router ties")) {
    std::vector<float> logits(32, 0.5F);
    logits[7] = 1.0F;
    logits[21] = 1.0F;
    std::vector<std::int32_t> ids(4);
    std::vector<float> weights(4);
    route_token(elementwise_kernels(isa), logits.data(), 32, 4, true, ids.data(), weights.data());
    CHECK(ids == std::vector<std::int32_t>{7, 21, 0, 1});
    CHECK(weights[0] == weights[1]);
    CHECK(weights[2] == weights[3]);
  }
}

TEST_CASE("logits that are NaN still give distinct experts within range") {
  for (const Isa isa : test::available_isas("router NaN")) {
    std::vector<float> logits(16, std::numeric_limits<float>::quiet_NaN());
    std::vector<std::int32_t> ids(8, -1);
    std::vector<float> weights(8);
    route_token(elementwise_kernels(isa), logits.data(), 16, 8, true, ids.data(), weights.data());
    std::sort(ids.begin(), ids.end());
    CHECK(std::adjacent_find(ids.begin(), ids.end()) == ids.end());
    CHECK(ids.front() >= 0);
    CHECK(ids.back() < 16);
  }
}

}  // namespace
}  // namespace qbench::kernels::cpu
