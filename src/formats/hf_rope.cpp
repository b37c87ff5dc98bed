#include <cmath>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "formats/hf_config.h"
#include "formats/json_fields.h"
#include "formats/quote.h"

namespace qbench::formats {
namespace {

using nlohmann::json;

constexpr std::int64_t kMaxContext = std::int64_t{1} << 32;

/// get_mscale of modeling_rope_utils.py.
double attention_scale(double factor, double mscale) { return factor <= 1.0 ? 1.0 : 0.1 * mscale * std::log(factor) + 1.0; }

double number_or(const JsonFields& fields, std::string_view name, double otherwise) {
  const double value = fields.number(name).value_or(0.0);
  return value == 0.0 ? otherwise : value;  // transformers takes the default for 0 too
}

RopeScaling read_yarn(const JsonFields& top, const JsonFields& rope, const ModelConfig& model) {
  RopeScaling scaling;
  scaling.kind = RopeScaling::Kind::kYarn;
  // A field beside the scaling object goes before the one inside it, as in standardize_rope_params.
  const auto outside = top.integer("original_max_position_embeddings", 1, kMaxContext);
  const auto inside = rope.integer("original_max_position_embeddings", 1, kMaxContext);
  scaling.original_context = outside ? *outside : inside.value_or(model.context);
  scaling.factor = rope.number("factor").value_or(static_cast<double>(model.context) / static_cast<double>(scaling.original_context));
  scaling.beta_fast = number_or(rope, "beta_fast", 32.0);
  scaling.beta_slow = number_or(rope, "beta_slow", 1.0);
  scaling.truncate = rope.boolean("truncate").value_or(true);
  const double mscale = rope.number("mscale").value_or(0.0), mscale_all_dim = rope.number("mscale_all_dim").value_or(0.0);
  if (const auto stated = rope.number("attention_factor"))
    scaling.attention_factor = *stated;
  else if (mscale != 0.0 && mscale_all_dim != 0.0)
    scaling.attention_factor = attention_scale(scaling.factor, mscale) / attention_scale(scaling.factor, mscale_all_dim);
  else
    scaling.attention_factor = attention_scale(scaling.factor, 1.0);
  return scaling;
}

[[noreturn]] void unsupported(const std::string& message, const std::string& where) {
  throw Error(ErrorCode::kUnsupported, message, where);
}

}  // namespace

void read_hf_rope(const json& config, const std::string& where, ModelConfig& to) {
  const JsonFields top(config, where);
  const double top_theta = top.number("rope_theta").value_or(10000.0);
  to.rope_theta = top_theta;
  if (top.number("partial_rotary_factor").value_or(1.0) != 1.0)
    unsupported("partial_rotary_factor: only whole heads are rotated, expected 1", where);
  // transformers: rope_scaling where it is not empty, else rope_parameters.
  const json* old_style = top.find("rope_scaling");
  const bool use_old = old_style != nullptr && !old_style->empty();
  const std::string_view field = use_old ? "rope_scaling" : "rope_parameters";
  const json* object = top.find(field);
  if (object == nullptr) return;
  const JsonFields rope(*object, where, std::string(field) + ".");
  if (rope.find("full_attention") != nullptr || rope.find("sliding_attention") != nullptr)
    unsupported(fmt::format("{}: different RoPE for each kind of layer", field), where);
  to.rope_theta = rope.number("rope_theta").value_or(top_theta);
  if (rope.number("partial_rotary_factor").value_or(1.0) != 1.0)
    unsupported(fmt::format("{}.partial_rotary_factor: only whole heads are rotated, expected 1", field), where);
  const std::string kind = rope.string("rope_type").value_or(rope.string("type").value_or("default"));
  if (kind == "default") return;
  if (kind == "linear") {
    to.rope_scaling.kind = RopeScaling::Kind::kLinear;
    const auto factor = rope.number("factor");
    if (!factor) throw Error(ErrorCode::kFormat, fmt::format("{}.factor: linear scaling needs a number, found nothing", field), where);
    to.rope_scaling.factor = *factor;
  } else if (kind == "yarn" && to.architecture != Architecture::kPhi3) {  // in a phi3 config "yarn" means longrope
    to.rope_scaling = read_yarn(top, rope, to);
    const double stretched = to.rope_scaling.factor * static_cast<double>(to.rope_scaling.original_context);
    if (stretched > static_cast<double>(to.context) && stretched < static_cast<double>(kMaxContext))
      to.context = static_cast<std::int64_t>(stretched);
  } else {
    unsupported(fmt::format("{}.rope_type: {} is not supported for {}; this build computes default, linear and yarn", field, quote(kind),
                            name_of(to.architecture)),
                where);
  }
}

}  // namespace qbench::formats
