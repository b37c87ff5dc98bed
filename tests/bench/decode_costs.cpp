#include <cstdio>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "catalog/catalog.h"
#include "kernels/cuda/attention_decode.h"
#include "kernels/cuda/experts.h"
#include "kernels/cuda/matvec_grid.h"
#include "kernels/cuda/qkv.h"
#include "kernels/cuda/sampling.h"
#include "model/weight_plan.h"

/// Every launch of one decoded token at full size, by the kernels' own cost functions and grids: what scripts/kernel_predictions.py reads. A step
/// whose name begins with + is added where its options ask for it; the others are greedy decoding.
///   decode_costs MODEL PRECISION POSITIONS MULTIPROCESSORS
namespace qbench {
namespace {

using namespace kernels::cuda_emulated;
using tensor::DType;

struct Launch {
  std::string step, kernel, types;
  Cost cost;
  std::int64_t blocks = 0, threads = kMatvecThreads, shared_bytes = 0;
  std::int64_t round_trips = 0;  ///< to memory and back, each waiting for the one before, of what a last block does alone
  auto operator<=>(const Launch& other) const {
    return std::tie(step, kernel, types, cost.bytes, blocks) <=> std::tie(other.step, other.kernel, other.types, other.cost.bytes, other.blocks);
  }
};

class DecodeStep {
 public:
  DecodeStep(const formats::ModelConfig& config, model::WeightPrecision precision, std::int64_t positions, int sm_count)
      : c_(config), positions_(positions), sm_count_(sm_count) {
    for (const model::PlannedTensor& t : model::plan_weights(config, precision)) tensors_.emplace(t.name, t);
    add("embedding", "embed_kernel", name("token_embd.weight"), embed_cost({rows("token_embd.weight"), nullptr, 1, nullptr, true}), 1, 0);
    for (std::int64_t i = 0; i < c_.layers; ++i) layer("blk." + std::to_string(i) + ".", i);
    const std::string head = c_.tied_head ? "token_embd.weight" : "output.weight";
    product("head", head, false);
    PickArguments pick{};
    pick.rows = 1;
    pick.vocab = static_cast<std::int32_t>(c_.vocab);
    add("sampling", "pick_largest_kernel", "", pick_largest_cost(pick), pick_blocks(pick.vocab, kPickThreads), 0);
    pick.rule.inverse_temperature = 1.0F / 0.7F;
    pick.rule.top_p = 0.9;
    add("+ drawing: T 0.7, top-p 0.9", "pick_draw_kernel", "", pick_draw_cost(pick), pick_chunks(pick.vocab), 0, kPickDrawThreads,
        pick_draw_round_trips(pick));
  }

  const std::map<Launch, int>& launches() const { return launches_; }

 private:
  const model::PlannedTensor& tensor(const std::string& name) const {
    const auto found = tensors_.find(name);
    if (found == tensors_.end()) throw Error(ErrorCode::kUnsupported, "the plan has no tensor " + name);
    return found->second;
  }
  std::string name(const std::string& tensor_name) const { return std::string(tensor::name_of(tensor(tensor_name).dtype)); }
  WeightRows rows(const std::string& tensor_name) const { return weight_rows(weight_layout(tensor(tensor_name).dtype, tensor(tensor_name).cols), nullptr); }

  void add(const char* step, const char* kernel, const std::string& types, Cost cost, std::int64_t blocks, std::int64_t shared_bytes,
           std::int64_t threads = kMatvecThreads, std::int64_t round_trips = 0) {
    ++launches_[{step, kernel, types, cost, blocks, threads, shared_bytes, round_trips}];
  }

  void product(const char* step, const std::string& tensor_name, bool accumulate) {
    MatvecArguments a{};
    a.w = rows(tensor_name);
    a.rows = static_cast<std::int32_t>(tensor(tensor_name).rows);
    a.tokens = 1;
    a.accumulate = accumulate;
    constexpr int kRowsOfWarp = 2;
    add(step, "matvec_kernel", name(tensor_name), matvec_cost(a), matvec_grid(a.rows, kRowsOfWarp, unit_count_host(a.w), 1, sm_count_).blocks,
        staged_bytes(a.w));
  }

  void qkv(const std::string& prefix) {
    QkvArguments a{};
    std::string types;
    const char* const names[] = {"attn_q.weight", "attn_k.weight", "attn_v.weight"};
    for (int p = 0; p < 3; ++p) {
      a.part[p] = rows(prefix + names[p]);
      a.part_rows[p] = static_cast<std::int32_t>(tensor(prefix + names[p]).rows);
      const std::string type = name(prefix + names[p]);
      if (types.find(type) == std::string::npos) types += (types.empty() ? "" : ",") + type;
    }
    a.tokens = 1;
    a.heads = static_cast<std::int32_t>(c_.heads);
    a.kv_heads = static_cast<std::int32_t>(c_.kv_heads);
    a.head_dim = static_cast<std::int32_t>(c_.head_dim);
    a.layout.dtype = DType::kBF16;
    const QkvGrid grid = qkv_grid(a, sm_count_);
    add("norm+qkv+rope+append", "qkv_kernel", types, qkv_cost(a), (a.heads + 2 * a.kv_heads) * std::int64_t{grid.tiles}, grid.shared_bytes);
  }

  void attention(std::int64_t index) {
    AttentionArguments a{};
    a.layout = make_kv_layout(DType::kBF16, static_cast<std::int32_t>(c_.head_dim), static_cast<std::int32_t>(c_.kv_heads), 1, static_cast<std::int32_t>(positions_));
    a.tokens = 1;
    a.heads = static_cast<std::int32_t>(c_.heads);
    const std::int64_t window = c_.sliding_window.empty() ? 0 : c_.sliding_window[static_cast<std::size_t>(index)];
    const std::int64_t seen = window > 0 ? std::min(window, positions_) : positions_;
    add("attention", c_.heads / c_.kv_heads > 4 ? "attention_decode_kernel<BF16, 8, false>" : c_.heads > c_.kv_heads ? "attention_decode_kernel<BF16, 4, false>" : "attention_decode_kernel<BF16, 1, false>",
        "BF16", attention_decode_cost(a, seen, seen), attention_splits(1, c_.kv_heads, seen, sm_count_) * c_.kv_heads, 0);
  }

  void experts(const std::string& prefix) {
    RouterArguments r{};
    r.router = rows(prefix + "ffn_gate_inp.weight");
    r.experts = static_cast<std::int32_t>(c_.experts);
    r.used = static_cast<std::int32_t>(c_.experts_used);
    r.tokens = 1;
    const MatvecGrid grid = matvec_grid(r.experts, 2, unit_count_host(r.router), 1, sm_count_);
    const std::int64_t tile = kMatvecWarps / grid.parts * 2;
    add("router", "router_kernel", name(prefix + "ffn_gate_inp.weight"), router_cost(r), (r.experts + tile - 1) / tile, staged_bytes(r.router));
    ExpertGateUpArguments g{};
    g.gate = rows(prefix + "expert.0.ffn_gate.weight");
    g.up = rows(prefix + "expert.0.ffn_up.weight");
    g.used = r.used;
    g.tokens = 1;
    g.ffn = static_cast<std::int32_t>(c_.expert_ffn);
    add("experts: gate, up", "expert_gate_up_kernel", name(prefix + "expert.0.ffn_gate.weight"), expert_gate_up_cost(g),
        std::int64_t{matvec_grid(g.ffn, 1, unit_count_host(g.gate), g.used, sm_count_).blocks} * g.used, staged_bytes(g.gate));
    ExpertDownArguments d{};
    d.down = rows(prefix + "expert.0.ffn_down.weight");
    d.used = r.used;
    d.tokens = 1;
    d.hidden = static_cast<std::int32_t>(c_.hidden);
    add("experts: down", "expert_down_kernel", name(prefix + "expert.0.ffn_down.weight"), expert_down_cost(d), matvec_grid(d.hidden, 2, 0, 1, sm_count_).blocks,
        d.used * staged_bytes(d.down));
  }

  void layer(const std::string& prefix, std::int64_t index) {
    qkv(prefix);
    attention(index);
    product("output projection", prefix + "attn_output.weight", true);
    if (c_.experts > 0 && !c_.layer_is_dense[static_cast<std::size_t>(index)]) return experts(prefix);
    GateUpArguments g{};
    g.gate = rows(prefix + "ffn_gate.weight");
    g.up = rows(prefix + "ffn_up.weight");
    g.rows = static_cast<std::int32_t>(c_.ffn);
    g.tokens = 1;
    add("gate, up", "gate_up_kernel", name(prefix + "ffn_gate.weight"), gate_up_cost(g), matvec_grid(g.rows, 1, unit_count_host(g.gate), 1, sm_count_).blocks,
        staged_bytes(g.gate));
    product("down", prefix + "ffn_down.weight", true);
  }

  const formats::ModelConfig& c_;
  std::int64_t positions_;
  int sm_count_;
  std::map<std::string, model::PlannedTensor> tensors_;
  std::map<Launch, int> launches_;
};

int print(int argc, char** argv) {
  if (argc != 5) throw Error(ErrorCode::kUsage, "decode_costs MODEL PRECISION POSITIONS MULTIPROCESSORS");
  const catalog::Catalog catalog = catalog::Catalog::load_default();
  const catalog::CatalogEntry* const entry = catalog.find(argv[1]);
  const auto precision = model::precision_from_name(argv[2]);
  if (entry == nullptr || !precision) throw Error(ErrorCode::kUsage, std::string("no such model or precision: ") + argv[1] + " " + argv[2]);
  const DecodeStep step(entry->shape, *precision, std::stoll(argv[3]), std::stoi(argv[4]));
  std::printf("[");
  const char* separator = "\n";
  for (const auto& [launch, count] : step.launches()) {
    std::printf("%s {\"step\": \"%s\", \"kernel\": \"%s\", \"types\": \"%s\", \"count\": %d, \"bytes\": %llu, \"flops\": %llu, \"blocks\": %lld, \"threads\": %lld, \"shared_bytes\": %lld, \"round_trips\": %lld}",
                separator, launch.step.c_str(), launch.kernel.c_str(), launch.types.c_str(), count, static_cast<unsigned long long>(launch.cost.bytes),
                static_cast<unsigned long long>(launch.cost.flops), static_cast<long long>(launch.blocks), static_cast<long long>(launch.threads),
                static_cast<long long>(launch.shared_bytes), static_cast<long long>(launch.round_trips));
    separator = ",\n";
  }
  std::printf("\n]\n");
  return 0;
}

}  // namespace
}  // namespace qbench

int main(int argc, char** argv) {
  try {
    return qbench::print(argc, argv);
  } catch (const qbench::Error& e) {
    std::fprintf(stderr, "decode_costs: %s\n", e.what());
    return 2;
  }
}
