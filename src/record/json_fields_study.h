#pragma once

#include "record/json_fields.h"
#include "record/study_records.h"

namespace qbench::record {

template <class Archive>
void fields(Archive& a, FieldsOf<StepRecord> auto& r) {
  a("step", r.step);
  a("calls", r.calls);
  a("time_ns", r.time_ns);
  a("bytes", r.bytes);
  a("flops", r.flops);
  a("launches", r.launches);
}

template <class Archive>
void fields(Archive& a, FieldsOf<BreakdownPhase> auto& r) {
  a("phase", r.phase);
  a("fused", r.fused);
  a("paths", r.paths);
  a("passes", r.passes);
  a("tokens", r.tokens);
  a("plain_ns", r.plain_ns);
  a("timed_ns", r.timed_ns);
  a("steps", r.steps);
}

template <class Archive>
void fields(Archive& a, FieldsOf<MachineLimitRecord> auto& r) {
  a("read_gbps", r.read_gbps);
  a("copy_gbps", r.copy_gbps);
  a("matmul_tflops", r.matmul_tflops);
  a("matmul_by", r.matmul_by);
}

template <class Archive>
void fields(Archive& a, FieldsOf<BreakdownRecord> auto& r) {
  a("cell", r.cell);
  a("status", Word{r.status, status_from_name});
  a("failure", r.failure);
  a("started_utc", r.started_utc);
  a("limits", r.limits);
  a("phases", r.phases);
}

template <class Archive>
void fields(Archive& a, FieldsOf<AblationRow> auto& r) {
  a("off", r.off);
  a("paths", r.paths);
  a("phase", r.phase);
  a("tokens", r.tokens);
  a("time_ns", r.time_ns);
  a("status", Word{r.status, status_from_name});
  a("failure", r.failure);
}

template <class Archive>
void fields(Archive& a, FieldsOf<AblationRecord> auto& r) {
  a("cell", r.cell);
  a("started_utc", r.started_utc);
  a("rows", r.rows);
}

}  // namespace qbench::record
