#pragma once

#include "record/json_fields.h"

namespace qbench::record {

template <class Archive>
void fields(Archive& a, FieldsOf<BuildFacts> auto& r) {
  a("version", r.version);
  a("git_sha", r.git_sha);
  a("git_dirty", r.git_dirty);
  a("type", r.type);
  a("compiler", r.compiler);
  a("flags", r.flags);
  a("sanitizers", r.sanitizers);
}

template <class Archive>
void fields(Archive& a, FieldsOf<MachineFacts> auto& r) {
  a("host_hash", r.host_hash);
  a("cpu_model", r.cpu_model);
  a("cores_physical", r.cores_physical);
  a("cores_logical", r.cores_logical);
  a("sockets", r.sockets);
  a("cores_usable", r.cores_usable);
  a("cpu_quota_cores", r.cpu_quota_cores);
  a("governor", r.governor);
  a("turbo", r.turbo);
  a("memory_total_bytes", r.memory_total_bytes);
  a("memory_available_bytes", r.memory_available_bytes);
  a("memory_limit_bytes", r.memory_limit_bytes);
  a("swap_used_bytes", r.swap_used_bytes);
  a("page_bytes", r.page_bytes);
  a("huge_pages", r.huge_pages);
  a("kernel", r.kernel);
  a("os", r.os);
  a("container", r.container);
  a("load_average_1m", r.load_average_1m);
  a("gpus", r.gpus);
  a("gpu_driver", r.gpu_driver);
}

template <class Archive>
void fields(Archive& a, FieldsOf<PromptFacts> auto& r) {
  a("suite", r.suite);
  a("prompt_id", r.prompt_id);
  a("fingerprint", r.fingerprint);
}

template <class Archive>
void fields(Archive& a, FieldsOf<RunRecord> auto& r) {
  a("run_id", r.run_id);
  a("started_utc", r.started_utc);
  a("finished_utc", r.finished_utc);
  a("argv", r.argv);
  a("configuration", JsonText{r.configuration_json});
  a("build", r.build);
  a("machine", r.machine);
  a("models", r.models);
  a("prompts", r.prompts);
  a("disturbances", r.disturbances);
}

}  // namespace qbench::record
