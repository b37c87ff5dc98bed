#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "record/result_set.h"
#include "stats/bootstrap.h"

namespace qbench::recommend {

/// What one session measured of one row.
struct SpeedPoint {
  double prompt_tokens = 0;
  double ttft_ms = 0;
  double itl_ms = 0;
  std::int64_t session = 0;  ///< points of one worker process have one number
};

/// What a model did with one task: all its answers.
struct TaskPoint {
  std::string task;                     ///< "python-tasks/ttl-cache": suite and prompt
  std::int64_t passed = 0, judged = 0;  ///< a harness_error is not judged
  std::optional<double> complexity;     ///< of the task's prompt, where its text is known
};

/// How much a model wrote for one prompt.
struct OutputPoint {
  double tokens = 0;
  std::optional<double> most;        ///< it was allowed to write
  std::optional<double> complexity;  ///< of the prompt, where its text is known
};

/// One way to run a model on one machine.
struct Candidate {
  std::string model;
  std::string device;                                  ///< "cpu", "cuda": without the number, equal GPUs are one
  std::string machine;                                 ///< processor or GPU
  std::string precision, kv_type, kv_policy, threads;  ///< threads: on the CPU only
  std::int64_t batch = 1;
  std::string thinking;                         ///< options of `run` that decide how it thinks: "--no-thinking"; empty: none was given
  std::vector<SpeedPoint> speed;                ///< sessions of rows of both passes; those of the speed pass, where nobody thinks, of all
  std::vector<double> whole_tok_per_s;          ///< of rows of the text pass: answer's tokens over its whole time
  std::vector<OutputPoint> outputs;             ///< of the rows of the text pass: what the model writes when it may stop
  std::map<std::string, double> prompt_tokens;  ///< measured, by the prompt's digest
  std::vector<TaskPoint> tasks;
  std::vector<double> quality;         ///< quality_score of the rows that have one
  std::optional<double> memory_bytes;  ///< the most that a row used: of the GPU, on the CPU of the process
  std::optional<double> context;       ///< largest context of a row that worked, tokens
  std::optional<double> context_limit;  ///< tokens that the model can hold at most; nothing where no row says it
  std::int64_t failed_rows = 0;
  std::string failure;              ///< of the last of them
  std::set<std::string> weights;    ///< model_fingerprint of the rows: more than one are mixed in its numbers
  std::set<std::string> samplings;  ///< of the text pass, without the seed: more than one are mixed in its numbers
  /// ", kv q8_0", where another candidate has the same model, device, machine and precision; and `thinking`.
  std::string distinction;

  /// For people: "qwen2.5-coder-7b on cuda (NVIDIA L4), bf16", and what tells it from the others.
  std::string name() const;
  /// What makes it the same candidate in another run: all of the members up to thinking.
  std::string key() const;
  /// The same of the candidate that was given no options about thinking.
  static std::string key_without_thinking(std::string_view key);
  /// Worker processes that measured its speed.
  std::int64_t sessions() const;
  /// Whether any row of it worked.
  bool measured() const { return !speed.empty() || !outputs.empty() || !tasks.empty(); }
};

/// The members up to thinking, of a row; nothing measured.
Candidate candidate_of(const record::ResultRow& row);

/// Whether the row speaks of its model however it thinks: of the speed pass, whose lengths are fixed, or of a request that failed before
/// its settings were known.
bool is_of_any_thinking(const record::ResultRow& row);

/// Whether the row is of whole single requests on a real device: not of several sequences at once, of one stage of several (--stages), of
/// an emulated device, and not skipped.
bool is_of_single_requests(const record::ResultRow& row);

/// First attempts at the tasks of a row: what one request achieves. Repairs (--max-iterations) take more of them.
struct JudgedAnswers {
  std::int64_t passed = 0, judged = 0;
};
JudgedAnswers judged_answers(const record::ResultRow& row);  ///< of the row's tasks; of a table without them from its columns

/// What a prompt says, by its digest (Prompt::digest, the rows' prompt_fingerprint).
using PromptTexts = std::map<std::string, std::string>;

struct Evidence {
  std::vector<Candidate> candidates;  ///< in the order in which they appear, those with rows of the text pass first
  /// skipped: those that are not is_of_single_requests.
  std::int64_t rows = 0, skipped_rows = 0;
};

/// Groups the rows of results by model and machine. Results of several runs of one candidate add up.
Evidence gather_evidence(const std::vector<record::ResultSet>& results, const PromptTexts& texts);

/// How complexity goes with failure over all tasks of all candidates: rank correlation of a task's complexity and its share of failures.
struct ComplexityCheck {
  std::optional<double> correlation;
  std::optional<stats::Interval> interval;  ///< 95 %
  std::int64_t tasks = 0;                   ///< with complexity and at least one judged answer
  /// The same within each suite, in order of name, where there are several: suites differ in more than complexity.
  struct OfSuite {
    std::string suite;
    std::optional<double> correlation;
    std::int64_t tasks = 0;
  };
  std::vector<OfSuite> suites;
};
ComplexityCheck check_complexity(const Evidence& evidence);

}  // namespace qbench::recommend
