#include <algorithm>

#include "kernels/cuda/expert_groups.h"
#include "kernels/cuda/experts.h"
#include "op_cases.h"

namespace qbench::test {
namespace {

using tensor::DType;

struct Choice {
  std::vector<std::int32_t> ids;
  std::vector<float> weights;
};

/// The router on logits of the test's choice: one activation, 1, and the logits as weights.
Choice choose(const std::vector<float>& logits, std::int32_t used, bool renormalize) {
  emulated::Stream stream;
  const auto experts = static_cast<std::int64_t>(logits.size());
  const emulated::WeightLayout layout = emulated::weight_layout(DType::kF32, 1);
  std::vector<std::byte> packed(static_cast<std::size_t>(experts * layout.row_bytes));
  for (std::int64_t e = 0; e < experts; ++e) {
    emulated::pack_row(layout, reinterpret_cast<const std::byte*>(logits.data() + e), packed.data() + e * layout.row_bytes);
  }
  const auto weights = to_device(packed, stream);
  const auto one = to_device(std::vector<float>{1.0F}, stream);
  const Guarded scratch(std::vector<float>(logits.size(), NAN), stream);
  const auto tickets = to_device(std::vector<unsigned>{0}, stream);
  const auto ids = to_device(std::vector<std::int32_t>(static_cast<std::size_t>(used), -7), stream);
  const Guarded out(std::vector<float>(static_cast<std::size_t>(used), kCanary), stream);
  emulated::RouterArguments a{};
  a.router = emulated::weight_rows(layout, weights.data());
  a.experts = static_cast<std::int32_t>(experts);
  a.used = used;
  a.tokens = 1;
  a.renormalize = renormalize;
  a.x = one.as<float>();
  a.norm = one.as<float>();
  a.logits = scratch.data();
  a.tickets = tickets.as<unsigned>();
  a.ids = ids.as<std::int32_t>();
  a.weights = out.data();
  emulated::router(a, 4, stream);
  scratch.read(stream);
  CHECK(to_host<unsigned>(tickets, stream)[0] == 0);
  const Choice fused{to_host<std::int32_t>(ids, stream), out.read(stream)};

  // The second half alone, of three tokens of which the last has these logits.
  std::vector<float> rows(3 * logits.size(), 0.25F);
  std::copy(logits.begin(), logits.end(), rows.end() - static_cast<std::ptrdiff_t>(logits.size()));
  const Guarded three(rows, stream);
  const auto three_ids = to_device(std::vector<std::int32_t>(3 * static_cast<std::size_t>(used), -7), stream);
  const Guarded three_out(std::vector<float>(3 * static_cast<std::size_t>(used), kCanary), stream);
  a.tokens = 3;
  a.logits = three.data();
  a.ids = three_ids.as<std::int32_t>();
  a.weights = three_out.data();
  emulated::choose_experts({a}, stream);
  three.read(stream);
  const auto chosen = to_host<std::int32_t>(three_ids, stream);
  const auto shares = three_out.read(stream);
  CHECK(std::vector<std::int32_t>(chosen.end() - used, chosen.end()) == fused.ids);
  for (std::size_t s = 0; s < fused.weights.size(); ++s) {
    const float alone = shares[2 * fused.weights.size() + s];
    CHECK((alone == fused.weights[s] || (std::isnan(alone) && std::isnan(fused.weights[s]))));
  }
  return fused;
}

TEST_CASE("the router takes the largest first, the lower index among equals") {
  std::vector<float> logits(128, 0.5F);
  logits[77] = 2.0F;
  logits[3] = 1.0F;
  CHECK(choose(logits, 5, true).ids == std::vector<std::int32_t>{77, 3, 0, 1, 2});
  CHECK(choose(std::vector<float>(40, -3.0F), 40, true).ids.back() == 39);
  CHECK(choose({1.0F}, 1, false).ids == std::vector<std::int32_t>{0});
}

TEST_CASE("the router's weights are the softmax over all experts, or over the chosen ones") {
  const auto logits = normal_numbers(100, 4, 3.0);
  double total = 0;
  for (const float l : logits) total += std::exp(static_cast<double>(l));
  for (const bool renormalize : {false, true}) {
    const Choice choice = choose(logits, 8, renormalize);
    std::vector<std::int32_t> order(100);
    for (std::int32_t e = 0; e < 100; ++e) order[static_cast<std::size_t>(e)] = e;
    std::sort(order.begin(), order.end(),
              [&](std::int32_t a, std::int32_t b) { return logits[static_cast<std::size_t>(a)] > logits[static_cast<std::size_t>(b)]; });
    double chosen = 0;
    for (std::size_t s = 0; s < 8; ++s) chosen += std::exp(static_cast<double>(logits[static_cast<std::size_t>(order[s])]));
    for (std::size_t s = 0; s < 8; ++s) {
      CHECK(choice.ids[s] == order[s]);
      const double expected = std::exp(static_cast<double>(logits[static_cast<std::size_t>(order[s])])) / (renormalize ? chosen : total);
      CHECK(std::abs(static_cast<double>(choice.weights[s]) - expected) <= 200 * kRoundoff * expected);
    }
  }
}

TEST_CASE("a router whose logits are all NaN still names experts that are there") {
  std::vector<float> logits(70, 0.0F);
  logits[10] = NAN;  // the softmax makes all of them NaN
  const Choice choice = choose(logits, 3, true);
  CHECK(choice.ids == std::vector<std::int32_t>{0, 1, 2});
  for (const float w : choice.weights) CHECK(std::isnan(w));
}

TEST_CASE("grouping gives every slot a row of its expert's tiles, for any choice") {
  emulated::Stream stream;
  Random random(9);
  const std::int32_t experts = 20;
  const std::int32_t used = 3;
  for (const std::int32_t tokens : {1, 2, 90, 400}) {
    for (const bool one_expert : {false, true}) {
      CAPTURE(tokens);
      CAPTURE(one_expert);
      const std::int32_t slots = tokens * used;
      const std::int32_t tile_rows = emulated::group_tile_rows(slots, experts, 64);
      std::vector<std::int32_t> ids;
      for (std::int32_t s = 0; s < slots; ++s) ids.push_back(one_expert ? 7 : static_cast<std::int32_t>(random.next_below(experts)));
      const auto device_ids = to_device(ids, stream);
      const auto most = static_cast<std::size_t>(emulated::most_tiles(slots, experts, tile_rows));
      const auto rows = to_device(std::vector<std::int32_t>(static_cast<std::size_t>(slots), -1), stream);
      const auto tokens_of = to_device(std::vector<std::int32_t>(static_cast<std::size_t>(slots), -1), stream);
      const auto tiles = to_device(std::vector<emulated::ExpertTile>(most, {-1, -1, -1}), stream);
      const auto count = to_device(std::vector<std::int32_t>{-1}, stream);
      emulated::group_slots({device_ids.as<std::int32_t>(), slots, used, experts, tile_rows, tokens_of.as<std::int32_t>(),
                             rows.as<std::int32_t>(), tiles.as<emulated::ExpertTile>(), count.as<std::int32_t>(), false},
                            stream);
      const auto row_of_slot = to_host<std::int32_t>(rows, stream);
      const auto token_of_row = to_host<std::int32_t>(tokens_of, stream);
      const auto tile_count = to_host<std::int32_t>(count, stream)[0];
      const auto found = to_host<emulated::ExpertTile>(tiles, stream);
      REQUIRE(tile_count >= 1);
      REQUIRE(tile_count <= static_cast<std::int32_t>(most));
      std::vector<std::int32_t> expert_of_row(static_cast<std::size_t>(slots), -1);
      for (std::int32_t t = 0; t < tile_count; ++t) {
        const emulated::ExpertTile& tile = found[static_cast<std::size_t>(t)];
        CHECK((tile.rows >= 1 && tile.rows <= tile_rows));
        for (std::int32_t r = tile.first; r < tile.first + tile.rows; ++r) expert_of_row.at(static_cast<std::size_t>(r)) = tile.expert;
      }
      std::vector<int> taken(static_cast<std::size_t>(slots), 0);
      for (std::int32_t s = 0; s < slots; ++s) {
        const auto row = static_cast<std::size_t>(row_of_slot[static_cast<std::size_t>(s)]);
        ++taken.at(row);
        CHECK(expert_of_row[row] == ids[static_cast<std::size_t>(s)]);
        CHECK(token_of_row[row] == s / used);
      }
      CHECK(std::count(taken.begin(), taken.end(), 1) == slots);
    }
  }
}

TEST_CASE("the expert kernels equal the formula for every weight type") {
  emulated::Stream stream;
  const std::int64_t hidden = 256;
  const std::int64_t ffn = 256;
  const std::vector<std::int32_t> ids = {2, 0, 1, 2};  // two tokens of two experts
  const std::vector<float> weights = {0.75F, 0.25F, 0.5F, 0.125F};
  for (const DType dtype : device_types()) {
    CAPTURE(tensor::name_of(dtype));
    std::vector<DeviceMatrix> gate, up, down;
    std::vector<emulated::ExpertPointers> pointers;
    for (std::uint64_t e = 0; e < 3; ++e) {
      gate.emplace_back(dtype, ffn, hidden, 10 + e, stream);
      up.emplace_back(dtype, ffn, hidden, 20 + e, stream);
      down.emplace_back(dtype, hidden, ffn, 30 + e, stream);
      pointers.push_back({gate.back().view.data, up.back().view.data, down.back().view.data});
    }
    const auto table = to_device(pointers, stream);
    const auto device_ids = to_device(ids, stream);
    const auto device_weights = to_device(weights, stream);
    const auto x = normal_numbers(2 * hidden, 5);
    const auto norm = to_device(std::vector<float>(static_cast<std::size_t>(hidden), 1.0F), stream);
    const Guarded stream_x(x, stream);
    const Guarded middle(std::vector<float>(static_cast<std::size_t>(4 * ffn), NAN), stream);
    emulated::expert_gate_up({gate[0].view, up[0].view, table.as<emulated::ExpertPointers>(), device_ids.as<std::int32_t>(), 2, 2,
                              static_cast<std::int32_t>(ffn), stream_x.data(), norm.as<float>(), 1e-6F, middle.data(), false},
                             4, stream);
    const auto middle_read = middle.read(stream);
    for (std::int64_t slot = 0; slot < 4; ++slot) {
      const auto e = static_cast<std::size_t>(ids[static_cast<std::size_t>(slot)]);
      const float* row = x.data() + slot / 2 * hidden;
      double squares = 0;
      for (std::int64_t i = 0; i < hidden; ++i) squares += static_cast<double>(row[i]) * static_cast<double>(row[i]);
      const double scale = 1.0 / std::sqrt(squares / static_cast<double>(hidden) + 1e-6);
      double worst = 0;
      for (std::int64_t r = 0; r < ffn; ++r) {
        const Product g = product(gate[e].row(r), row, hidden, matvec_rounding(dtype));
        const Product u = product(up[e].row(r), row, hidden, matvec_rounding(dtype));
        const double s = scale * g.value / (1 + std::exp(-scale * g.value));
        const double bound = scale * (1.1 * g.bound * (std::abs(scale * u.value) + scale * u.bound) + std::abs(s) * u.bound) +
                             1e-5 * std::abs(s * scale * u.value) + 1e-12;
        worst = std::max(
            worst, std::abs(static_cast<double>(middle_read[static_cast<std::size_t>(slot * ffn + r)]) - s * scale * u.value) / bound);
      }
      CHECK(worst <= 1.0);
    }
    emulated::expert_down({down[0].view, table.as<emulated::ExpertPointers>(), device_ids.as<std::int32_t>(), device_weights.as<float>(), 2,
                           2, static_cast<std::int32_t>(hidden), middle.data(), stream_x.data(), false},
                          4, stream);
    const auto actual = stream_x.read(stream);
    double worst = 0;
    for (std::int64_t t = 0; t < 2; ++t) {
      for (std::int64_t r = 0; r < hidden; ++r) {
        const auto at = static_cast<std::size_t>(t * hidden + r);
        double expected = static_cast<double>(x[at]);
        double bound = 1e-12 + 4 * kRoundoff * std::abs(expected);
        for (std::int64_t s = 2 * t; s < 2 * t + 2; ++s) {
          const auto e = static_cast<std::size_t>(ids[static_cast<std::size_t>(s)]);
          const Product p = product(down[e].row(r), middle_read.data() + s * ffn, ffn, matvec_rounding(dtype));
          expected += static_cast<double>(weights[static_cast<std::size_t>(s)]) * p.value;
          bound += static_cast<double>(weights[static_cast<std::size_t>(s)]) * (p.bound + 8 * kRoundoff * std::abs(p.value)) +
                   4 * kRoundoff * std::abs(expected);
        }
        worst = std::max(worst, std::abs(static_cast<double>(actual[at]) - expected) / bound);
      }
    }
    CHECK(worst <= 1.0);
  }
}

}  // namespace
}  // namespace qbench::test
