#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "record/sample_file.h"

/// Speed and quality of a run's models side by side, and which one is chosen. All of it is computed from the records; the rules are in
/// results/README.md ("Code quality").
namespace qbench::report {

/// One model. Empty: not measured.
struct ModelQuality {
  std::string label, name;
  std::int64_t rated = 0;                             ///< answers with stars
  std::int64_t unrated = 0;                           ///< answers that nothing could rate
  std::optional<double> score, score_min, score_max;  ///< mean and range of quality_score over the rated answers
  std::optional<double> stars;                        ///< mean over the rated answers
  std::int64_t judged = 0, passed = 0;                ///< answers to tasks, after repairs
  std::int64_t working = 0;                           ///< of those not passed: the rating says that they work
  std::optional<double> decode_tok_per_s, ttft_ms;    ///< medians over the cells of the speed pass, else of the text pass
  std::optional<std::int64_t> weight_bytes, free_bytes;
  std::string readiness, readiness_reason;  ///< "Low", "Medium", "High", "Very High"; empty without a rated answer
  std::string use_case, use_case_reason;
};

/// What one rating says, by name.
std::optional<double> quality_value(const record::QualityRecord& record, std::string_view name);
std::string quality_word(const record::QualityRecord& record, std::string_view name);

/// The ratings that count, of one model or of all (empty label): of equal cell, session, sample and iteration the last.
std::vector<const record::QualityRecord*> latest_ratings(const record::SampleFileContent& content, std::string_view model_label);

/// The models that have a rating, in the order of the run.
std::vector<ModelQuality> model_qualities(const record::SampleFileContent& content);

/// "★★★★☆", rounded to the nearest.
std::string stars_text(double stars);

/// Which model is chosen and why, as plain text.
struct Selection {
  std::string chosen;    ///< its name; empty: none is
  std::string headline;  ///< the sentence that goes on after `chosen`, or says why none is; empty where no answer was rated
  std::vector<std::string> reasons;
};
Selection select_model(const std::vector<ModelQuality>& models);

/// The matrix as a markdown table, and the choice with its reasons as a list; empty where no answer was rated.
std::string quality_matrix(const std::vector<ModelQuality>& models);
std::string selection_rationale(const std::vector<ModelQuality>& models);

/// A rated answer in a line with the rule behind its stars below it; the matrix with each model's use case below it, then the choice. No
/// line is wider than `width` columns (not below 60) but for a single long word of a reason.
std::string rated_answer_terminal(const record::QualityRecord& rating, std::string_view status, std::size_t width);
std::string quality_terminal(const std::vector<ModelQuality>& models, std::size_t width);

/// "8.5 of 10", "33.3 %"; findings are a number; "–" where there is none.
std::string kpi_text(const record::QualityValue& value);

/// The page's section of all models: the matrix, the choice, each rated answer to open. Empty where nothing was rated.
std::string quality_html(const record::SampleFileContent& content);

/// "## Code quality" of one model: each rated answer, then the matrix and the choice; empty where nothing was rated.
std::string code_quality_section(const record::SampleFileContent& content, std::string_view model_label);

}  // namespace qbench::report
