#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "engine/session.h"
#include "text/tokenizer.h"
#include "workload/settings.h"
#include "workload/suite.h"

namespace qbench::run {

/// Whether the settings ask for something that happens in or after a thought.
bool asks_for_thought_control(const workload::EffectiveSettings& settings);

/// The settings without those that act on thoughts, where the model's vocabulary has no </think>. `tokenizer` nullptr: there is none.
workload::EffectiveSettings without_absent_thoughts(workload::EffectiveSettings settings, const text::Tokenizer* tokenizer);

/// What one request of a cell runs with: of a stage its length, its temperature for thought and answer, a seed for each branch, and at most
/// three quarters of its length for the thought where there is a budget, so that an answer follows.
workload::EffectiveSettings settings_of_turn(workload::EffectiveSettings settings, const workload::Turn& turn);

/// What ends the thoughts of a request; nothing where the settings do not ask for it. closing: configs/thinking.json's text for this
/// model. prompt: as rendered. Error{kConfig} when the tokenizer does not read </think> in `closing` as its token.
std::optional<engine::ThinkingRule> thinking_rule(const workload::EffectiveSettings& settings, const text::Tokenizer& tokenizer,
                                                  std::string_view closing, std::string_view prompt);

}  // namespace qbench::run
