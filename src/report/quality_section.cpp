#include <fmt/format.h>

#include "report/quality_matrix.h"
#include "report/text.h"

namespace qbench::report {
namespace {

using record::QualityRecord;

std::string sentences(std::string_view title, const std::vector<std::string>& all) {
  if (all.empty()) return {};
  std::string out = fmt::format("{}:\n\n", title);
  for (const std::string& one : all) out += "- " + markdown_text(one) + "\n";
  return out + "\n";
}

std::string tools_line(const QualityRecord& rating) {
  std::string out;
  for (const record::QualityTool& tool : rating.tools) {
    out += (out.empty() ? "" : "; ") + tool.name + (tool.version.empty() ? "" : " " + tool.version) +
           (tool.problem.empty() ? "" : ": " + tool.problem);
  }
  return out.empty() ? out : "Tools: " + markdown_text(out) + "\n\n";
}

std::string one_answer(const QualityRecord& rating) {
  std::string heading = rating.cell.prompt_id;
  if (rating.session > 0) heading += fmt::format(", session {}", rating.session);
  if (rating.sample > 0) heading += fmt::format(", answer {}", rating.sample);
  if (rating.iteration > 1) heading += fmt::format(", iteration {}", rating.iteration);
  std::string out = fmt::format("### {}\n\n", markdown_text(heading));
  const std::optional<double> stars = quality_value(rating, "stars"), score = quality_value(rating, "quality_score");
  if (!stars) return out + "Not rated: " + markdown_text(rating.failure.message) + "\n\n" + tools_line(rating);
  out += fmt::format("Generated code quality: **{}** ({:.1f} of 10): {}\n\n", stars_text(*stars), score.value_or(0),
                     markdown_text(quality_word(rating, "stars_reason")));
  out += sentences("Strengths", rating.strengths);
  out += sentences("Limitations", rating.limitations);
  MarkdownTable table({"KPI", "value", "behind it"}, {false, true, false});
  for (const record::QualityValue& value : rating.values) {
    if (value.name != "stars" && value.name != "quality_score")
      table.add({"`" + markdown_text(value.name) + "`", kpi_text(value), markdown_text(value.evidence)});
  }
  out += table.text() + "\n";
  out += fmt::format("Production readiness: {}: {}\n\nBest use case: {}\n\n", quality_word(rating, "readiness"),
                     markdown_text(quality_word(rating, "readiness_reason")), markdown_text(quality_word(rating, "best_use_case")));
  return out + tools_line(rating);
}

}  // namespace

std::string kpi_text(const record::QualityValue& value) {
  if (!value.value) return "–";
  const bool percent = value.name.ends_with("_percent"), count = value.name.ends_with("_findings");
  return fmt::format("{:g}{}", *value.value, percent ? " %" : count ? "" : " of 10");
}

std::string code_quality_section(const record::SampleFileContent& content, std::string_view model_label) {
  const std::vector<const QualityRecord*> ratings = latest_ratings(content, model_label);
  if (ratings.empty()) return {};
  std::string out =
      "## Code quality\n\nFormulas and rules: `src/quality/rating/README.md` of the project. A KPI without a value says why.\n\n";
  for (const QualityRecord* rating : ratings) out += one_answer(*rating);
  const std::vector<ModelQuality> models = model_qualities(content);
  if (const std::string matrix = quality_matrix(models); !matrix.empty()) out += "### Speed and quality of the models\n\n" + matrix + "\n";
  if (const std::string choice = selection_rationale(models); !choice.empty()) out += "### Selection\n\n" + choice + "\n";
  return out;
}

}  // namespace qbench::report
