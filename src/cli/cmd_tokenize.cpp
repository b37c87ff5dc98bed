#include "cli/cmd_tokenize.h"

#include <CLI/CLI.hpp>
#include <charconv>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/error.h"
#include "cli/input_files.h"
#include "cli/model_options.h"
#include "cli/output.h"
#include "formats/tokenizer_source.h"
#include "text/tokenizer.h"

namespace qbench::cli {
namespace {

struct TokenizeOptions {
  ModelOptions model;
  std::optional<std::string> text, file, jsonl, ids_file;
  bool no_special = false, json = false, decode = false;
};

constexpr const char* kExamples = R"(Examples:
  qbench tokenize -m qwen2.5-coder-7b "def main():"           ids with their pieces, one a line
  qbench tokenize -m ./Qwen3-0.6B --json --file prompt.txt    one JSON array of ids
  qbench tokenize -m model.gguf --jsonl texts.jsonl           one array for each line, a JSON string
  qbench tokenize -m model.gguf --decode --ids-file ids.json  the text of the ids
A folder with tokenizer files or a vocabulary-only GGUF is enough. `--file -` reads standard input.)";

void append_ids(std::string& out, std::span<const std::int32_t> ids) {
  char digits[16];
  out += '[';
  for (std::size_t i = 0; i < ids.size(); ++i) {
    if (i > 0) out += ", ";
    out.append(digits, std::to_chars(digits, digits + sizeof digits, ids[i]).ptr);
  }
  out += "]\n";
}

std::string json_string(const std::string& text) {
  return nlohmann::ordered_json(text).dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

void check(const TokenizeOptions& options) {
  const int sources = options.text.has_value() + options.file.has_value() + options.jsonl.has_value() + options.ids_file.has_value();
  if (sources != 1) throw Error(ErrorCode::kUsage, "give exactly one of TEXT, --file, --jsonl and --decode --ids-file", "tokenize");
  if (options.decode != options.ids_file.has_value()) throw Error(ErrorCode::kUsage, "--decode and --ids-file go together", "tokenize");
}

void print_pieces(const text::Tokenizer& tokenizer, std::span<const std::int32_t> ids) {
  std::string out;
  for (const std::int32_t id : ids) out += std::to_string(id) + "\t" + json_string(tokenizer.piece(id)) + "\n";
  write_output(out);
}

int run(const TokenizeOptions& options, Invocation& invocation) {
  check(options);
  std::vector<std::string> texts;
  std::vector<std::int32_t> ids;
  if (options.text) {
    check_utf8("TEXT", "the text", *options.text);
    texts.push_back(*options.text);
  }
  if (options.file) texts.push_back(read_text_input("--file", *options.file));
  if (options.jsonl) texts = read_json_strings("--jsonl", *options.jsonl);
  if (options.ids_file) ids = read_ids("--ids-file", *options.ids_file);

  const auto tokenizer = text::make_tokenizer(formats::load_tokenizer_source(resolve_text_side(options.model, invocation)));
  if (options.decode) {
    const std::string text = tokenizer->decode(ids, options.no_special);
    write_output(options.json ? json_string(text) + "\n" : text);
    return kExitFine;
  }
  std::string out;
  for (const std::string& text : texts) {
    ids = tokenizer->encode(text, {.add_special = !options.no_special});
    if (options.json || options.jsonl) {
      append_ids(out, ids);
    } else {
      print_pieces(*tokenizer, ids);
    }
  }
  write_output(out);
  return kExitFine;
}

}  // namespace

Command add_tokenize(CLI::App& root) {
  const auto options = std::make_shared<TokenizeOptions>();
  CLI::App* command = root.add_subcommand("tokenize", "Text to token ids and back, as the model's own tokenizer does it");
  add_models_option(*command, options->model, true);
  command->add_option("text", options->text, "The text")->type_name("TEXT");
  command->add_option("--file", options->file, "The whole file is the text, which must be UTF-8")->type_name("F");
  command->add_option("--jsonl", options->jsonl, "One JSON string a line; prints one array a line")->type_name("F");
  command->add_flag("--no-special", options->no_special,
                    "Leave out the BOS and EOS that the tokenizer adds (with --decode: all special tokens)");
  command->add_flag("--json", options->json, "One JSON array of ids (with --decode: one JSON string)");
  command->add_flag("--decode", options->decode, "Ids to text");
  command->add_option("--ids-file", options->ids_file, "One JSON array of ids, for --decode")->type_name("F");
  command->footer(kExamples);
  return {"tokenize", [options](Invocation& invocation) { return run(*options, invocation); }};
}

}  // namespace qbench::cli
