#include "cli/sampling_options.h"

#include <CLI/CLI.hpp>

#include "cli/number_options.h"

namespace qbench::cli {

void add_sampling_options(CLI::App& command, workload::Settings& settings) {
  const std::string group = "Sampling";
  command.add_option("--temperature", settings.temperature, "0 is greedy (0.7)")->transform(finite_number())->type_name("X")->group(group);
  command.add_option("--top-k", settings.top_k, "Only the k likeliest; 0: off")->transform(whole_number())->type_name("K")->group(group);
  command.add_option("--top-p", settings.top_p, "Only the likeliest that add up to p (0.9)")
      ->transform(finite_number())
      ->type_name("P")
      ->group(group);
  command.add_option("--min-p", settings.min_p, "Only those at least so likely, relative to the likeliest; 0: off")
      ->transform(finite_number())
      ->type_name("P")
      ->group(group);
  command.add_option("--repetition-penalty", settings.repetition_penalty, "Over prompt and output; 1: off")
      ->transform(finite_number())
      ->type_name("X")
      ->group(group);
  command.add_option("--presence-penalty", settings.presence_penalty, "Over the output; 0: off")
      ->transform(finite_number())
      ->type_name("X")
      ->group(group);
  command.add_option("--frequency-penalty", settings.frequency_penalty, "Over the output, times the count; 0: off")
      ->transform(finite_number())
      ->type_name("X")
      ->group(group);
  command.add_option("--no-repeat-ngram", settings.no_repeat_ngram, "No sequence of so many tokens twice; 0: off")
      ->transform(whole_number())
      ->type_name("N")
      ->group(group);
  command.add_option("--seed", settings.seed, "Same seed, same tokens (1)")->transform(whole_number())->type_name("N")->group(group);
  command.add_option("--max-new-tokens", settings.max_new_tokens, "At most so many tokens")
      ->transform(whole_number())
      ->type_name("N")
      ->group(group);
  command
      .add_flag_callback(
          "--ignore-eos", [&settings] { settings.ignore_eos = true; }, "Go on past the end-of-text token, without masking it")
      ->group(group);
  command
      .add_option_function<std::vector<std::string>>(
          "--stop", [&settings](const std::vector<std::string>& words) { settings.stop = words; },
          "Text that ends the output, and is cut off; repeated for several")
      ->expected(1)
      ->allow_extra_args(false)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
      ->type_name("TEXT")
      ->group(group);
}

void add_thinking_options(CLI::App& command, workload::Settings& settings) {
  const std::string group = "Sampling";
  CLI::Option* on = command.add_flag_callback(
      "--thinking", [&settings] { settings.enable_thinking = true; }, "Ask the chat template for thinking");
  CLI::Option* off = command.add_flag_callback(
      "--no-thinking", [&settings] { settings.enable_thinking = false; }, "Ask the chat template for no thinking");
  on->excludes(off)->group(group);
  off->group(group);
  command.add_option("--max-thinking-tokens", settings.max_thinking_tokens, "Close a thought after N tokens; the answer goes on (no limit)")
      ->transform(whole_number())
      ->type_name("N")
      ->group(group);
  command
      .add_option("--thinking-timeout", settings.thinking_timeout,
                  "Close a thought S seconds after the prompt was begun: not the same text in every run (no limit)")
      ->transform(finite_number())
      ->type_name("S")
      ->group(group);
  command.add_option("--thinking-temperature", settings.thinking_temperature, "Until the thought ends (--temperature)")
      ->transform(finite_number())
      ->type_name("X")
      ->group(group);
  command.add_option("--output-temperature", settings.output_temperature, "From the end of the thought on (--temperature)")
      ->transform(finite_number())
      ->type_name("X")
      ->group(group);
}

}  // namespace qbench::cli
