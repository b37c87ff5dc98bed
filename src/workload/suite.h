#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "workload/settings.h"
#include "workload/task.h"

namespace qbench::workload {

/// What a turn of a staged prompt is (workload/thinking.h).
struct TurnStage {
  std::string name;                     ///< "deep_exploration"
  std::int64_t branch = 1, branches = 1;  ///< from 1; the requests of one stage
  std::int64_t max_tokens = 0;          ///< in place of the cell's max_new_tokens
  double temperature = 0.0;             ///< in place of the cell's
};

/// One thing that the user says. Turn n+1 is sent after the model's answer to turn n, with all that was said before.
struct Turn {
  std::string text;
  /// Tokens that this turn adds to the prompt, chat template included (the system message counts with the first turn). It is the length
  /// used where there is no tokenizer: the prompt is then that many seeded ids.
  std::int64_t prompt_tokens = 0;
  std::optional<TurnStage> stage = {};  ///< only in the text pass with --stages
};

/// One prompt of a suite.
struct Prompt {
  std::string id;  ///< unique in the suite; [a-z0-9._-], at most 64
  std::string title;
  std::string language;               ///< of the code asked for ("python", "typescript"); empty: any. Code models get it as a hint
  std::optional<std::string> system;  ///< system message; absent: the template's own default
  std::vector<Turn> turns;            ///< one or more
  Settings settings;                  ///< of the suite's `defaults`, with the prompt's own over them
  std::string group;                  ///< prompts that belong together (a verbose and a dense one); empty: none
  std::string size_class;             ///< model size the prompt was written for ("7b", "14b", "72b"); empty: any
  std::vector<std::string> tags;
  std::optional<Task> task;  ///< what makes an answer right; absent where nothing judges it
  std::string digest;        ///< SHA-256 over id, system message, turns (text and declared length), settings and, where there is one, the task
};

/// What a prompt's user says in all of its turns, a blank line between them.
std::string whole_text(const Prompt& prompt);

/// A named list of prompts.
struct Suite {
  std::string name;  ///< "smoke"; the folder's name, or "prompt" for --prompt and --prompt-file
  std::string title;
  std::string description;
  std::filesystem::path path;  ///< file it was read from; empty for --prompt
  Settings defaults;
  std::vector<Prompt> prompts;
  std::string digest;  ///< SHA-256 over name and the prompts' digests
};

/// Reads a suite: a folder with suite.json, a suite file (.json), or tasks in a public format (.jsonl, .jsonl.gz). prompts/README.md describes them.
/// Error{kConfig} for anything wrong with it (missing, unreadable, unknown key, bad value), naming file and key.
Suite load_suite(const std::filesystem::path& path);

/// What --suite takes: a path when it exists or looks like one (has a slash or ends in .json), else the name of a folder below
/// data_dir()/prompts. `#id,id` after it keeps only those prompts: "codegen#fastapi-vit". Error{kConfig}; for an unknown name the message
/// lists the ones that there are.
Suite find_suite(std::string_view name_or_path);

/// Names of the suites below data_dir()/prompts, sorted.
std::vector<std::string> list_suites();

/// A suite of one prompt from --prompt. Error{kUsage} when the text is empty or not UTF-8. Its declared length is an estimate (bytes / 4).
Suite suite_from_text(std::string_view text);

/// A suite of one prompt from --prompt-file: the whole file is the prompt (one final newline is dropped). Error{kConfig} when unreadable.
Suite suite_from_prompt_file(const std::filesystem::path& path);

}  // namespace qbench::workload
