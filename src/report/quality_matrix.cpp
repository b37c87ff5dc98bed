#include "report/quality_matrix.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <tuple>

#include "base/plural.h"
#include "base/units.h"
#include "record/judged_answers.h"
#include "report/text.h"
#include "stats/summary.h"

namespace qbench::report {
namespace {

using record::MetricId;
using record::QualityRecord;
using record::Statistic;

constexpr std::array<std::string_view, 4> kClasses{"Low", "Medium", "High", "Very High"};
constexpr double kRealTimeTokPerS = 40, kRealTimeTtftMs = 500, kInteractiveTokPerS = 20;
constexpr double kMediumSuccess = 0.5, kHighSuccess = 0.8;

std::size_t class_of(std::string_view word) {
  const auto at = std::find(kClasses.begin(), kClasses.end(), word);
  return at == kClasses.end() ? 0 : static_cast<std::size_t>(at - kClasses.begin());
}

std::string number(double value, int digits) { return fmt::format("{:.{}f}", value, digits); }

/// Median of a metric over the model's measured cells of a pass.
std::optional<double> median_of(const std::vector<record::CellRecord>& cells, std::string_view label, record::Pass pass, MetricId id) {
  std::vector<double> values;
  for (const record::CellRecord& cell : cells) {
    if (cell.cell.model != label || cell.cell.pass != pass || !is_measured(cell.status)) continue;
    if (const auto value = cell.metrics.at(id, Statistic::kMedian)) values.push_back(*value);
  }
  if (values.empty()) return std::nullopt;
  return stats::median(values);
}

void add_speed(ModelQuality& model, const std::vector<record::CellRecord>& cells) {
  for (const record::Pass pass : {record::Pass::kSpeed, record::Pass::kText}) {
    if (!model.decode_tok_per_s) model.decode_tok_per_s = median_of(cells, model.label, pass, MetricId::kDecodeTokPerS);
    if (!model.ttft_ms) model.ttft_ms = median_of(cells, model.label, pass, MetricId::kTtftMs);
  }
  for (const record::CellRecord& cell : cells) {
    if (cell.cell.model != model.label) continue;
    if (!cell.model.name.empty()) model.name = cell.model.name;
    if (cell.model.weight_bytes) model.weight_bytes = cell.model.weight_bytes;
    if (cell.settings.memory.free_after_load_bytes) model.free_bytes = cell.settings.memory.free_after_load_bytes;
  }
}

void add_success(ModelQuality& model, const record::SampleFileContent& content, const std::vector<const QualityRecord*>& ratings) {
  const auto works = [&ratings](const record::TaskRecord& task) {
    return std::any_of(ratings.begin(), ratings.end(), [&task](const QualityRecord* one) {
      return one->cell == task.cell && one->session == task.session && one->sample == task.sample && one->iteration == task.iteration &&
             quality_word(*one, "works") == "yes";
    });
  };
  for (const record::JudgedAnswer& answer : record::judged_answers(content.tasks)) {
    if (answer.first().cell.model != model.label || !answer.judged()) continue;
    ++model.judged;
    model.passed += answer.passed() ? 1 : 0;
    model.working += !answer.passed() && works(answer.last()) ? 1 : 0;
  }
}

/// Readiness of the model: that which half of its answers reach, and no more than its success over tasks allows.
void add_readiness(ModelQuality& model, const std::vector<const QualityRecord*>& ratings) {
  std::vector<std::size_t> classes;
  for (const QualityRecord* rating : ratings) {
    if (quality_value(*rating, "stars")) classes.push_back(class_of(quality_word(*rating, "readiness")));
  }
  if (classes.empty()) return;
  std::sort(classes.begin(), classes.end());
  std::size_t reached = classes[(classes.size() - 1) / 2];
  const auto at_least = std::count_if(classes.begin(), classes.end(), [&](std::size_t one) { return one >= reached; });
  model.readiness_reason = fmt::format("{} of {} rated answers are at least {}", at_least, classes.size(), kClasses[reached]);
  if (model.judged > 0) {
    const double success = static_cast<double>(model.passed + model.working) / static_cast<double>(model.judged);
    const std::size_t most = success < kMediumSuccess ? 0 : success < kHighSuccess ? 1 : 3;
    model.readiness_reason += fmt::format("; {} of {} tasks are passed", model.passed, model.judged);
    if (model.working > 0) model.readiness_reason += fmt::format(", {} more {}", model.working, model.working == 1 ? "works" : "work");
    if (most < reached) {
      reached = most;
      model.readiness_reason += fmt::format(", less than {:.0f} %", 100 * (most == 0 ? kMediumSuccess : kHighSuccess));
    }
  }
  model.readiness = std::string(kClasses[reached]);
}

void add_use_case(ModelQuality& model) {
  if (model.readiness.empty()) return;
  const std::string quality = fmt::format("mean {} of 5 stars, readiness {}", number(*model.stars, 1), model.readiness);
  const std::size_t reached = class_of(model.readiness);
  const std::string speed = model.decode_tok_per_s ? number(*model.decode_tok_per_s, 1) + " tok/s" : std::string("speed not measured");
  if (reached == 0) {
    model.use_case = "general tasks only";
  } else if (reached == 1) {
    model.use_case = "research and experimentation";
  } else if (!model.decode_tok_per_s) {
    model.use_case = "development; speed not measured";
  } else if (*model.decode_tok_per_s >= kRealTimeTokPerS && model.ttft_ms && *model.ttft_ms <= kRealTimeTtftMs) {
    model.use_case = "real-time applications";
  } else if (*model.decode_tok_per_s >= kInteractiveTokPerS) {
    model.use_case = "professional development";
  } else {
    model.use_case = "batch processing";
  }
  model.use_case_reason = quality + ", " + speed + (model.ttft_ms ? ", TTFT " + number(*model.ttft_ms, 0) + " ms" : "");
}

std::string display_name(const ModelQuality& model) { return model.name.empty() ? model.label : model.name; }

bool can_be_chosen(const ModelQuality& model) { return class_of(model.readiness) >= 2 && model.decode_tok_per_s; }

const ModelQuality* fastest(const std::vector<ModelQuality>& models, const ModelQuality* except) {
  const ModelQuality* best = nullptr;
  for (const ModelQuality& model : models) {
    if (&model == except || !can_be_chosen(model)) continue;
    if (best == nullptr || *model.decode_tok_per_s > *best->decode_tok_per_s) best = &model;
  }
  return best;
}

const ModelQuality* best_scored(const std::vector<ModelQuality>& models) {
  const ModelQuality* best = nullptr;
  for (const ModelQuality& model : models) {
    if (model.score && (best == nullptr || *model.score > *best->score)) best = &model;
  }
  return best;
}

std::string memory_reason(const ModelQuality& chosen) {
  if (!chosen.weight_bytes) return {};
  std::string text =
      fmt::format("Memory: {} of weights", format_bytes(static_cast<std::uint64_t>(std::max<std::int64_t>(0, *chosen.weight_bytes))));
  if (chosen.free_bytes && *chosen.free_bytes > 0) {
    text += fmt::format(", {} stay free after loading", format_bytes(static_cast<std::uint64_t>(*chosen.free_bytes)));
    if (*chosen.weight_bytes > 0) {
      text += fmt::format(", {} times what they take",
                          number(static_cast<double>(*chosen.free_bytes) / static_cast<double>(*chosen.weight_bytes), 1));
    }
  }
  return text + ".";
}

std::string score_reason(const ModelQuality& chosen) {
  std::string text = fmt::format("Code quality: score {} of 10", number(*chosen.score, 1));
  if (chosen.rated > 1)
    text += fmt::format(" on average over {} answers ({} to {})", chosen.rated, number(*chosen.score_min, 1), number(*chosen.score_max, 1));
  if (chosen.rated == 1) text += ", of one answer, which is little to choose by";
  if (chosen.judged > 0) text += fmt::format("; {} of {} tasks passed", chosen.passed, chosen.judged);
  return text + ".";
}

std::string against(const std::vector<ModelQuality>& models, const ModelQuality& chosen) {
  const ModelQuality* best = best_scored(models);
  if (best == nullptr || best == &chosen || *best->score - *chosen.score < 0.05) return {};
  std::string text = fmt::format("Against it: {} scores {} more", display_name(*best), number(*best->score - *chosen.score, 1));
  if (!best->decode_tok_per_s) return text + "; its speed was not measured.";
  return text + fmt::format(", at {:.0f} % of the speed.", 100 * *best->decode_tok_per_s / *chosen.decode_tok_per_s);
}

Selection no_choice(const std::vector<ModelQuality>& models) {
  const ModelQuality* best = best_scored(models);
  if (best == nullptr) return {};
  const bool high = class_of(best->readiness) >= 2;
  return {"",
          fmt::format("No model is chosen: {}. The best code is {}'s: score {} of 10, readiness {} ({}).",
                      high ? "of those whose readiness is at least High no speed was measured" : "none reaches the readiness High",
                      display_name(*best), number(*best->score, 1), best->readiness, best->readiness_reason),
          {}};
}

}  // namespace

std::optional<double> quality_value(const QualityRecord& record, std::string_view name) {
  for (const record::QualityValue& value : record.values) {
    if (value.name == name) return value.value;
  }
  return std::nullopt;
}

std::string quality_word(const QualityRecord& record, std::string_view name) {
  for (const record::QualityWord& word : record.words) {
    if (word.name == name) return word.text;
  }
  return {};
}

std::vector<const QualityRecord*> latest_ratings(const record::SampleFileContent& content, std::string_view model_label) {
  std::vector<const QualityRecord*> order;
  for (const QualityRecord& one : content.qualities) {
    if (one.source != "rating" || (!model_label.empty() && one.cell.model != model_label)) continue;
    const auto same = [&one](const QualityRecord* other) {
      return other->cell == one.cell && other->session == one.session && other->sample == one.sample && other->iteration == one.iteration;
    };
    const auto found = std::find_if(order.begin(), order.end(), same);
    if (found == order.end()) {
      order.push_back(&one);
    } else {
      *found = &one;
    }
  }
  return order;
}

std::vector<ModelQuality> model_qualities(const record::SampleFileContent& content) {
  std::vector<ModelQuality> models;
  std::map<std::string, std::vector<const QualityRecord*>> by_model;
  for (const QualityRecord* rating : latest_ratings(content, {})) {
    std::vector<const QualityRecord*>& own = by_model[rating->cell.model];
    if (own.empty()) {
      models.emplace_back();
      models.back().label = rating->cell.model;
    }
    own.push_back(rating);
  }
  const std::vector<record::CellRecord> cells = record::latest_cells(content.cells);
  for (ModelQuality& model : models) {
    std::vector<double> scores, stars;
    for (const QualityRecord* rating : by_model[model.label]) {
      const auto score = quality_value(*rating, "quality_score"), star = quality_value(*rating, "stars");
      if (score && star) {
        scores.push_back(*score);
        stars.push_back(*star);
      } else {
        ++model.unrated;
      }
    }
    model.rated = static_cast<std::int64_t>(scores.size());
    if (!scores.empty()) {
      const stats::Summary summary = stats::summarize(scores);
      model.score = summary.mean;
      model.score_min = *std::min_element(scores.begin(), scores.end());
      model.score_max = *std::max_element(scores.begin(), scores.end());
      model.stars = stats::summarize(stars).mean;
    }
    add_speed(model, cells);
    add_success(model, content, by_model[model.label]);
    add_readiness(model, by_model[model.label]);
    add_use_case(model);
  }
  return models;
}

std::string stars_text(double stars) {
  const long full = std::clamp(std::lround(stars), 0L, 5L);
  std::string text;
  for (long i = 0; i < 5; ++i) text += i < full ? "★" : "☆";
  return text;
}

std::string quality_matrix(const std::vector<ModelQuality>& models) {
  MarkdownTable table(
      {"model", "code quality", "score", "answers", "tasks passed", "decode tok/s", "TTFT ms", "production readiness", "best use case"},
      {false, false, true, true, true, true, true, false, false});
  for (const ModelQuality& model : models) {
    const std::string use = model.use_case.empty() ? "– (no answer could be rated)" : model.use_case + " (" + model.use_case_reason + ")";
    table.add({markdown_text(display_name(model)), model.stars ? stars_text(*model.stars) : "–",
               model.score ? number(*model.score, 1) : "–", fmt::format("{}", model.rated),
               model.judged > 0 ? fmt::format("{} of {}", model.passed, model.judged) : "–", metric_text(model.decode_tok_per_s),
               metric_text(model.ttft_ms), model.readiness.empty() ? "–" : model.readiness, markdown_text(use)});
  }
  return table.empty() ? std::string() : table.text();
}

Selection select_model(const std::vector<ModelQuality>& models) {
  const ModelQuality* chosen = fastest(models, nullptr);
  if (chosen == nullptr) return no_choice(models);
  const auto candidates = std::count_if(models.begin(), models.end(), can_be_chosen);
  Selection out;
  out.chosen = display_name(*chosen);
  out.headline = fmt::format(" is chosen: the fastest of {} of {} whose code is at least High in production readiness.", candidates,
                             plural(models.size(), "model"));
  std::string speed = fmt::format("Speed: {} tok/s", number(*chosen->decode_tok_per_s, 1));
  if (chosen->ttft_ms) speed += fmt::format(", TTFT {} ms", number(*chosen->ttft_ms, 0));
  if (const ModelQuality* next = fastest(models, chosen)) {
    speed += fmt::format("; {} times the next, {} ({})", number(*chosen->decode_tok_per_s / *next->decode_tok_per_s, 2),
                         display_name(*next), number(*next->decode_tok_per_s, 1));
  }
  for (std::string reason :
       {speed + ".", score_reason(*chosen), fmt::format("Readiness: {}, since {}.", chosen->readiness, chosen->readiness_reason),
        memory_reason(*chosen), against(models, *chosen)}) {
    if (!reason.empty()) out.reasons.push_back(std::move(reason));
  }
  for (const ModelQuality& model : models) {
    if (class_of(model.readiness) >= 2 && !model.decode_tok_per_s)
      out.reasons.push_back(display_name(model) + " was not compared: its speed was not measured.");
  }
  return out;
}

std::string selection_rationale(const std::vector<ModelQuality>& models) {
  const Selection selection = select_model(models);
  if (selection.headline.empty()) return {};
  std::string out = selection.chosen.empty() ? std::string() : "**" + markdown_text(selection.chosen) + "**";
  out += markdown_text(selection.headline) + "\n";
  if (!selection.reasons.empty()) out += "\n";
  for (const std::string& reason : selection.reasons) out += "- " + markdown_text(reason) + "\n";
  return out;
}

}  // namespace qbench::report
