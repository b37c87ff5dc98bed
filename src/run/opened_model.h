#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "backend/backend.h"
#include "catalog/memory_plan.h"
#include "catalog/resolve.h"
#include "engine/session.h"
#include "formats/model_config.h"
#include "formats/model_file.h"
#include "formats/tokenizer_source.h"
#include "model/model.h"
#include "record/records.h"
#include "run/device_factory.h"
#include "text/prompt_format.h"
#include "text/tokenizer.h"
#include "workload/settings.h"

namespace qbench::run {

/// A checkpoint's files, read and checked, before any weight has been loaded. For synthetic weights only the shape.
struct OpenedFiles {
  catalog::ModelRef ref;
  std::unique_ptr<formats::ModelFile> file;  ///< nullptr for synthetic weights, and once the weights are loaded
  formats::ModelConfig config;
  formats::TokenizerSource text_side;                           ///< kind kNone where there is none
  text::PromptStyle prompt_style = text::PromptStyle::kDirect;  ///< how it wants to be asked
  record::ModelFacts facts;                                     ///< all but what loading tells
};

/// Reads what the reference names; `mmap` false: whole, not mapped. Errors of formats::open_model_file.
OpenedFiles open_files(const catalog::ModelRef& ref, bool mmap = true);

/// Error{kUnsupported} when these weights cannot have that precision, {kUsage} when there is no such precision.
void check_precision(const OpenedFiles& files, const std::string& precision);

/// Error{kContext} when more positions are asked for than the checkpoint has.
void check_context(std::int64_t asked, std::int64_t checkpoint_context, const std::string& where);

/// A model that can run, with everything that was opened for it.
struct OpenedModel {
  catalog::ModelRef ref;
  formats::ModelConfig config;
  formats::TokenizerSource text_side;
  text::PromptStyle prompt_style = text::PromptStyle::kDirect;
  record::ModelFacts facts;
  std::unique_ptr<text::Tokenizer> tokenizer;  ///< nullptr: the checkpoint has none, prompts are synthetic
  std::unique_ptr<backend::Backend> device;
  std::unique_ptr<model::Model> model;
  std::optional<workload::MemoryBudget> budget;  ///< before anything was opened; nothing where what is free is not known
  std::optional<std::int64_t> free_after_load_bytes;  ///< of the device, when the session was open
  std::int64_t sampling_vocab = 0;                     ///< ids from here on are padding rows
  std::vector<std::int32_t> eos_ids;                   ///< of config and tokenizer
  std::int64_t open_ns = 0, pack_ns = 0, load_ns = 0;  ///< as in record::LoadRecord
};

/// What weights, KV cache and workspace take, against what --vram-limit and --vram-headroom leave of the device's free memory. `context` 0: the
/// default of a session. `free_bytes` as they were before the files were opened, of a device of that kind. Error{kUnsupported}: that of
/// check_precision.
/// `more_caches`: sessions that are open at the same time with other caches.
catalog::MemoryPlan plan_memory(const OpenedFiles& files, const workload::EffectiveSettings& settings, std::int64_t context,
                                std::uint64_t free_bytes, backend::DeviceKind device = backend::DeviceKind::kCpu,
                                std::span<const workload::EffectiveSettings> more_caches = {});

/// Opens files and tokenizer, makes the device and loads the weights. `context`: positions that will be asked of open_session; before
/// anything is loaded Error{kContext} when the checkpoint has fewer, {kMemory} when they and the weights cannot fit or, with --mlock,
/// cannot be locked. The files are closed again when the weights are on the device. Synthetic weights are drawn from a seed that depends on
/// the shape's name alone. `more_caches` as for plan_memory.
std::unique_ptr<OpenedModel> open_model(const catalog::ModelRef& ref, const workload::EffectiveSettings& settings, std::int64_t context,
                                        const DeviceRequest& device, const DeviceFactory& devices,
                                        std::span<const workload::EffectiveSettings> more_caches = {});

/// A session over the model with the settings' KV type and batch; `context` 0: the session's own default. `feed_on_device` as in
/// engine::SessionOptions.
std::unique_ptr<engine::Session> open_session(OpenedModel& opened, const workload::EffectiveSettings& settings, std::int64_t context,
                                              bool feed_on_device = true);

/// "auto", ...; Error{kUsage} for another name.
model::WeightPrecision weight_precision(const std::string& name);
tensor::DType kv_dtype(const std::string& name);

}  // namespace qbench::run
