#include <fmt/format.h>

#include <algorithm>

#include "base/plural.h"
#include "cli/prompt_report.h"
#include "report/terminal_table.h"
#include "report/text.h"

namespace qbench::cli {
namespace {

using quality::SectionKind;

constexpr std::size_t kWidth = 80;
constexpr std::size_t kNameWidth = 32;

/// Foreign text in `width` columns, padded.
std::string cell(std::string_view text, std::size_t width) {
  std::string one_line = report::printable(text);
  std::replace(one_line.begin(), one_line.end(), '\n', ' ');
  std::string fitted = report::fit_width(one_line, width);
  fitted.append(width - std::min(width, report::display_width(fitted)), ' ');
  return fitted;
}

std::string line(const std::string& text) {
  std::string cut = report::fit_width(text, kWidth);
  while (cut.ends_with(' ')) cut.pop_back();
  return cut + "\n";
}

std::string percent(const std::optional<double>& ratio) { return ratio ? fmt::format("{:.1f}%", 100.0 * *ratio) : "-"; }

std::string models_table(const PromptReport& report) {
  std::string out =
      line(fmt::format("  {} {:>9}{:>10}{:>9}{:>10}{:>7}", cell("model", kNameWidth), "tokens", "bytes/tok", "as sent", "context", "use"));
  for (const PromptInModel& one : report.models) {
    const double per_token = static_cast<double>(report.analysis.bytes) / static_cast<double>(std::max<std::int64_t>(one.counts.total, 1));
    out += line(fmt::format("  {} {:>9}{:>10.2f}{:>9}{:>10}{:>7}", cell(one.model->label, kNameWidth), one.counts.total, per_token,
                            one.tokens_as_sent, one.model->context ? std::to_string(*one.model->context) : "-",
                            percent(one.context_use_ratio())));
  }
  return out;
}

/// Lines of the parts of one kind, those that touch as one range: sentences of a paragraph share a line.
std::string lines_of(const PromptReport& report, SectionKind kind) {
  std::vector<std::pair<std::size_t, std::size_t>> ranges;
  for (const quality::Section& section : report.analysis.sections) {
    if (section.kind != kind) continue;
    if (!ranges.empty() && section.first_line <= ranges.back().second + 1) {
      ranges.back().second = std::max(ranges.back().second, section.last_line);
    } else {
      ranges.emplace_back(section.first_line, section.last_line);
    }
  }
  std::string lines;
  for (const auto& [first, last] : ranges)
    lines += fmt::format("{}{}{}", lines.empty() ? "" : ", ", first, first == last ? "" : fmt::format("-{}", last));
  return lines;
}

std::string sections_table(const PromptReport& report) {
  const quality::PromptCounts& counts = report.counts();
  const std::string unit = report.models.empty() ? "bytes" : "tokens";
  std::string out = line(fmt::format("  {:<14}{:>8}{:>8}{:>8}{:>12}   lines", "section", unit, "share", "budget", "difference"));
  for (std::size_t kind = 0; kind < quality::kSectionKinds; ++kind) {
    const auto id = static_cast<SectionKind>(kind);
    if (id == SectionKind::kUnclassified && counts.of(id) == 0) continue;
    const std::optional<double> share = counts.share(counts.of(id));
    const bool budgeted = id != SectionKind::kUnclassified;
    const std::string difference = budgeted && share ? fmt::format("{:+.1f}", 100.0 * (*share - quality::budget_ratio(id))) : "-";
    out += line(fmt::format("  {:<14}{:>8}{:>8}{:>8}{:>12}   {}", quality::name_of(id), counts.of(id), percent(share),
                            budgeted ? fmt::format("{:.0f}%", 100.0 * quality::budget_ratio(id)) : "-", difference, lines_of(report, id)));
  }
  if (!counts.exact) out += "  (the tokenizer changes the text: shares are estimated)\n";
  return out;
}

std::string waste_text(const PromptReport& report) {
  const quality::PromptCounts& counts = report.counts();
  const std::string unit = report.models.empty() ? "bytes" : "tokens";
  std::string out;
  if (!report.analysis.duplicates.empty())
    out += fmt::format("  said twice: {} {} ({})\n", counts.duplicated, unit, percent(counts.share(counts.duplicated)));
  for (const quality::Duplicate& one : report.analysis.duplicates) {
    std::string lines;
    for (const auto& place : one.places) lines += fmt::format("{}{}", lines.empty() ? "" : ", ", place.first_line);
    out +=
        report::wrapped(fmt::format("lines {}: {} words: '{}'", lines, one.words, report::fit_width(report::printable(one.text), kWidth)),
                        "      ", kWidth, "    ");
  }
  if (!report.analysis.boilerplate.empty())
    out += fmt::format("  boilerplate: {} {} ({})\n", counts.boilerplate, unit, percent(counts.share(counts.boilerplate)));
  for (const quality::Boilerplate& one : report.analysis.boilerplate) {
    out += fmt::format("    line {}: '{}'{}\n", one.line, one.rule->phrase,
                       one.rule->instead.empty() ? "" : fmt::format(", say '{}'", one.rule->instead));
  }
  return out;
}

std::string lint_text(const PromptReport& report) {
  if (report.lint.empty()) return "  lint: nothing found\n";
  std::string out = fmt::format("  lint: {}\n", plural(report.lint.size(), "finding"));
  for (const quality::LintFinding& one : report.lint) {
    const quality::LintRule& rule = quality::rule_of(one.id);
    const std::string place = one.line > 0 ? fmt::format("line {}", one.line) : "prompt";
    std::string detail = report::printable(one.detail);
    std::replace(detail.begin(), detail.end(), '\n', ' ');
    out += report::wrapped(fmt::format("{}: {}{}{}: {}", place, rule.name, detail.empty() ? "" : " ", detail, rule.reason), "      ",
                           kWidth, "    ");
  }
  return out;
}

std::string compression_table(const std::vector<PromptReport>& reports, const std::vector<PromptPair>& pairs) {
  std::string out;
  for (const PromptPair& pair : pairs) {
    const PromptReport &prompt = reports[pair.prompt], &against = reports[pair.against];
    const std::string unit = prompt.models.empty() ? "bytes" : "tokens";
    out += line(fmt::format("{} against {}", report::printable(prompt.prompt.name), report::printable(against.prompt.name)));
    out += line(fmt::format("  {} {:>9}{:>10}{:>8}{:>14}", cell("", kNameWidth), unit, "against", "ratio", unit + "/req."));
    const auto row = [&](const std::string& name, const quality::PromptCounts& counts, const quality::PromptCounts& other) {
      const quality::Compression one{counts.total, other.total, prompt.analysis.requirements, against.analysis.requirements};
      const auto shown = [](const std::optional<double>& value, const char* format) {
        return value ? fmt::format(fmt::runtime(format), *value) : std::string("-");
      };
      const std::string per = shown(one.tokens_per_requirement(), "{:.1f}") + " / " + shown(one.against_tokens_per_requirement(), "{:.1f}");
      out += line(fmt::format("  {} {:>9}{:>10}{:>8}{:>14}", cell(name, kNameWidth), one.tokens, one.against_tokens,
                              shown(one.token_ratio(), "{:.2f}"), per));
    };
    for (std::size_t i = 0; i < prompt.models.size(); ++i)
      row(prompt.models[i].model->label, prompt.models[i].counts, against.models[i].counts);
    if (prompt.models.empty()) row("no tokenizer", prompt.bytes, against.bytes);
    out += fmt::format("  requirements: {} against {}\n\n", prompt.analysis.requirements, against.analysis.requirements);
  }
  return out;
}

std::string report_text(const PromptReport& report) {
  const quality::PromptAnalysis& analysis = report.analysis;
  std::string out = line(report::printable(report.prompt.name));
  out += fmt::format("  {}, {}, {}, {}\n", plural(analysis.bytes, "byte"), plural(analysis.lines, "line"), plural(analysis.words, "word"),
                     plural(analysis.requirements, "requirement"));
  if (!report.models.empty()) out += models_table(report);
  return out + sections_table(report) + waste_text(report) + lint_text(report) + "\n";
}

}  // namespace

std::string prompts_text(const std::vector<PromptReport>& reports, const std::vector<PromptPair>& pairs,
                         const std::vector<TextSide>& models) {
  std::string out;
  for (const PromptReport& report : reports) out += report_text(report);
  out += compression_table(reports, pairs);
  out += models.empty()
             ? "No --models: shares are of bytes, and tokens are not known.\n"
             : report::wrapped(fmt::format("Shares are of the tokens of {}; `as sent` counts the chat template and its system message.",
                                           models.front().label),
                               "", kWidth);
  return out;
}

}  // namespace qbench::cli
