#include <doctest/doctest.h>

#include "cli/devices.h"
#include "gguf_writer.h"
#include "run/opened_model.h"
#include "test_support.h"

using namespace qbench;

namespace {

/// A machine with so much memory.
class SmallMachine : public cli::Devices {
 public:
  explicit SmallMachine(std::optional<std::uint64_t> bytes) : bytes_(bytes) {}
  std::optional<std::uint64_t> free_memory_bytes(const run::DeviceRequest&) const override { return bytes_; }

 private:
  std::optional<std::uint64_t> bytes_;
};

catalog::ModelRef file_ref(const std::filesystem::path& path) {
  catalog::ModelRef ref;
  ref.request = path.string();
  ref.label = "tiny";
  ref.path = path;
  return ref;
}

}  // namespace

TEST_CASE("the weights that are planned for a file are those that loading makes of it, at every precision") {
  const test::TempDir dir;
  test::tiny_gguf({.hidden = 256, .ffn = 512, .vocab = 2048}).write(dir.path() / "m.gguf");
  const catalog::ModelRef ref = file_ref(dir.path() / "m.gguf");
  for (const char* precision : {"auto", "f32", "bf16", "q8_0", "q4_0"}) {
    CAPTURE(precision);
    workload::EffectiveSettings settings;
    settings.precision = precision;
    const catalog::MemoryPlan plan = run::plan_memory(run::open_files(ref), settings, 64, 0);
    const auto opened = run::open_model(ref, settings, 64, run::DeviceRequest{"cpu", 1, {}}, SmallMachine(std::nullopt));
    CHECK(static_cast<double>(opened->facts.weight_bytes.value()) == doctest::Approx(static_cast<double>(plan.weight_bytes)).epsilon(0.03));
  }
}

TEST_CASE("no free memory at all is not the same as an unknown amount") {
  const test::TempDir dir;
  test::tiny_gguf({}).write(dir.path() / "m.gguf");
  const catalog::ModelRef ref = file_ref(dir.path() / "m.gguf");
  CHECK_THROWS_WITH(run::open_model(ref, {}, 64, run::DeviceRequest{"cpu", 1, {}}, SmallMachine(0)), doctest::Contains("does not fit"));
  CHECK_NOTHROW(run::open_model(ref, {}, 64, run::DeviceRequest{"cpu", 1, {}}, SmallMachine(std::nullopt)));
}

TEST_CASE("ids that the catalogue calls padding are never sampled, whatever the file's vocabulary says") {
  const test::TempDir dir;
  test::tiny_gguf({}).write(dir.path() / "m.gguf");
  catalog::ModelRef ref = file_ref(dir.path() / "m.gguf");
  CHECK(run::open_model(ref, {}, 64, run::DeviceRequest{"cpu", 1, {}}, SmallMachine(std::nullopt))->sampling_vocab == 320);
  ref.entry.emplace();
  ref.entry->tokenizer_size = 310;
  CHECK(run::open_model(ref, {}, 64, run::DeviceRequest{"cpu", 1, {}}, SmallMachine(std::nullopt))->sampling_vocab == 310);
}
