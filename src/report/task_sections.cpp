#include "report/task_sections.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <tuple>

#include "base/plural.h"
#include "report/page.h"
#include "report/terminal_table.h"
#include "report/text.h"

namespace qbench::report {
namespace {

using record::JudgedAnswer;
using record::TaskStatus;

std::string percent(double ratio) { return fmt::format("{:.1f} %", 100 * ratio); }

std::string with_interval(const std::optional<stats::PassAtK>& estimate) {
  if (!estimate) return "\xE2\x80\x93";
  return fmt::format("{} (95 % interval {:.1f} to {}, {})", percent(estimate->value), 100 * estimate->interval.low,
                     percent(estimate->interval.high), plural(estimate->tasks, "task"));
}

/// "12 pass, 3 wrong, 1 exception", most frequent first.
std::string endings_text(const TaskTotals& totals) {
  std::vector<std::pair<TaskStatus, std::int64_t>> endings(totals.endings.begin(), totals.endings.end());
  std::stable_sort(endings.begin(), endings.end(), [](const auto& a, const auto& b) { return a.second > b.second; });
  std::string text;
  for (const auto& [status, count] : endings) text += fmt::format("{}{} {}", text.empty() ? "" : ", ", count, name_of(status));
  return text;
}

/// Name and value of each total that there is.
std::vector<std::pair<std::string, std::string>> total_facts(const TaskTotals& totals) {
  std::vector<std::pair<std::string, std::string>> facts;
  facts.emplace_back("tasks", fmt::format("{}, {} judged", totals.tasks, plural(totals.judged, "answer")));
  facts.emplace_back("how the answers ended", endings_text(totals));
  if (totals.harness_errors > 0)
    facts.emplace_back("not judged", fmt::format("{} (harness_error): counted neither for nor against the model",
                                                 plural(totals.harness_errors, "answer")));
  if (totals.success) facts.emplace_back("success", with_interval(totals.success));
  for (const auto& [k, estimate] : totals.pass_at)
    facts.emplace_back(fmt::format("pass@{}", k),
                       estimate ? with_interval(estimate) : fmt::format("\xE2\x80\x93 (a task has fewer than {} judged answers)", k));
  if (totals.first_attempt_ratio) facts.emplace_back("first-attempt success", percent(*totals.first_attempt_ratio));
  if (totals.mean_iterations) facts.emplace_back("mean attempts", fmt::format("{:.2f}", *totals.mean_iterations));
  if (totals.tasks_per_hour) facts.emplace_back("answers an hour", metric_text(totals.tasks_per_hour) + ", generated and judged");
  if (totals.thinking_tokens > 0)
    facts.emplace_back("thinking tokens",
                       fmt::format("{}; {} answers passed per thousand", totals.thinking_tokens, metric_text(totals.thinking_efficiency)));
  if (const stats::Consistency& agreed = totals.consistency; agreed.tasks > 0) {
    facts.emplace_back("self-consistency",
                       fmt::format("{} of a task's answers agree (mean of {})", percent(*agreed.ratio()), plural(agreed.tasks, "task")));
    facts.emplace_back("majority's answer passes", fmt::format("{} ({} of {})", percent(*agreed.majority_ratio()), agreed.majority_passed,
                                                               plural(agreed.tasks, "task")));
  }
  if (!totals.sandbox_level.empty()) facts.emplace_back("sandbox level", totals.sandbox_level);
  if (!totals.judge.empty())
    facts.emplace_back("judge", totals.judge == "outside" ? "outside: values are compared by qbench" : totals.judge);
  return facts;
}

/// The answers to one task of one prompt.
struct TaskLine {
  std::string prompt, task, status, attempts, cases, detail;
};

std::vector<TaskLine> task_lines(const TaskTotals& totals) {
  std::map<std::string, std::vector<const JudgedAnswer*>> by_task;
  std::vector<std::string> order;
  for (const JudgedAnswer& answer : totals.answers) {
    const std::string name = answer.first().cell.prompt_id + "\n" + answer.first().task_id;
    if (by_task[name].empty()) order.push_back(name);
    by_task[name].push_back(&answer);
  }
  std::vector<TaskLine> lines;
  for (const std::string& name : order) {
    const std::vector<const JudgedAnswer*>& answers = by_task[name];
    const auto passed = std::count_if(answers.begin(), answers.end(), [](const auto* answer) { return answer->passed(); });
    const auto failed = std::find_if(answers.begin(), answers.end(), [](const auto* answer) { return !answer->passed(); });
    const record::TaskRecord& shown = failed == answers.end() ? answers.front()->last() : (*failed)->last();
    TaskLine line{shown.cell.prompt_id, shown.task_id, std::string(name_of(shown.status)), {}, {}, shown.detail};
    if (answers.size() > 1)
      line.status = fmt::format("{} of {} pass{}", passed, answers.size(), failed == answers.end() ? "" : ", " + line.status);
    for (const JudgedAnswer* answer : answers) line.attempts += fmt::format("{}{}", line.attempts.empty() ? "" : " ", answer->iterations());
    if (shown.cases_total && *shown.cases_total > 0)
      line.cases = fmt::format("{} of {}", shown.cases_passed.value_or(0), *shown.cases_total);
    lines.push_back(std::move(line));
  }
  return lines;
}

std::string heading_of(const TaskTotals& totals) {
  return fmt::format("suite {}, {}, precision {}", totals.cell.suite, totals.cell.device, totals.cell.precision);
}

/// The last record of each source and answer.
std::vector<const record::QualityRecord*> latest_qualities(const record::SampleFileContent& content) {
  std::vector<const record::QualityRecord*> latest;
  for (const record::QualityRecord& quality : content.qualities) {
    const auto same = std::find_if(latest.begin(), latest.end(), [&](const auto* one) {
      return one->cell == quality.cell && std::tie(one->session, one->source, one->sample, one->iteration) ==
                                              std::tie(quality.session, quality.source, quality.sample, quality.iteration);
    });
    if (same == latest.end())
      latest.push_back(&quality);
    else
      *same = &quality;
  }
  return latest;
}

/// What others than the rating, which has a section of its own, found out about each answer.
std::string other_qualities(const record::SampleFileContent& content, std::string_view model_label) {
  MarkdownTable table({"prompt", "", "value", "why"}, {false, false, true, false});
  for (const record::QualityRecord* quality : latest_qualities(content)) {
    if (quality->cell.model != model_label || quality->source == "rating") continue;
    if (quality->status != record::Status::kOk)
      table.add({markdown_text(quality->cell.prompt_id), markdown_text(quality->source), "",
                 markdown_text("failed: " + quality->failure.message)});
    for (const record::QualityValue& value : quality->values)
      table.add(
          {markdown_text(quality->cell.prompt_id), markdown_text(value.name), metric_text(value.value), markdown_text(value.evidence)});
  }
  return table.empty() ? std::string() : table.text() + "\n";
}

}  // namespace

std::string tasks_section(const record::SampleFileContent& content, std::string_view model_label) {
  std::string out;
  for (const TaskTotals& totals : task_totals(content)) {
    if (totals.cell.model != model_label) continue;
    FactTable facts;
    for (const auto& [name, value] : total_facts(totals)) facts.add(name, value);
    out += markdown_text(heading_of(totals)) + "\n\n" + facts.text() + "\n";
    MarkdownTable table({"prompt", "task", "status", "attempts", "cases", "detail"}, {false, false, false, true, true, false});
    for (const TaskLine& line : task_lines(totals))
      table.add({markdown_text(line.prompt), markdown_text(line.task), line.status, line.attempts, line.cases, markdown_text(line.detail)});
    out += table.text() + "\n";
  }
  out += other_qualities(content, model_label);
  return out.empty() ? out : "## Tasks\n\n" + out;
}

std::string tasks_html(const record::SampleFileContent& content) {
  const std::vector<TaskTotals> all = task_totals(content);
  if (all.empty()) return {};
  std::string out = "<section id=\"tasks\"><h2>Tasks</h2>\n";
  for (const TaskTotals& totals : all) {
    out +=
        fmt::format("<div class=\"card\"><h3>{}: {}</h3><dl class=\"facts\">", html_text(totals.cell.model), html_text(heading_of(totals)));
    for (const auto& [name, value] : total_facts(totals)) out += fmt::format("<dt>{}</dt><dd>{}</dd>\n", html_text(name), html_text(value));
    out += "</dl></div>\n<div class=\"scroll\"><table class=\"sortable\"><thead><tr>";
    for (const char* name : {"prompt", "task", "status", "attempts", "cases", "detail"})
      out += fmt::format("<th><button type=\"button\">{}</button></th>", name);
    out += "</tr></thead><tbody>\n";
    for (const TaskLine& line : task_lines(totals)) {
      const bool good = line.status == "pass" || (line.status.ends_with(" pass") && line.status.find(", ") == std::string::npos);
      out += fmt::format(
          "<tr><th scope=\"row\">{}</th><td>{}</td><td><span class=\"badge {}\">{}</span></td><td class=\"n\">{}</td><td "
          "class=\"n\">{}</td><td class=\"text\">{}</td></tr>\n",
          html_text(line.prompt), html_text(line.task), good ? "good" : "bad", html_text(line.status), line.attempts, line.cases,
          html_text(line.detail));
    }
    out += "</tbody></table></div>\n";
  }
  return out + "</section>\n";
}

std::string task_result_lines(const record::SampleFileContent& content, std::size_t width) {
  constexpr std::size_t kNames = 24;
  width = std::max<std::size_t>(width, 60);
  std::string out;
  for (const TaskTotals& totals : task_totals(content)) {
    out += "\n" + wrapped(fmt::format("{}, {}: tasks", totals.cell.model, heading_of(totals)), "", width);
    for (const auto& [name, value] : total_facts(totals))
      out += wrapped(value, std::string(kNames + 3, ' '), width, fmt::format("  {:<{}} ", name, kNames));
  }
  return out;
}

}  // namespace qbench::report
