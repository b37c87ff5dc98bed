#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "workload/settings.h"

namespace qbench::cli {

/// A KV cache to compare: as it was written, and the settings it means.
struct KvVariant {
  std::string text;
  workload::EffectiveSettings settings;
};

/// `f16,q8_0,fp8,window:512,sinks:4+512,fp8/window:512`: comma-separated; a type, a policy, or both with a slash between. What one leaves
/// out is as in `base`, where a policy is none. Error{kUsage} naming --compare-kv, the entry and what was expected.
std::vector<KvVariant> parse_kv_variants(std::string_view list, const workload::EffectiveSettings& base);

}  // namespace qbench::cli
