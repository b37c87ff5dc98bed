#include <fmt/format.h>

#include <algorithm>

#include "quality/judge/answer_text.h"
#include "quality/judge/choose_code.h"
#include "quality/judge/code_block.h"
#include "quality/judge/code_shape.h"
#include "quality/judge/extract.h"
#include "quality/rating/analyzers.h"
#include "quality/rating/collect.h"
#include "quality/rating/evidence.h"
#include "quality/rating/rating.h"
#include "quality/rating/tools.h"

namespace qbench::quality {
namespace {

std::uint64_t bytes_of(std::span<const workload::CodeFile> code) {
  std::uint64_t sum = 0;
  for (const workload::CodeFile& file : code) sum += file.text.size();
  return sum;
}

bool is_blank(std::span<const workload::CodeFile> code) {
  return std::all_of(code.begin(), code.end(),
                     [](const workload::CodeFile& file) { return file.text.find_first_not_of(" \t\r\n") == std::string::npos; });
}

/// "tests/test_parser.py" -> "test_parser.py"; a block of tests without a name has one that pytest finds.
std::string test_file_name(const CodeBlock& block, const std::string& ending, std::size_t number) {
  const std::string name = block.name.substr(block.name.rfind('/') + 1);
  const bool clean = !name.empty() && name.size() < 100 && name[0] != '.' && std::all_of(name.begin(), name.end(), [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '_' || c == '.' || c == '-';
  });
  return clean && name.ends_with(ending) ? name
         : number == 0                   ? "test_answer" + ending
                                         : fmt::format("test_answer_{}{}", number + 1, ending);
}

bool named_as_test(const std::string& name) {
  const std::string base = name.substr(name.rfind('/') + 1);
  return base.starts_with("test_") || base.find("_test.") != std::string::npos || base.find(".test.") != std::string::npos ||
         base.find(".spec.") != std::string::npos || base == "conftest.py";
}

/// JSX is read only in .tsx files; where the task names no file, the text decides.
void name_jsx(const workload::Task& task, std::vector<workload::CodeFile>& files) {
  if (task.language != "typescript" || !task.paths.empty()) return;
  for (workload::CodeFile& file : files) {
    const bool closes = file.text.find("/>") != std::string::npos || file.text.find("</") != std::string::npos;
    if (closes && file.path.ends_with(".ts")) file.path += "x";
  }
}

/// The judge has no use for an answer's own tests, so extraction leaves them out; here they are rated.
void add_own_tests(const std::string& answer, const workload::Task& task, std::vector<workload::CodeFile>& files) {
  if (files.empty() || (task.language != "python" && task.language != "typescript")) return;
  const std::string ending = task.language == "python" ? ".py" : ".ts";
  const AnswerText clean = clean_answer(answer);
  std::size_t unnamed = 0;
  for (const CodeBlock& block : find_blocks(clean.text)) {
    if (!may_hold(block, task) || files.size() > 32) continue;
    if (!named_as_test(block.name) && !shape_of(block.text, task.language).only_tests) continue;
    std::string name = test_file_name(block, ending, unnamed);
    unnamed += name.starts_with("test_answer") ? 1 : 0;
    const bool taken = std::any_of(files.begin(), files.end(), [&](const workload::CodeFile& file) {
      return file.path == name || file.text.find(block.text) != std::string::npos;
    });
    if (!taken) files.push_back({std::move(name), block.text});
  }
}

Rating unrated(Rating rating, const std::string& why, bool models_fault) {
  for (KpiValue& kpi : rating.kpis) kpi.evidence = why;
  rating.stars_reason = why;
  rating.readiness_reason = why;
  rating.best_use_case = why;
  if (models_fault) {
    rating.quality_score = 0;
    rating.stars = 1;
    rating.limitations.push_back(why);
  }
  return rating;
}

}  // namespace

struct Rater::State {
  Toolbox tools;
};

Rater::Rater(const sandbox::Sandbox& sandbox, RaterOptions options) : state_(new State{{sandbox, std::move(options)}}) {}
Rater::~Rater() = default;

Rating Rater::rate(const RatingInput& input) const {
  Rating rating;
  rating.language = rated_language(input.language, input.code);
  if (input.code.empty() || is_blank(input.code)) return unrated(std::move(rating), "the answer has no code", true);
  if (rating.language.empty()) {
    rating.language = std::string(input.language);
    return unrated(std::move(rating),
                   fmt::format("code in {} is not rated; python, typescript and cpp are",
                               input.language.empty() ? "an unknown language" : input.language),
                   false);
  }
  const std::uint64_t bytes = bytes_of(input.code);
  if (bytes > state_->tools.options().max_code_bytes) {
    return unrated(std::move(rating),
                   fmt::format("{} bytes of code: more than {} are not rated", bytes, state_->tools.options().max_code_bytes), false);
  }
  Collected collected = collect_evidence(state_->tools, input, rating.language);
  rating.tools = std::move(collected.tools);
  if (!collected.problem.empty()) return unrated(std::move(rating), collected.problem, false);
  rating.kpis = rate_kpis(collected.evidence);
  judge_rating(collected.evidence, rating);
  write_sentences(collected.evidence, rating);
  return rating;
}

Rating Rater::rate_answer(const std::string& answer, const workload::Task& task, std::string_view prompt,
                          const std::optional<Correctness>& correctness) const {
  ExtractedCode extracted = extract_code(answer, task);
  add_own_tests(answer, task, extracted.files);
  name_jsx(task, extracted.files);
  RatingInput input;
  input.language = task.language;
  input.prompt = prompt;
  input.code = extracted.files;
  input.unfinished = extracted.unfinished;
  input.correctness = correctness;
  if (!task.entry_point.empty()) input.asked = {task.entry_point};
  return rate(input);
}

}  // namespace qbench::quality
