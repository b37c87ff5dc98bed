#include "engine/thought.h"

#include <algorithm>

#include "base/check.h"

namespace qbench::engine {

std::string_view name_of(ThoughtEnd end) noexcept {
  switch (end) {
    case ThoughtEnd::kNone: return "";
    case ThoughtEnd::kOpen: return "open";
    case ThoughtEnd::kModel: return "model";
    case ThoughtEnd::kBudget: return "budget";
    case ThoughtEnd::kTimeout: return "timeout";
  }
  return "";
}

Thought::Thought(const ThinkingRule* rule) : rule_(rule) {
  if (rule == nullptr) return;
  const bool closes = rule->max_tokens > 0 || rule->timeout_ns > 0;
  QB_CHECK(!closes || std::find(rule->closing.begin(), rule->closing.end(), rule->close_id) != rule->closing.end());
  if (rule->opened) end_ = ThoughtEnd::kOpen;
}

std::optional<std::int32_t> Thought::forced() const {
  return closing_ ? std::optional(rule_->closing[static_cast<std::size_t>(forced_)]) : std::nullopt;
}

double Thought::temperature(double otherwise) const {
  if (rule_ == nullptr) return otherwise;
  // A model that opens its thought itself does so with its first token.
  const bool thinks = end_ == ThoughtEnd::kOpen || (end_ == ThoughtEnd::kNone && fresh_ && rule_->open_id >= 0);
  return (thinks ? rule_->temperature : rule_->output_temperature).value_or(otherwise);
}

void Thought::take_forced() {
  ++forced_;
  tokens_ = taken_;
  closing_ = forced_ < static_cast<std::int64_t>(rule_->closing.size());
}

void Thought::take(std::int32_t id, std::int64_t elapsed_ns) {
  if (rule_ == nullptr) return;
  ++taken_;
  fresh_ = false;
  if (closing_) return take_forced();
  if (end_ == ThoughtEnd::kNone && id == rule_->open_id && id >= 0) end_ = ThoughtEnd::kOpen;
  if (end_ != ThoughtEnd::kOpen) return;
  tokens_ = taken_;
  if (id == rule_->close_id) {
    end_ = ThoughtEnd::kModel;
  } else if (rule_->max_tokens > 0 && tokens_ >= rule_->max_tokens) {
    end_ = ThoughtEnd::kBudget;
  } else if (rule_->timeout_ns > 0 && elapsed_ns >= rule_->timeout_ns) {
    end_ = ThoughtEnd::kTimeout;
  }
  closing_ = end_ == ThoughtEnd::kBudget || end_ == ThoughtEnd::kTimeout;
}

}  // namespace qbench::engine
