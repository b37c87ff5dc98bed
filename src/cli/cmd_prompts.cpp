#include "cli/cmd_prompts.h"

#include <CLI/CLI.hpp>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "cli/model_options.h"
#include "cli/number_options.h"
#include "cli/output.h"
#include "cli/prompt_ab.h"
#include "cli/prompt_attribution.h"
#include "cli/prompt_inputs.h"
#include "cli/prompt_report.h"

namespace qbench::cli {
namespace {

struct PromptsOptions {
  ModelOptions model;
  std::vector<std::string> files;
  std::optional<std::string> suite, against;
  bool attribution = false;
  AttributionRequest attribute;
  PromptAbRequest ab;
  bool json = false;
};

constexpr std::int64_t kMostRandomSpans = 10'000;
constexpr std::int64_t kMostSamples = 1000;
constexpr const char* kExamples = R"(Examples:
  qbench prompts prompt.txt -m qwen2.5-coder-7b,qwen3-8b
  qbench prompts dense.txt --against verbose.txt -m ./tokenizer-folder
  qbench prompts --suite guide -m model.gguf --json
  qbench prompts prompt.txt -m model.gguf --attribution --answer answer.txt
  qbench prompts --suite codegen#fastapi-vit -m model.gguf --attribution --answer results/RUN
  qbench prompts --prompt-ab plain.txt detailed.txt --task python-tasks -m model.gguf --samples 3
A folder with tokenizer files or a vocabulary-only GGUF is enough, but for --attribution. The budget of the parts is 20% context, 30% task,
25% quality, 25% examples; the first model's tokenizer counts them. Parts are found by headings, bold lines, labels and key words, duplicates are runs of
six words and more, requirements are list items and asking sentences: prompts/README.md has the rules. Suites' groups (a verbose
and a dense wording) are compared; --against compares files with another one.
--attribution teacher-forces the answer (a file, the folder of a run that answered the prompt, or one generated greedily now) with each part
left out. A part is relevant where leaving it out costs more log-likelihood than the spread (a one-sided 95% bound) over random spans of its
length; context efficiency is the share of the prompt's tokens in relevant parts. What it takes is said before and after.
--prompt-ab answers the tasks of a suite with either prompt ({task} in it is the task's own text), judges the answers in the sandbox and
compares them in pairs: success by McNemar's exact test, then tokens. One sample is greedy, several are drawn at temperature 0.7.)";

std::vector<NamedPrompt> read_prompts(const PromptsOptions& options) {
  std::vector<NamedPrompt> prompts;
  for (const std::string& file : options.files) prompts.push_back(read_named_prompt(file));
  if (options.suite) {
    for (NamedPrompt& prompt : suite_prompts(*options.suite)) prompts.push_back(std::move(prompt));
  }
  if (prompts.empty()) throw Error(ErrorCode::kUsage, "give one or more files, or --suite", "prompts");
  for (NamedPrompt& prompt : prompts) prompt.max_new_tokens = options.model.engine.max_new_tokens.value_or(prompt.max_new_tokens);
  return prompts;
}

void check_ab(const PromptsOptions& options) {
  const bool ab = !options.ab.files.empty();
  if (!ab && !options.ab.tasks.empty()) throw Error(ErrorCode::kUsage, "goes with --prompt-ab", "--task");
  if (!ab) return;
  if (options.ab.tasks.empty()) throw Error(ErrorCode::kUsage, "needs --task: a suite whose prompts have tasks", "--prompt-ab");
  if (options.model.models.empty()) throw Error(ErrorCode::kUsage, "needs --models: one answers the tasks", "--prompt-ab");
  if (!options.files.empty() || options.suite || options.against || options.attribution) {
    throw Error(ErrorCode::kUsage, "takes its two prompts alone: leave out other files, --suite, --against and --attribution",
                "--prompt-ab");
  }
  if (options.ab.samples < 1 || options.ab.samples > kMostSamples) {
    throw Error(ErrorCode::kUsage, "must be from 1 to " + std::to_string(kMostSamples) + ", not " + std::to_string(options.ab.samples),
                "--samples");
  }
}

void check(const PromptsOptions& options) {
  check_load_options(options.model);
  check_ab(options);
  if (options.attribute.answer && !options.attribution) throw Error(ErrorCode::kUsage, "goes with --attribution", "--answer");
  if (options.attribution && options.against) throw Error(ErrorCode::kUsage, "does not go with --attribution", "--against");
  if (options.attribution && options.model.models.empty())
    throw Error(ErrorCode::kUsage, "needs --models: the answer is scored by one", "--attribution");
  if (options.attribute.random_spans < 2 || options.attribute.random_spans > kMostRandomSpans) {
    throw Error(ErrorCode::kUsage,
                "must be from 2 to " + std::to_string(kMostRandomSpans) + ", not " + std::to_string(options.attribute.random_spans),
                "--random-spans");
  }
}

int analyse(const PromptsOptions& options, const std::vector<NamedPrompt>& prompts, Invocation& invocation) {
  std::optional<NamedPrompt> against;
  if (options.against) against = read_named_prompt(*options.against);
  const std::vector<TextSide> models = open_text_sides(options.model, invocation);
  std::vector<PromptReport> reports;
  for (const NamedPrompt& prompt : prompts) reports.push_back(make_prompt_report(prompt, models));
  std::vector<PromptPair> pairs = pairs_of_groups(reports);
  if (against) {
    for (std::size_t i = 0; i < prompts.size(); ++i) pairs.push_back({i, prompts.size()});
    reports.push_back(make_prompt_report(*against, models));
  }
  if (options.json) {
    write_output_json(prompts_json(reports, pairs, models));
  } else {
    write_output(prompts_text(reports, pairs, models));
  }
  return kExitFine;
}

int run(const PromptsOptions& options, Invocation& invocation) {
  check(options);
  if (!options.ab.files.empty()) {
    PromptAbRequest request = options.ab;
    request.json = options.json;
    return run_prompt_ab(request, options.model, invocation);
  }
  const std::vector<NamedPrompt> prompts = read_prompts(options);
  if (!options.attribution) return analyse(options, prompts, invocation);
  if (prompts.size() != 1) {
    throw Error(ErrorCode::kUsage,
                "takes one prompt of one turn, " + std::to_string(prompts.size()) + " were given; --suite NAME#ID chooses one",
                "--attribution");
  }
  AttributionRequest request = options.attribute;
  request.seed = static_cast<std::uint64_t>(options.model.engine.seed.value_or(1));
  request.json = options.json;
  return run_attribution(request, options.model, prompts.front(), invocation);
}

}  // namespace

Command add_prompts(CLI::App& root) {
  const auto options = std::make_shared<PromptsOptions>();
  CLI::App* command =
      root.add_subcommand("prompts", "What prompts cost: tokens, parts, repetitions, lint; what each part does for the answer");
  command->add_option("files", options->files, "Prompts, one a file; `-` is standard input")->type_name("FILE");
  command->add_option("--suite", options->suite, "All prompts of a suite, or NAME#ID,ID")->type_name("NAME");
  command->add_option("--against", options->against, "Another wording to compare the files with")->type_name("FILE");
  command->add_flag("--attribution", options->attribution, "Measure what each part of one prompt does for an answer");
  command->add_option("--answer", options->attribute.answer, "The answer: a file, or the folder of a run; default: generated greedily")
      ->type_name("PATH");
  command->add_option("--random-spans", options->attribute.random_spans, "Random spans for each length of a part (16)")
      ->transform(whole_number())
      ->type_name("N");
  command->add_option("--prompt-ab", options->ab.files, "Two prompts for the same tasks")->type_name("A B")->expected(2);
  command->add_option("--task", options->ab.tasks, "For --prompt-ab: the suite with the tasks, or NAME#ID,ID")->type_name("NAME");
  command->add_option("--samples", options->ab.samples, "For --prompt-ab: answers to each task and prompt (1)")
      ->transform(whole_number())
      ->type_name("N");
  command->add_option("--temperature", options->model.engine.temperature, "For --prompt-ab")->transform(finite_number())->type_name("T");
  command->add_option("--seed", options->model.engine.seed, "Of the random spans and of the first sample (1)")
      ->transform(whole_number())
      ->type_name("N");
  command
      ->add_option(
          "--max-new-tokens", options->model.engine.max_new_tokens,
          "Longest answer: room in the context; with --attribution of the generated one (128), with --prompt-ab of each task (its own)")
      ->transform(whole_number())
      ->type_name("N");
  command->add_flag("--json", options->json, "One JSON document");
  add_sandbox_options(*command, options->ab.sandbox);
  add_load_options(*command, options->model, false);
  command->footer(kExamples);
  return {"prompts", [options](Invocation& invocation) { return run(*options, invocation); }};
}

}  // namespace qbench::cli
