#include "run/opened_model.h"

#include <algorithm>

#include "base/clock.h"
#include "base/digest.h"
#include "base/error.h"
#include "base/random.h"
#include "base/units.h"
#include "model/weight_provider.h"
#include "run/memory_lock.h"
#include "run/step_sizes.h"
#include "tensor/dtype.h"

namespace qbench::run {
namespace {

constexpr std::int64_t kDefaultContext = 4096;  // of engine::Session

std::string format_word(const formats::ModelFile* file) {
  if (file == nullptr) return "synthetic";
  const std::string name = file->format_name();
  return name.substr(0, name.find(' '));
}

/// The catalogue knows its models; of others the name and the template tell.
text::PromptStyle prompt_style_of(const OpenedFiles& files, const std::string& name) {
  const text::PromptStyle detected = text::detect_prompt_style(name, files.text_side);
  if (!files.ref.entry || files.text_side.chat_template.empty()) return detected;
  if (files.ref.entry->kind != catalog::ModelKind::kBase) return text::PromptStyle::kTemplate;
  return detected == text::PromptStyle::kTemplate ? text::PromptStyle::kDirect : detected;
}

std::string kind_word(const OpenedFiles& files, const std::string& name) {
  if (files.ref.entry) return std::string(catalog::name_of(files.ref.entry->kind));
  if (files.prompt_style != text::PromptStyle::kTemplate) return "base";
  const catalog::ModelKind guessed = catalog::guess_kind(name, true);
  return std::string(catalog::name_of(guessed == catalog::ModelKind::kBase ? catalog::ModelKind::kInstruct : guessed));
}

std::uint64_t seed_of(const std::string& name) {
  std::uint64_t seed = 0;
  for (const char c : name) seed = mix64(seed ^ static_cast<unsigned char>(c));
  return seed;
}

std::string name_of_model(const OpenedFiles& files) {
  if (files.ref.entry) return files.ref.entry->label;
  return files.config.name.empty() ? files.ref.label : files.config.name;
}

record::ModelFacts facts_of(const OpenedFiles& files) {
  const catalog::ModelRef& ref = files.ref;
  record::ModelFacts facts;
  facts.label = ref.label;
  facts.path = ref.path.string();
  facts.name = name_of_model(files);
  facts.kind = kind_word(files, facts.name);
  facts.architecture = formats::name_of(files.config.architecture);
  facts.format = format_word(files.file.get());
  facts.weights = ref.synthetic() ? "synthetic" : "file";
  facts.parameters = static_cast<std::int64_t>(model::total_weights(files.config, model::WeightPrecision::kF32).parameters);
  facts.context_trained = files.config.context;
  facts.vocab = files.config.vocab;
  facts.model_fingerprint =
      files.file ? "headers and samples: " + files.file->fingerprint() : "synthetic shape and seed: " + sha256_hex(facts.name);
  if (!files.text_side.chat_template.empty()) facts.template_fingerprint = sha256_hex(files.text_side.chat_template);
  return facts;
}

void add_tokenizer(OpenedModel& opened) {
  opened.eos_ids = opened.config.eos_ids;
  opened.sampling_vocab = opened.config.vocab;
  if (opened.ref.entry && opened.ref.entry->tokenizer_size > 0) {
    opened.sampling_vocab = std::min(opened.sampling_vocab, opened.ref.entry->tokenizer_size);
  }
  if (opened.text_side.kind == formats::TokenizerSource::Kind::kNone) return;
  opened.tokenizer = text::make_tokenizer(opened.text_side);
  opened.sampling_vocab = std::min(opened.sampling_vocab, opened.tokenizer->vocab_size());
  opened.facts.tokenizer_fingerprint = opened.tokenizer->fingerprint();
  for (const auto& id : {opened.tokenizer->eos_id(), opened.text_side.eot_id}) {
    if (id && std::find(opened.eos_ids.begin(), opened.eos_ids.end(), *id) == opened.eos_ids.end()) opened.eos_ids.push_back(*id);
  }
}

/// Weights in bytes on the device, each tensor in the type that it will have there.
std::uint64_t planned_weight_bytes(const OpenedFiles& files, const std::string& precision) {
  const model::WeightPrecision wanted = weight_precision(precision);
  if (!files.file) return model::total_weights(files.config, wanted).bytes;
  const auto provider = model::provide_from_file(*files.file, wanted);
  std::uint64_t bytes = 0;
  for (const formats::TensorEntry& tensor : files.file->tensors()) {
    if (tensor.shape.size() == 2) {
      const auto rows = provider->matrix(tensor.name);
      bytes += static_cast<std::uint64_t>(rows->rows() * tensor::row_bytes(rows->dtype(), rows->cols()));
    } else {
      bytes += static_cast<std::uint64_t>(tensor.shape.front()) * sizeof(float);
    }
  }
  return bytes;
}

std::int64_t room_of(const workload::EffectiveSettings& settings, std::int64_t step, std::int64_t positions) {
  return backend::kv_room(engine::kv_policy(settings.kv_window, settings.kv_sinks, step), positions);
}

/// Where the available memory comes from, when that is not plainly what is free.
std::string describe(const workload::MemoryBudget& budget) {
  std::string text = format_bytes(budget.free_bytes) + " free";
  if (budget.headroom_bytes > 0) text += ", headroom " + format_bytes(budget.headroom_bytes);
  if (budget.limit_bytes) text += ", --vram-limit " + format_bytes(*budget.limit_bytes);
  return budget.available_bytes == budget.free_bytes ? std::string() : text;
}

}  // namespace

OpenedFiles open_files(const catalog::ModelRef& ref, bool mmap) {
  OpenedFiles files;
  files.ref = ref;
  if (ref.synthetic()) {
    files.config = ref.entry.value().shape;
  } else {
    files.file = formats::open_model_file(ref.path, {.mmap = mmap});
    files.config = files.file->config();
    files.text_side = files.file->tokenizer();
  }
  files.prompt_style = prompt_style_of(files, name_of_model(files));
  files.facts = facts_of(files);
  return files;
}

void check_precision(const OpenedFiles& files, const std::string& precision) {
  const model::WeightPrecision wanted = weight_precision(precision);
  if (files.file) model::provide_from_file(*files.file, wanted);
}

void check_context(std::int64_t asked, std::int64_t checkpoint_context, const std::string& where) {
  if (asked <= checkpoint_context) return;
  throw Error(ErrorCode::kContext,
              "--context " + std::to_string(asked) + " is more than the model's " + std::to_string(checkpoint_context) + " positions",
              where);
}

catalog::MemoryPlan plan_memory(const OpenedFiles& files, const workload::EffectiveSettings& settings, std::int64_t context,
                                std::uint64_t free_bytes, backend::DeviceKind device, std::span<const workload::EffectiveSettings> more_caches) {
  catalog::MemoryDemand demand;
  demand.weight_bytes = planned_weight_bytes(files, settings.precision);
  demand.kv_type = settings.kv_type;
  demand.context = context > 0 ? context : std::min(files.config.context, kDefaultContext);
  demand.sequences = settings.batch;
  demand.workspace_bytes = workspace_bytes(device, files.config, settings.batch, demand.context);
  const std::int64_t step = step_tokens(device, files.config, settings.batch);
  demand.room = [&](std::int64_t positions) { return room_of(settings, step, positions); };
  demand.sequence_bytes = [&](std::int64_t room) { return kv_sequence_bytes(device, files.config, kv_dtype(settings.kv_type), room); };
  for (const workload::EffectiveSettings& other : more_caches) {
    demand.more_kv_bytes += static_cast<std::uint64_t>(other.batch) *
                            kv_sequence_bytes(device, files.config, kv_dtype(other.kv_type), room_of(other, step, demand.context));
  }
  // A file that is read or locked stays in memory beside the packed weights until these are complete.
  if (files.file && (!settings.mmap || settings.mlock)) demand.load_bytes = files.file->file_bytes();
  const workload::MemoryBudget budget = workload::memory_budget(settings, free_bytes);
  catalog::MemoryPlan plan = catalog::plan_memory(files.config, demand, budget.available_bytes);
  plan.available_note = describe(budget);
  return plan;
}

std::unique_ptr<OpenedModel> open_model(const catalog::ModelRef& ref, const workload::EffectiveSettings& settings, std::int64_t context,
                                        const DeviceRequest& device, const DeviceFactory& devices,
                                        std::span<const workload::EffectiveSettings> more_caches) {
  const std::int64_t start_ns = now_ns();
  auto opened = std::make_unique<OpenedModel>();
  const std::optional<std::uint64_t> free_bytes = devices.free_memory_bytes(device);  // before a file that is read whole takes its part
  OpenedFiles files = open_files(ref, settings.mmap);
  check_context(context, files.config.context, ref.label);
  const backend::DeviceKind kind = kind_of_device(devices.resolve(device));
  const catalog::MemoryPlan memory = plan_memory(files, settings, context, free_bytes.value_or(0), kind, more_caches);
  if (free_bytes && !memory.fits) throw Error(ErrorCode::kMemory, "does not fit: " + catalog::describe(memory), ref.label);
  if (settings.mlock) lock_process_memory(memory.needed_bytes);
  opened->ref = ref;
  opened->config = files.config;
  opened->text_side = std::move(files.text_side);
  opened->prompt_style = files.prompt_style;
  opened->facts = std::move(files.facts);
  add_tokenizer(*opened);
  opened->open_ns = now_ns() - start_ns;

  DeviceRequest limited = device;
  const workload::MemoryBudget budget = workload::memory_budget(settings, free_bytes.value_or(0));
  limited.memory_limit_bytes = budget.limit_bytes.value_or(0);
  opened->device = devices.make(limited);
  opened->budget = budget;
  if (!free_bytes) opened->budget.reset();
  const model::ModelOptions options{.precision = weight_precision(settings.precision), .max_step_tokens = step_tokens(kind, opened->config, settings.batch)};
  opened->model = files.file ? model::load_model(*files.file, *opened->device, options)
                             : model::draw_model(opened->config, seed_of(opened->facts.name), *opened->device, options);
  const model::LoadReport& report = opened->model->load_report();
  opened->facts.precision = report.precision;
  opened->facts.conversion = report.conversion;
  opened->facts.weight_bytes = static_cast<std::int64_t>(report.weight_bytes);
  opened->facts.decode_read_bytes = static_cast<std::int64_t>(report.decode_read_bytes);
  opened->pack_ns = report.read_and_pack_ns;
  opened->load_ns = now_ns() - start_ns;
  return opened;
}

std::unique_ptr<engine::Session> open_session(OpenedModel& opened, const workload::EffectiveSettings& settings, std::int64_t context,
                                              bool feed_on_device) {
  auto session = std::make_unique<engine::Session>(*opened.model, engine::SessionOptions{.context = context,
                                                                                 .sequences = settings.batch,
                                                                                 .kv_dtype = kv_dtype(settings.kv_type),
                                                                                 .kv_window = settings.kv_window,
                                                                                 .kv_sinks = settings.kv_sinks,
                                                                                 .sampling_vocab = opened.sampling_vocab,
                                                                                 .feed_on_device = feed_on_device});
  const backend::DeviceInfo info = opened.device->device();
  // What the emulated device calls free is its own arena; before loading the host's memory was counted.
  if (!opened.free_after_load_bytes && info.kind != backend::DeviceKind::kCudaEmulated)
    opened.free_after_load_bytes = static_cast<std::int64_t>(info.memory_free_bytes);
  return session;
}

model::WeightPrecision weight_precision(const std::string& name) {
  const auto precision = model::precision_from_name(name);
  if (!precision) {
    throw Error(ErrorCode::kUsage,
                "'" + name + "' is no precision; expected auto, f32, f16, bf16, q8_0, q4_0, q4_k_s, q4_k_m, q5_k_m, q6_k, int8, fp8 or int4", "--precision");
  }
  return *precision;
}

tensor::DType kv_dtype(const std::string& name) {
  for (const tensor::DType dtype : {tensor::DType::kF32, tensor::DType::kBF16, tensor::DType::kF16, tensor::DType::kFP8, tensor::DType::kQ8_0}) {
    if (tensor::name_of(dtype) == name) return dtype;
  }
  throw Error(ErrorCode::kUsage, "'" + name + "' is no KV type; expected f32, bf16, f16, fp8 or q8_0", "--kv-type");
}

}  // namespace qbench::run
