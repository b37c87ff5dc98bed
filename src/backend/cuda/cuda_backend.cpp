#include <algorithm>
#include <cmath>
#include <exception>
#include <filesystem>
#include <utility>

#include <fmt/format.h>

#include "backend/cuda/cuda_backend_impl.h"
#include "backend/cuda/cuda_cost.h"
#include "backend/cuda/cuda_step_clock.h"
#include "backend/unfused_backend.h"
#include "base/check.h"
#include "base/environment.h"
#include "base/error.h"
#include "kernels/cuda/matvec.h"

namespace qbench::backend::QB_CUDA_NAMESPACE {
namespace {

#ifdef QB_CUDA_EMULATED
constexpr DeviceKind kKind = DeviceKind::kCudaEmulated;
constexpr const char* kName = kEmulatedDevice.data();  // of a literal
#else
constexpr DeviceKind kKind = DeviceKind::kCuda;
constexpr const char* kName = "cuda";
#endif

/// Where the timings of matrix products are kept; those of the emulated device mean nothing.
std::filesystem::path timings_file() {
  return kKind == DeviceKind::kCuda ? cache_dir() / "matrix-products.txt" : std::filesystem::path();
}

/// Steps of more tokens are prefill, whose chunks hardly repeat.
constexpr std::int64_t kMostGraphTokens = 64;
constexpr std::int64_t kMostTokens = 65535;  ///< of a step: the largest grid dimension y

bool same(const Rope& a, const Rope& b) {
  return a.rotary_dim == b.rotary_dim && a.magnitude == b.magnitude && a.inverse_frequency == b.inverse_frequency;
}

/// Neighbouring tokens of one sequence at consecutive positions, cut to the tiles of prefill attention.
std::vector<kernels::PrefillTile> make_tiles(const CudaBatch& batch) {
  std::vector<kernels::PrefillTile> tiles;
  for (std::int32_t t = 0; t < batch.tokens(); ++t) {
    const auto i = static_cast<std::size_t>(t);
    const bool goes_on = !tiles.empty() && tiles.back().tokens < kernels::kPrefillTokens && batch.sequences[i] == tiles.back().sequence &&
                         batch.positions[i] == tiles.back().first_position + tiles.back().tokens;
    if (goes_on) {
      ++tiles.back().tokens;
    } else {
      tiles.push_back({t, 1, batch.positions[i], batch.sequences[i]});
    }
  }
  return tiles;
}

}  // namespace

std::unique_ptr<Backend> make_cuda_backend(const CudaOptions& options) {
  auto device = std::make_unique<CudaBackend>(options);
  if (!options.paths.fusion) return std::make_unique<UnfusedBackend>(std::move(device));
  return device;
}

void CudaBackend::check_staged(const kernels::WeightRows& rows, std::int64_t times) const {
  const std::int64_t bytes = times * kernels::staged_bytes(rows);
  if (bytes <= shared_limit()) return;
  throw Error(ErrorCode::kUnsupported,
              fmt::format("rows of {} numbers, {} at a time, need {} bytes of shared memory; {} are there; use --device cpu", rows.cols,
                          times, bytes, shared_limit()),
              kName);
}

CudaBackend::CudaBackend(const CudaOptions& options)
    : memory_(options.memory ? options.memory : std::make_shared<MemoryAccount>(options.memory_limit_bytes)),
      device_(options.device),
      properties_(device_.properties()),
      paths_(options.paths),
      programmatic_(options.paths.pdl && properties_.capability_major >= 9),
      load_threads_(options.load_threads),
      blas_(kernels::open_blas()),
      graph_(stream_, properties_.sm_count, options.paths.graph) {
  if (blas_ != nullptr) tuner_ = std::make_unique<BlasTuner>(*blas_, properties_.name, timings_file(), kBlasWorkspaceBytes);
  paths_.fusion = true;  // taking steps apart is the wrapper's
}

void CudaBackend::use_paths(const Paths& paths) {
  paths_ = paths;
  paths_.fusion = true;
  programmatic_ = paths.pdl && properties_.capability_major >= 9;
  graph_.set_graphs(paths.graph);
}

Paths CudaBackend::paths_on() const {
  Paths on = paths_;
  on.pdl = programmatic_;
  return on;
}

Paths CudaBackend::take_paths_ran() {
  Paths ran = paths_on();
  const StepGraph::Ran since = graph_.take_ran();
  ran.graph = since.replayed;
  ran.pdl = ran.pdl && since.unpaused;  // stamps between the launches keep each from starting before its predecessor ends
  return ran;
}

MachineLimits CudaBackend::measure_limits() {
  const UnchargedScope uncharged;  // of the machine, not of the model
  return measure_cuda_limits(device_.properties(), memory_->left_bytes(), blas_.get(), stream_);
}

void CudaBackend::forget_study(std::uint64_t peak) {
  stream_.synchronize();
  scores_ = WorkArea();  // a captured graph that names it is not replayed: its arguments would have to be the same
  memory_->lower_peak(peak);
}

std::unique_ptr<StepClock> CudaBackend::make_step_clock() {
  return std::make_unique<CudaStepClock>(stream_, graph_, kKind == DeviceKind::kCuda);
}

void CudaBackend::count_costs(StepCost* into) {
  if (into == nullptr) return graph_.on_add({});
  graph_.on_add([this, into](const Operation& operation) { add_cost(operation, batch_, *into); });
}

DeviceInfo CudaBackend::device() const {
  const kernels::DeviceProperties now = device_.properties();
  DeviceInfo info;
  info.kind = kKind;
  info.name = kKind == DeviceKind::kCuda ? fmt::format("{}:{}", kName, device_.index()) : kName;
  info.description = now.name;
  info.instruction_sets = fmt::format("sm_{}{}, prompts by {}", now.capability_major, now.capability_minor,
                                      blas_ != nullptr ? blas_->version() : "own kernels (no libcublasLt.so.13 or .12 found)");
  info.attention_path =
      "flash (split-KV for single tokens, tensor cores for prompts over caches but f32; online softmax, f32 accumulation)";
  if (!paths_.flash) info.attention_path = "materialised (all scores in memory, three kernels, f32)";
  info.paths = describe_paths(paths_on(), kKind);
  info.threads = 1;
  info.pci_bus_id = now.pci_bus_id;
  info.memory_bytes = now.total_bytes;
  info.memory_free_bytes = now.free_bytes;
  return info;
}

std::unique_ptr<Matrix> CudaBackend::load_matrix(std::span<const tensor::RowSource* const> parts) {
  MemoryAccount::make_current(memory_);
  if (uploader_ == nullptr) uploader_ = std::make_unique<Uploader>(device_.index(), load_threads_);
  auto matrix = std::make_unique<CudaMatrix>(parts, next_matrix_++, *uploader_, arena_);
  for (const CudaMatrix::Part& part : matrix->parts()) check_staged(part.rows);
  return matrix;
}

/// Steps have come: the weights must be there, and the pinned memory and threads can go.
void CudaBackend::finish_uploads() {
  if (uploader_ == nullptr) return;
  uploader_->finish();
  uploader_.reset();
}

std::unique_ptr<Buffer> CudaBackend::load_vector(std::span<const float> values) {
  MemoryAccount::make_current(memory_);
  auto buffer = std::make_unique<CudaBuffer>(static_cast<std::int64_t>(values.size()), MemoryPurpose::kWeights);
  if (!values.empty()) copy_to_device(buffer->data(), values.data(), values.size_bytes(), stream_);
  stream_.synchronize();  // the caller's numbers may go
  return buffer;
}

std::unique_ptr<Buffer> CudaBackend::allocate(std::int64_t numbers) {
  QB_CHECK(numbers >= 0);
  MemoryAccount::make_current(memory_);
  return std::make_unique<CudaBuffer>(numbers, MemoryPurpose::kActivations);
}

std::unique_ptr<KvCache> CudaBackend::make_kv_cache(const KvCacheShape& shape) {
  MemoryAccount::make_current(memory_);
  return std::make_unique<CudaKvCache>(shape);
}

void CudaBackend::begin_step(const Batch& batch) {
  QB_CHECK(!batch_.open);
  MemoryAccount::make_current(memory_);
  report_late_failure();
  finish_uploads();
  QB_CHECK(!batch.ids.empty() && batch.positions.size() == batch.ids.size() && batch.sequences.size() == batch.ids.size());
  if (batch.tokens() > kMostTokens)
    throw Error(ErrorCode::kUnsupported, fmt::format("{} tokens in a step; {} are possible", batch.tokens(), kMostTokens), kName);
  batch_.ids.assign(batch.ids.begin(), batch.ids.end());
  batch_.positions.assign(batch.positions.begin(), batch.positions.end());
  batch_.sequences.assign(batch.sequences.begin(), batch.sequences.end());
  QB_CHECK(*std::min_element(batch_.positions.begin(), batch_.positions.end()) >= 0);
  QB_CHECK(*std::min_element(batch_.sequences.begin(), batch_.sequences.end()) >= 0);
  batch_.most_position = *std::max_element(batch_.positions.begin(), batch_.positions.end());
  batch_.most_sequence = *std::max_element(batch_.sequences.begin(), batch_.sequences.end());
  std::vector<std::int64_t> counts(static_cast<std::size_t>(batch_.most_sequence) + 1);
  batch_.longest_run = 0;
  for (const std::int32_t sequence : batch_.sequences) batch_.longest_run = std::max(batch_.longest_run, ++counts[static_cast<std::size_t>(sequence)]);
  // One array and one copy for all three.
  const std::int64_t tokens = batch.tokens();
  std::vector<std::int32_t> all(batch_.ids);
  all.insert(all.end(), batch_.positions.begin(), batch_.positions.end());
  all.insert(all.end(), batch_.sequences.begin(), batch_.sequences.end());
  auto* to = need<std::int32_t>(batch_area_, 3 * tokens);
  copy_to_device(to, all.data(), all.size() * sizeof(std::int32_t), stream_);
  batch_.device_ids = to;
  batch_.device_positions = to + tokens;
  batch_.device_sequences = to + 2 * tokens;
  batch_.tiles = make_tiles(batch_);
  auto* tiles = need<kernels::PrefillTile>(tile_area_, static_cast<std::int64_t>(batch_.tiles.size()));
  copy_to_device(tiles, batch_.tiles.data(), batch_.tiles.size() * sizeof(kernels::PrefillTile), stream_);
  batch_.device_tiles = tiles;
  graph_.begin(tokens <= kMostGraphTokens);
  head_gathered_ = false;
  batch_.open = true;
}

void CudaBackend::begin_fed_step(const FedRows& rows) {
  QB_CHECK(!batch_.open && !rows.sequences.empty());
  MemoryAccount::make_current(memory_);
  report_late_failure();
  finish_uploads();
  batch_.sequences.assign(rows.sequences.begin(), rows.sequences.end());
  batch_.ids.assign(rows.sequences.size(), 0);  // not known here
  batch_.positions.assign(rows.sequences.size(), rows.last_position);
  batch_.most_position = rows.last_position;
  batch_.most_sequence = *std::max_element(batch_.sequences.begin(), batch_.sequences.end());
  batch_.longest_run = 1;
  batch_.device_ids = rows.ids;
  batch_.device_positions = rows.positions;
  batch_.device_sequences = rows.slots;
  batch_.tiles.assign(rows.sequences.size(), {});  // one a token: none of prefill attention's
  batch_.device_tiles = nullptr;
  graph_.begin(true, true);
  head_gathered_ = false;
  batch_.open = true;
}

void CudaBackend::end_step() noexcept {
  batch_.open = false;
  try {
    graph_.submit();
  } catch (...) {
    late_failure_ = std::current_exception();  // the interface's promise: read() or the next begin_step() says it
  }
}

void CudaBackend::report_late_failure() {
  if (late_failure_) std::rethrow_exception(std::exchange(late_failure_, nullptr));
}

const RopeTable& CudaBackend::rope_table(const Rope& rope, std::int64_t positions) {
  for (const auto& table : ropes_) {
    if (table->positions >= positions && same(table->rope, rope)) return *table;
  }
  const auto half = static_cast<std::size_t>(rope.rotary_dim / 2);
  QB_CHECK(rope.rotary_dim % 2 == 0 && rope.inverse_frequency.size() == half);
  std::vector<float> cos(static_cast<std::size_t>(positions) * half);
  std::vector<float> sin(cos.size());
  for (std::size_t p = 0; p < static_cast<std::size_t>(positions); ++p) {
    for (std::size_t j = 0; j < half; ++j) {
      const double angle = static_cast<double>(p) * rope.inverse_frequency[j];
      cos[p * half + j] = static_cast<float>(std::cos(angle) * rope.magnitude);
      sin[p * half + j] = static_cast<float>(std::sin(angle) * rope.magnitude);
    }
  }
  auto table = std::make_unique<RopeTable>();
  table->rope = rope;
  table->positions = positions;
  const std::size_t bytes = cos.size() * sizeof(float);
  table->cos = kernels::DeviceMemory(bytes);
  table->sin = kernels::DeviceMemory(bytes);
  if (bytes > 0) {
    copy_to_device(table->cos.data(), cos.data(), bytes, stream_);
    copy_to_device(table->sin.data(), sin.data(), bytes, stream_);
    stream_.synchronize();
  }
  std::erase_if(ropes_, [&](const auto& old) { return same(old->rope, rope); });  // a shorter one; the stream is idle
  ropes_.push_back(std::move(table));
  return *ropes_.back();
}

const kernels::ExpertPointers* CudaBackend::expert_table(const ExpertInput& input) {
  const auto recognised = [&](const ExpertTable& table) {
    if (table.ids.size() != 2 * input.down.size()) return false;
    for (std::size_t e = 0; e < input.down.size(); ++e) {
      if (table.ids[2 * e] != own(*input.gate_up[e]).id() || table.ids[2 * e + 1] != own(*input.down[e]).id()) return false;
    }
    return true;
  };
  for (const ExpertTable& table : expert_tables_) {
    if (recognised(table)) return table.pointers.as<kernels::ExpertPointers>();
  }
  ExpertTable table;
  std::vector<kernels::ExpertPointers> pointers;
  const CudaMatrix& first_gate_up = own(*input.gate_up[0]);
  const CudaMatrix& first_down = own(*input.down[0]);
  const std::int64_t ffn = first_down.cols();
  for (std::size_t e = 0; e < input.down.size(); ++e) {
    const CudaMatrix& gate_up = own(*input.gate_up[e]);
    const CudaMatrix& down = own(*input.down[e]);
    const auto same_form = [](const kernels::WeightRows& a, const kernels::WeightRows& b) {
      return a.dtype == b.dtype && a.row_bytes == b.row_bytes && a.cols == b.cols;
    };
    const kernels::WeightRows gate = gate_up.from_row(0);
    const kernels::WeightRows up = gate_up.from_row(ffn);
    if (!same_form(gate, up) || !same_form(gate, first_gate_up.from_row(0)) || !same_form(down.from_row(0), first_down.from_row(0))) {
      throw Error(ErrorCode::kUnsupported, "the experts of a layer are of different types; use --device cpu", kName);
    }
    pointers.push_back({gate.data, up.data, down.from_row(0).data});
    table.ids.push_back(gate_up.id());
    table.ids.push_back(down.id());
  }
  table.pointers = kernels::DeviceMemory(pointers.size() * sizeof(kernels::ExpertPointers));
  copy_to_device(table.pointers.data(), pointers.data(), table.pointers.bytes(), stream_);
  stream_.synchronize();
  expert_tables_.push_back(std::move(table));
  return expert_tables_.back().pointers.as<kernels::ExpertPointers>();
}

void CudaBackend::read(const Buffer& from, std::int64_t first, std::span<float> to) {
  QB_CHECK(first >= 0 && first + static_cast<std::int64_t>(to.size()) <= from.size());
  if (to.empty()) return;
  report_late_failure();
  graph_.submit();
  copy_to_host(to.data(), own(from).data() + first, to.size_bytes(), stream_);
  stream_.synchronize();
}

}  // namespace qbench::backend::QB_CUDA_NAMESPACE
