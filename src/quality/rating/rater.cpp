#include <fmt/format.h>

#include <algorithm>

#include "quality/rating/answer_files.h"
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
  if (input.code.empty() || is_blank(input.code)) {
    if (rating.language.empty() && input.language.empty() && !input.correctness)
      return unrated(std::move(rating), "the answer has no code, and its prompt names no language to look for", false);
    std::string why = "the answer has no code";
    if (!input.other_language.empty()) why += fmt::format(" in {}: what it shows is {}", input.language, input.other_language);
    return unrated(std::move(rating), why, true);
  }
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
  AnswerFiles extracted = answer_files(answer, task);
  add_own_tests(answer, task, extracted.files);
  RatingInput input;
  input.language = task.language;
  input.prompt = prompt;
  input.code = extracted.files;
  input.unfinished = extracted.unfinished;
  input.correctness = correctness;
  if (extracted.files.empty()) input.other_language = language_shown(answer);
  if (!task.entry_point.empty()) input.asked = {task.entry_point};
  return rate(input);
}

}  // namespace qbench::quality
