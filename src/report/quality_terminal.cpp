#include <fmt/format.h>

#include <algorithm>

#include "report/quality_matrix.h"
#include "report/terminal_table.h"
#include "report/text.h"

namespace qbench::report {
namespace {

constexpr std::size_t kFewestColumns = 60;
const std::string kIndent = "    ";

/// The text in `width` columns, cut or filled.
std::string column(std::string_view text, std::size_t width) {
  std::string cell = fit_width(text, width);
  return cell + std::string(width - std::min(width, display_width(cell)), ' ');
}

}  // namespace

std::string rated_answer_terminal(const record::QualityRecord& rating, std::string_view status, std::size_t width) {
  width = std::max(width, kFewestColumns);
  const std::optional<double> stars = quality_value(rating, "stars"), score = quality_value(rating, "quality_score");
  const std::string mark = stars ? fmt::format("{} {:>4.1f}", stars_text(*stars), score.value_or(0)) : std::string("not rated ");
  // Stars and score take 10 columns, the status 17, the blanks between 3.
  const std::size_t names = width - 30, model = names - names * 2 / 5;
  std::string out = column(one_line(rating.cell.model), model) + " " + column(one_line(rating.cell.prompt_id), names - model) + " " +
                    column(status, 17) + " " + mark + "\n";
  const std::string reason = stars ? quality_word(rating, "stars_reason") : rating.failure.message;
  return out + wrapped(one_line(reason), kIndent, width);
}

std::string quality_terminal(const std::vector<ModelQuality>& models, std::size_t width) {
  if (models.empty()) return {};
  width = std::max(width, kFewestColumns);
  const std::size_t name = width - 47;
  std::string out = column("Model", name) + " Stars Score Answers    Passed  Tok/s Readiness\n";
  for (const ModelQuality& model : models) {
    const std::string passed = model.judged > 0 ? fmt::format("{}/{}", model.passed, model.judged) : std::string("-");
    out += column(one_line(model.name.empty() ? model.label : model.name), name) +
           fmt::format(" {} {:>5} {:>7} {:>9} {:>6} {}\n", model.stars ? stars_text(*model.stars) : "-    ",
                       model.score ? fmt::format("{:.1f}", *model.score) : "-", model.rated, passed,
                       model.decode_tok_per_s ? fmt::format("{:.1f}", *model.decode_tok_per_s) : "-",
                       model.readiness.empty() ? "-" : model.readiness);
    out += wrapped(model.use_case.empty() ? "no answer could be rated" : model.use_case + ": " + model.use_case_reason, kIndent, width);
  }
  const Selection selection = select_model(models);
  if (selection.headline.empty()) return out;
  out += "\n" + wrapped(fit_width(one_line(selection.chosen), width - 20) + one_line(selection.headline), "", width);
  for (const std::string& reason : selection.reasons) out += wrapped(one_line(reason), "  ", width, "- ");
  return out;
}

}  // namespace qbench::report
