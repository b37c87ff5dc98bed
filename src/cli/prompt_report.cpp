#include "cli/prompt_report.h"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

#include "text/utf8.h"

namespace qbench::cli {
namespace {

using nlohmann::ordered_json;
using quality::SectionKind;

ordered_json number(const std::optional<double>& value) { return value ? ordered_json(*value) : ordered_json(); }

ordered_json shares_json(const quality::PromptCounts& counts) {
  ordered_json shares;
  for (std::size_t kind = 0; kind < quality::kSectionKinds; ++kind) {
    const auto id = static_cast<SectionKind>(kind);
    const std::optional<double> share = counts.share(counts.of(id));
    ordered_json one{{"count", counts.of(id)}, {"share_ratio", number(share)}};
    if (id != SectionKind::kUnclassified) {
      one["budget_ratio"] = quality::budget_ratio(id);
      one["difference_ratio"] = share ? ordered_json(*share - quality::budget_ratio(id)) : ordered_json();
    }
    shares[std::string(quality::name_of(id))] = std::move(one);
  }
  return shares;
}

ordered_json sections_json(const PromptReport& report) {
  ordered_json sections = ordered_json::array();
  for (std::size_t i = 0; i < report.analysis.sections.size(); ++i) {
    const quality::Section& section = report.analysis.sections[i];
    sections.push_back({{"kind", quality::name_of(section.kind)},
                        {"title", section.title},
                        {"rule", section.rule},
                        {"first_line", section.first_line},
                        {"last_line", section.last_line},
                        {"count", report.counts().by_section[i]}});
  }
  return sections;
}

ordered_json models_json(const PromptReport& report) {
  ordered_json models = ordered_json::array();
  for (const PromptInModel& one : report.models) {
    const double bytes = static_cast<double>(report.analysis.bytes);
    models.push_back(
        {{"model", one.model->label},
         {"tokens", one.counts.total},
         {"bytes_per_token", one.counts.total > 0 ? ordered_json(bytes / static_cast<double>(one.counts.total)) : ordered_json()},
         {"tokens_as_sent", one.tokens_as_sent},
         {"context", one.model->context ? ordered_json(*one.model->context) : ordered_json()},
         {"context_use_ratio", number(one.context_use_ratio())},
         {"sections", shares_json(one.counts)},
         {"section_places_exact", one.counts.exact},
         {"duplicated_tokens", one.counts.duplicated},
         {"boilerplate_tokens", one.counts.boilerplate}});
  }
  return models;
}

ordered_json waste_json(const PromptReport& report) {
  ordered_json duplicates = ordered_json::array(), phrases = ordered_json::array();
  for (const quality::Duplicate& one : report.analysis.duplicates) {
    ordered_json places = ordered_json::array();
    for (const auto& place : one.places) places.push_back({{"first_line", place.first_line}, {"last_line", place.last_line}});
    duplicates.push_back({{"text", one.text}, {"words", one.words}, {"places", std::move(places)}});
  }
  for (const quality::Boilerplate& one : report.analysis.boilerplate)
    phrases.push_back({{"phrase", one.rule->phrase}, {"instead", one.rule->instead}, {"line", one.line}});
  return {{"duplicates", std::move(duplicates)}, {"boilerplate", std::move(phrases)}};
}

ordered_json lint_json(const PromptReport& report) {
  ordered_json findings = ordered_json::array();
  for (const quality::LintFinding& one : report.lint) {
    const quality::LintRule& rule = quality::rule_of(one.id);
    findings.push_back({{"rule", rule.name},
                        {"line", one.line > 0 ? ordered_json(one.line) : ordered_json()},
                        {"detail", one.detail},
                        {"reason", rule.reason}});
  }
  return findings;
}

ordered_json report_json(const PromptReport& report) {
  ordered_json document{{"name", report.prompt.name},
                        {"group", report.prompt.prompt.group.empty() ? ordered_json() : ordered_json(report.prompt.prompt.group)},
                        {"bytes", report.analysis.bytes},
                        {"lines", report.analysis.lines},
                        {"words", report.analysis.words},
                        {"requirements", report.analysis.requirements},
                        {"models", models_json(report)},
                        {"section_unit", report.models.empty() ? "bytes" : "tokens"},
                        {"section_counts_by", report.models.empty() ? ordered_json() : ordered_json(report.models.front().model->label)},
                        {"sections", shares_json(report.counts())},
                        {"parts", sections_json(report)}};
  document.update(waste_json(report));
  document["lint"] = lint_json(report);
  return document;
}

ordered_json pair_json(const PromptReport& prompt, const PromptReport& against) {
  ordered_json models = ordered_json::array();
  for (std::size_t i = 0; i < prompt.models.size(); ++i) {
    const quality::Compression one{prompt.models[i].counts.total, against.models[i].counts.total, prompt.analysis.requirements,
                                   against.analysis.requirements};
    models.push_back({{"model", prompt.models[i].model->label},
                      {"tokens", one.tokens},
                      {"against_tokens", one.against_tokens},
                      {"token_ratio", number(one.token_ratio())},
                      {"tokens_per_requirement", number(one.tokens_per_requirement())},
                      {"against_tokens_per_requirement", number(one.against_tokens_per_requirement())}});
  }
  return {{"prompt", prompt.prompt.name},
          {"against", against.prompt.name},
          {"bytes", prompt.analysis.bytes},
          {"against_bytes", against.analysis.bytes},
          {"requirements", prompt.analysis.requirements},
          {"against_requirements", against.analysis.requirements},
          {"models", std::move(models)}};
}

}  // namespace

PromptReport make_prompt_report(const NamedPrompt& prompt, const std::vector<TextSide>& models) {
  PromptReport report;
  report.prompt = prompt;
  report.analysis = quality::analyse_prompt(prompt.text);
  report.bytes = quality::count_bytes(report.analysis);
  std::vector<quality::LintContext> contexts;
  for (const TextSide& model : models) {
    PromptInModel one{&model, quality::count_tokens(report.analysis, *model.tokenizer), model.tokens_as_sent(prompt)};
    if (model.context)
      contexts.push_back({model.label, one.tokens_as_sent, std::max<std::int64_t>(prompt.max_new_tokens, 1), *model.context});
    report.models.push_back(std::move(one));
  }
  report.lint = quality::lint(prompt.text, contexts);
  return report;
}

std::vector<PromptPair> pairs_of_groups(const std::vector<PromptReport>& reports) {
  std::map<std::string, std::vector<std::size_t>> groups;
  std::vector<std::string> order;
  for (std::size_t i = 0; i < reports.size(); ++i) {
    const std::string& group = reports[i].prompt.prompt.group;
    if (group.empty()) continue;
    if (groups[group].empty()) order.push_back(group);
    groups[group].push_back(i);
  }
  std::vector<PromptPair> pairs;
  for (const std::string& group : order) {
    const std::vector<std::size_t>& members = groups[group];
    const auto verbose = std::find_if(members.begin(), members.end(), [&](std::size_t at) {
      const auto& tags = reports[at].prompt.prompt.tags;
      return std::find(tags.begin(), tags.end(), "verbose") != tags.end();
    });
    const std::size_t first = verbose == members.end() ? members.front() : *verbose;
    for (const std::size_t member : members) {
      if (member != first) pairs.push_back({member, first});
    }
  }
  return pairs;
}

ordered_json prompts_json(const std::vector<PromptReport>& reports, const std::vector<PromptPair>& pairs,
                          const std::vector<TextSide>& models) {
  ordered_json document{{"models", ordered_json::array()}, {"prompts", ordered_json::array()}, {"compression", ordered_json::array()}};
  for (const TextSide& model : models) {
    document["models"].push_back({{"model", model.label},
                                  {"vocab", model.tokenizer->vocab_size()},
                                  {"tokenizer_fingerprint", model.tokenizer->fingerprint()},
                                  {"context", model.context ? ordered_json(*model.context) : ordered_json()}});
  }
  for (const PromptReport& report : reports) document["prompts"].push_back(report_json(report));
  for (const PromptPair& pair : pairs) document["compression"].push_back(pair_json(reports[pair.prompt], reports[pair.against]));
  return document;
}

}  // namespace qbench::cli
