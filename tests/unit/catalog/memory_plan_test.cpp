#include "catalog/memory_plan.h"

#include <algorithm>
#include <limits>

#include "catalog_test_support.h"

namespace qbench::catalog {
namespace {

const formats::ModelConfig& shape_of(std::string_view name) {
  static const Catalog catalog = test::shipped_catalog();
  REQUIRE(catalog.find(name) != nullptr);
  return catalog.find(name)->shape;
}

}  // namespace

TEST_CASE("the KV cache is layers x 2 x kv_heads x head_dim x bytes") {
  // The owner's corrected figures: 403 MB at 32,768 tokens, and 1.6 GB at 4,096.
  MemoryDemand demand;
  const MemoryPlan small = plan_memory(shape_of("qwen2.5-0.5b"), demand, 0);
  CHECK(small.kv_bytes_per_position == 12288);
  CHECK(small.context == 32768);
  CHECK(small.kv_bytes == 402653184);
  const MemoryPlan phi = plan_memory(shape_of("phi-3-mini-4k"), demand, 0);
  CHECK(phi.kv_bytes_per_position == 393216);
  CHECK(phi.kv_bytes == 1610612736);
  demand.kv_type = "f32";
  CHECK(plan_memory(shape_of("qwen2.5-0.5b"), demand, 0).kv_bytes_per_position == 24576);
  demand.kv_type = "f16";
  CHECK(plan_memory(shape_of("qwen2.5-0.5b"), demand, 0).kv_bytes_per_position == 12288);
  demand.kv_type = "q8_0";
  CHECK(plan_memory(shape_of("qwen2.5-0.5b"), demand, 0).kv_bytes_per_position == 6144 * 34 / 32);
}

TEST_CASE("the table stands at 1K, 4K, 10K, 32K and the full context, none twice") {
  const auto contexts = [](std::string_view name) {
    std::vector<std::int64_t> list;
    for (const KvAtContext& row : plan_memory(shape_of(name), {}, 0).table) list.push_back(row.context);
    return list;
  };
  CHECK(contexts("qwen3-8b") == std::vector<std::int64_t>{1024, 4096, 10240, 32768, 40960});
  CHECK(contexts("qwen2.5-0.5b") == std::vector<std::int64_t>{1024, 4096, 10240, 32768});
  CHECK(contexts("phi-3-mini-4k") == std::vector<std::int64_t>{1024, 4096, 10240, 32768});
  CHECK(contexts("smollm2-135m") == std::vector<std::int64_t>{1024, 4096, 10240, 32768, 8192});
  const MemoryPlan phi = plan_memory(shape_of("phi-3-mini-4k"), {}, 0);
  CHECK(phi.table[1].within_checkpoint);
  CHECK_FALSE(phi.table[2].within_checkpoint);
}

TEST_CASE("what fits is counted beside weights and workspace") {
  MemoryDemand demand;
  demand.weight_bytes = 1'000'000'000;
  demand.workspace_bytes = 1'000'000;
  demand.context = 4096;
  demand.sequences = 2;
  const std::uint64_t per_4k = 12288ull * 4096;
  // Exactly room for three sequences of 4K.
  const MemoryPlan plan = plan_memory(shape_of("qwen2.5-0.5b"), demand, 1'001'000'000 + 3 * per_4k);
  CHECK(plan.fits);
  CHECK(plan.missing_bytes == 0);
  CHECK(plan.needed_bytes == 1'001'000'000 + 2 * per_4k);
  CHECK(plan.table[0].sequences_that_fit == 12);
  CHECK(plan.table[1].sequences_that_fit == 3);
  CHECK(plan.table[2].sequences_that_fit == 1);
  CHECK(plan.table[3].sequences_that_fit == 0);
  CHECK(plan.longest_context == 3 * 4096);
  CHECK(plan_memory(shape_of("qwen2.5-0.5b"), demand, 1'001'000'000 + 3 * per_4k - 1).table[1].sequences_that_fit == 2);
  demand.sequences = 4;
  const MemoryPlan more = plan_memory(shape_of("qwen2.5-0.5b"), demand, 1'001'000'000 + 3 * per_4k);
  CHECK_FALSE(more.fits);
  CHECK(more.missing_bytes == per_4k);
  test::check_mentions(describe(more),
                       {"needs 1.20 GB", "weights 1.00 GB", "KV 201.3 MB", "workspace", "1.15 GB available", "50.3 MB short"});
  test::check_mentions(describe(plan), {"fits"});
}

TEST_CASE("a cache that keeps a window takes what its ring takes, and bounds no context") {
  MemoryDemand demand;
  demand.context = 32768;
  demand.room = [](std::int64_t context) { return std::min<std::int64_t>(context, 600); };
  const MemoryPlan plan = plan_memory(shape_of("qwen2.5-0.5b"), demand, 600 * 12288);
  CHECK(plan.room == 600);
  CHECK(plan.kv_bytes == 600 * 12288);
  CHECK(plan.fits);
  CHECK(plan.longest_context == 32768);
  CHECK(plan.table[3].bytes == 600 * 12288);
  CHECK_FALSE(plan_memory(shape_of("qwen2.5-0.5b"), demand, 600 * 12288 - 1).fits);
  demand.kv_type = "fp8";
  CHECK(plan_memory(shape_of("qwen2.5-0.5b"), demand, 0).kv_bytes_per_position == 6144 * 66 / 64);
}

TEST_CASE("exactly enough fits and one byte less does not") {
  MemoryDemand demand;
  demand.weight_bytes = 5000;
  demand.context = 1;
  CHECK(plan_memory(shape_of("qwen2.5-0.5b"), demand, 5000 + 12288).fits);
  const MemoryPlan short_one = plan_memory(shape_of("qwen2.5-0.5b"), demand, 5000 + 12287);
  CHECK_FALSE(short_one.fits);
  CHECK(short_one.missing_bytes == 1);
  CHECK(short_one.longest_context == 0);
  const MemoryPlan weights_alone = plan_memory(shape_of("qwen2.5-0.5b"), demand, 4999);
  CHECK(weights_alone.longest_context == 0);
  CHECK(weights_alone.table[0].sequences_that_fit == 0);
  CHECK(plan_memory(shape_of("qwen2.5-0.5b"), demand, std::uint64_t{1} << 50).longest_context == 32768);
}

TEST_CASE("absurd counts saturate instead of wrapping") {
  MemoryDemand demand;
  demand.weight_bytes = std::numeric_limits<std::uint64_t>::max() - 5;
  demand.context = std::numeric_limits<std::int64_t>::max();
  demand.sequences = std::numeric_limits<std::int64_t>::max();
  const MemoryPlan plan = plan_memory(shape_of("qwen2.5-72b"), demand, 1000);
  CHECK(plan.kv_bytes == std::numeric_limits<std::uint64_t>::max());
  CHECK(plan.needed_bytes == std::numeric_limits<std::uint64_t>::max());
  CHECK_FALSE(plan.fits);
}

TEST_CASE("a plan refuses what is no demand") {
  MemoryDemand demand;
  demand.kv_type = "q4_0";
  test::check_mentions(test::message_of(ErrorCode::kUsage, [&] { plan_memory(shape_of("qwen3-8b"), demand, 0); }), {"--kv-type", "q4_0"});
  demand = {};
  demand.context = -1;
  test::check_mentions(test::message_of(ErrorCode::kUsage, [&] { plan_memory(shape_of("qwen3-8b"), demand, 0); }), {"--context"});
  demand = {};
  demand.sequences = 0;
  test::check_mentions(test::message_of(ErrorCode::kUsage, [&] { plan_memory(shape_of("qwen3-8b"), demand, 0); }), {"--batch"});
}

TEST_CASE("a file that is read whole counts while the weights are packed, when there is no KV cache yet") {
  MemoryDemand demand;
  demand.weight_bytes = 1000;
  demand.context = 1;
  demand.load_bytes = 900;
  const std::uint64_t with_kv = 1000 + 12288;
  CHECK(plan_memory(shape_of("qwen2.5-0.5b"), demand, with_kv).fits);  // the file has gone before the KV cache comes
  demand.load_bytes = 20000;
  const MemoryPlan plan = plan_memory(shape_of("qwen2.5-0.5b"), demand, 20999);
  CHECK(plan.needed_bytes == 21000);
  CHECK_FALSE(plan.fits);
  CHECK(describe(plan).find("while loading 20.0 kB of file") != std::string::npos);
}

}  // namespace qbench::catalog
