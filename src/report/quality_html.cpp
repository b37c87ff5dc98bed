#include <fmt/format.h>

#include "report/page.h"
#include "report/quality_matrix.h"
#include "report/text.h"

namespace qbench::report {
namespace {

using record::QualityRecord;

std::string cell(std::string_view text, const char* kind = "text") {
  return fmt::format("<td class=\"{}\">{}</td>", kind, html_text(text));
}

std::string head(std::initializer_list<const char*> names) {
  std::string out = "<thead><tr>";
  for (const char* name : names) out += fmt::format("<th><button type=\"button\">{}</button></th>", name);
  return out + "</tr></thead><tbody>\n";
}

std::string matrix_html(const std::vector<ModelQuality>& models) {
  std::string out = "<div class=\"scroll\"><table class=\"sortable\">" +
                    head({"model", "code quality", "score", "answers", "tasks passed", "decode tok/s", "TTFT ms", "production readiness",
                          "best use case", "because"});
  for (const ModelQuality& model : models) {
    out += fmt::format("<tr><th scope=\"row\">{}</th>", html_text(model.name.empty() ? model.label : model.name));
    out += cell(model.stars ? stars_text(*model.stars) : "–") + cell(model.score ? fmt::format("{:.1f}", *model.score) : "–", "n") +
           cell(std::to_string(model.rated), "n") +
           cell(model.judged > 0 ? fmt::format("{} of {}", model.passed, model.judged) : "–", "n") +
           cell(metric_text(model.decode_tok_per_s), "n") + cell(metric_text(model.ttft_ms), "n") +
           cell(model.readiness.empty() ? "–" : model.readiness) + cell(model.use_case.empty() ? "–" : model.use_case) +
           cell(model.use_case.empty() ? "no answer could be rated" : model.readiness_reason + "; " + model.use_case_reason, "text long") + "</tr>\n";
  }
  return out + "</tbody></table></div>\n";
}

std::string list_html(const char* title, const std::vector<std::string>& sentences) {
  if (sentences.empty()) return {};
  std::string out = fmt::format("<h3>{}</h3><ul>\n", title);
  for (const std::string& one : sentences) out += "<li>" + html_text(one) + "</li>\n";
  return out + "</ul>\n";
}

std::string answer_html(const QualityRecord& rating) {
  const std::optional<double> stars = quality_value(rating, "stars"), score = quality_value(rating, "quality_score");
  std::string title = rating.cell.prompt_id;
  if (rating.session > 0) title += fmt::format(", session {}", rating.session);
  std::string out =
      fmt::format("<details class=\"card\"><summary><b>{}</b>, {}: {}</summary>\n", html_text(rating.cell.model), html_text(title),
                  stars ? fmt::format("{} {:.1f} of 10", stars_text(*stars), score.value_or(0)) : "not rated");
  if (!stars) return out + "<p>" + html_text(rating.failure.message) + "</p></details>\n";
  out += "<p>" + html_text(quality_word(rating, "stars_reason")) + "</p>\n";
  out += list_html("Strengths", rating.strengths) + list_html("Limitations", rating.limitations);
  out += "<div class=\"scroll\"><table>" + head({"KPI", "value", "behind it"});
  for (const record::QualityValue& value : rating.values) {
    if (value.name != "stars" && value.name != "quality_score")
      out += "<tr>" + cell(value.name) + cell(kpi_text(value), "n") + cell(value.evidence, "text long") + "</tr>\n";
  }
  return out + "</tbody></table></div>\n" +
         fmt::format("<p>Production readiness: {}: {}</p><p>Best use case: {}</p></details>\n",
                     html_text(quality_word(rating, "readiness")), html_text(quality_word(rating, "readiness_reason")),
                     html_text(quality_word(rating, "best_use_case")));
}

}  // namespace

std::string quality_html(const record::SampleFileContent& content) {
  const std::vector<const QualityRecord*> ratings = latest_ratings(content, {});
  if (ratings.empty()) return {};
  const std::vector<ModelQuality> models = model_qualities(content);
  std::string out =
      "<section id=\"quality\"><h2>Code quality</h2>\n<p class=\"note\">Formulas and rules: src/quality/rating/README.md of the "
      "project.</p>\n" +
      matrix_html(models);
  if (const Selection selection = select_model(models); !selection.headline.empty()) {
    out += "<div class=\"card\"><h3>Selection</h3><p><b>" + html_text(selection.chosen) + "</b>" + html_text(selection.headline) + "</p>";
    if (!selection.reasons.empty()) out += "<ul>\n";
    for (const std::string& reason : selection.reasons) out += "<li>" + html_text(reason) + "</li>\n";
    out += std::string(selection.reasons.empty() ? "" : "</ul>") + "</div>\n";
  }
  for (const QualityRecord* rating : ratings) out += answer_html(*rating);
  return out + "</section>\n";
}

}  // namespace qbench::report
