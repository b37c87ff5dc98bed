#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "quality/rating/kpi.h"
#include "record/records.h"
#include "sandbox/sandbox.h"
#include "workload/task.h"

/// Rates the code of an answer without a reference: what it holds, what its tools find in it, and what follows from both. The tools run in
/// the sandbox; what they say is data. Formulas and rules: src/quality/rating/README.md.
namespace qbench::quality {

/// How far code could go into production as it is. The rule is in README.md.
enum class Readiness : std::uint8_t { kLow, kMedium, kHigh, kVeryHigh };
std::string_view name_of(Readiness readiness) noexcept;  ///< "Low", "Medium", "High", "Very High"

/// What a judge found. Nothing is assumed where there was none.
struct Correctness {
  record::TaskStatus status = record::TaskStatus::kPass;
  std::int64_t passed = 0, total = 0;
  std::string unit = "tests";  ///< what `total` counts: "tests", "checks"
  std::string detail;
  double score_limit = 4.9;  ///< of an answer that does not pass; above 4.9: it works, and fails checks of how well
  bool works() const { return status == record::TaskStatus::kPass || score_limit > 4.9; }
};

struct RatingInput {
  std::string_view
      language;             ///< "python", "typescript", "cpp"; "javascript", "tsx", "c++" and the like are understood; others are not rated
  std::string_view prompt;  ///< what was asked for; may be empty: nothing is then looked for by name
  std::span<const workload::CodeFile> code;
  std::vector<std::string> asked = {};     ///< names that must be there, beside those in the prompt's backticks
  bool unfinished = false;                 ///< the answer was cut off
  std::string other_language = {};         ///< without code: the language of what the answer shows instead
  std::optional<Correctness> correctness;  ///< nothing: no judge, kHarnessError counts as that
};

/// A tool that was used or missed.
struct ToolUse {
  std::string name;     ///< "python ast", "mypy", "bandit", "coverage", "tsc", "g++"
  std::string version;  ///< "1.0.1"; empty when it did not run
  std::string problem;  ///< why it gave nothing: "not installed (Debian package bandit)", "cut off after 30 s"; empty when it worked
  bool operator==(const ToolUse&) const = default;
};

/// What one answer is worth.
struct Rating {
  std::string language;  ///< normalised; as given where it is none that is rated
  KpiValues kpis;
  std::optional<double> quality_score;  ///< 0 to 10; nothing where no code was rated
  std::optional<int> stars;             ///< 1 to 5
  bool works = false;                   ///< a judge saw it do what it should, whether or not it passes all checks
  std::string stars_reason;             ///< which rule gave them, or why there are none
  Readiness readiness = Readiness::kLow;
  std::string readiness_reason;
  std::string best_use_case;                        ///< of this code, said from its numbers; speed is not known here
  std::vector<std::string> strengths, limitations;  ///< sentences with line numbers, most weighty first
  std::vector<ToolUse> tools;
  const KpiValue& kpi(Kpi which) const { return kpis[static_cast<std::size_t>(which)]; }
};

/// Where the tools lie, inside the sandbox as outside. A path that does not exist is a tool that is missing.
struct ToolPaths {
  std::string python = "/usr/bin/python3";
  std::string mypy = "/usr/bin/mypy";
  std::string bandit = "/usr/bin/bandit";
  std::string coverage_module = "/usr/lib/python3/dist-packages/coverage";
  std::string pytest_module = "/usr/lib/python3/dist-packages/pytest";
  std::string node = "/usr/bin/node";
  std::string typescript = "/usr/share/nodejs/typescript/lib/typescript.js";
  std::string gxx = "/usr/bin/g++";
};

struct RaterOptions {
  ToolPaths tools;
  double tool_wall_s = 60;                                ///< a tool that takes longer is cut off, and that is said
  std::uint64_t max_code_bytes = std::uint64_t{1} << 20;  ///< more code than this is not rated
};

/// The files of an answer whose task does not name them (a web service, a prompt without a task): those that it names itself where it names
/// several, else what extract_code finds. Own tests are left out.
struct AnswerFiles {
  std::vector<workload::CodeFile> files;
  bool unfinished = false;  ///< the answer was cut off
};
AnswerFiles answer_files(const std::string& answer, const workload::Task& task);

/// Rates answers. Remembers the tools' versions; safe to use from several threads at once.
class Rater {
 public:
  explicit Rater(const sandbox::Sandbox& sandbox, RaterOptions options = {});
  ~Rater();
  /// Never throws for what the code or a tool does: what is not known is empty and says why.
  Rating rate(const RatingInput& input) const;
  /// Extracts the code of a chatty answer to `task` and rates it. Without a task: `language` of the prompt.
  Rating rate_answer(const std::string& answer, const workload::Task& task, std::string_view prompt,
                     const std::optional<Correctness>& correctness) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace qbench::quality
