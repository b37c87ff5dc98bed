#include "run/engine_settings.h"

namespace qbench::run {

workload::Settings with_derived_settings(workload::Settings settings) {
  if (!settings.kv_type && settings.precision == "f32") settings.kv_type = "f32";
  return settings;
}

workload::EffectiveSettings effective_settings(const workload::Settings& command_line) {
  return workload::effective(with_derived_settings(command_line));
}

}  // namespace qbench::run
