#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "record/result_set.h"

namespace qbench::recommend {

/// What one session measured of one row.
struct SpeedPoint {
  double prompt_tokens = 0;
  double ttft_ms = 0;
  double itl_ms = 0;
};

/// What a model did with one task: all its samples.
struct TaskPoint {
  std::string task_id;
  std::int64_t passed = 0, judged = 0;  ///< a harness_error is not judged
  std::optional<double> complexity;     ///< of the task's prompt, where its text is known
};

/// How much a model wrote for one prompt.
struct OutputPoint {
  double tokens = 0;
  std::optional<double> complexity;  ///< of the prompt, where its text is known
};

/// One way to run a model on one machine.
struct Candidate {
  std::string model, device, machine, precision, kv_type;
  std::int64_t batch = 1;
  std::vector<SpeedPoint> speed;                ///< sessions of rows of both passes
  std::vector<OutputPoint> outputs;             ///< of the rows of the text pass: what the model writes when it may stop
  std::map<std::string, double> prompt_tokens;  ///< measured, by the prompt's digest
  std::vector<TaskPoint> tasks;
  std::vector<double> quality;         ///< quality_score of the rows that have one
  std::optional<double> memory_bytes;  ///< the most that a row used: of the GPU, on the CPU of the process
  std::optional<double> context;       ///< largest context of a row that worked, tokens
  std::int64_t failed_rows = 0;

  /// For people: "qwen2.5-coder-7b on cuda (NVIDIA L4), bf16".
  std::string name() const;
  /// What makes it the same candidate in another run: model, device, machine, precision, type of the KV cache, batch.
  std::string key() const;
};

/// Model, device, machine, precision, type of the KV cache and batch of a row; nothing measured.
Candidate candidate_of(const record::ResultRow& row);

/// What a prompt says, by its digest (Prompt::digest, the rows' prompt_fingerprint).
using PromptTexts = std::map<std::string, std::string>;

struct Evidence {
  std::vector<Candidate> candidates;        ///< in the order in which they appear
  std::int64_t rows = 0, skipped_rows = 0;  ///< rows of several sequences at once say nothing about one task: skipped
};

/// Groups the rows of results by model and machine. Results of several runs of one candidate add up.
Evidence gather_evidence(const std::vector<record::ResultSet>& results, const PromptTexts& texts);

/// How complexity goes with failure over all tasks of all candidates: rank correlation of a task's complexity and its share of failures.
struct ComplexityCheck {
  std::optional<double> correlation;
  std::int64_t tasks = 0;  ///< with complexity and at least one judged answer
};
ComplexityCheck check_complexity(const Evidence& evidence);

}  // namespace qbench::recommend
