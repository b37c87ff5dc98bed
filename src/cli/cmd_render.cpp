#include "cli/cmd_render.h"

#include <CLI/CLI.hpp>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/error.h"
#include "cli/input_files.h"
#include "cli/model_options.h"
#include "cli/output.h"
#include "formats/tokenizer_source.h"
#include "text/chat_template.h"
#include "text/prompt_format.h"

namespace qbench::cli {
namespace {

struct RenderOptions {
  ModelOptions model;
  std::optional<std::string> template_file;
  std::string variables;
};

constexpr const char* kExamples = R"(Examples:
  qbench render -m ./Qwen3-0.6B --variables chat.json
  qbench render --template chat_template.jinja --variables chat.json
chat.json: {"messages": [{"role": "user", "content": "Hello"}], "add_generation_prompt": true}
Whatever stands in it is a variable of the template: tools, enable_thinking, bos_token, ... With --models the checkpoint's own special tokens
are filled in where it leaves them out. Prints the prompt and nothing else, not even a newline. A template that raises, or uses a construct
outside the subset, is exit status 2.)";

int run(const RenderOptions& options, Invocation& invocation) {
  if (options.model.models.empty() == !options.template_file)
    throw Error(ErrorCode::kUsage, "give exactly one of --models and --template", "render");
  nlohmann::ordered_json variables = read_json_object("--variables", options.variables);
  std::string source, where;
  if (options.template_file) {
    source = read_input("--template", *options.template_file);
    where = *options.template_file;
  } else {
    const formats::TokenizerSource text_side = formats::load_tokenizer_source(resolve_text_side(options.model, invocation));
    if (text_side.chat_template.empty()) throw Error(ErrorCode::kNotFound, "has no chat template", invocation.model);
    nlohmann::ordered_json tokens = text::special_token_variables(text_side);
    for (const auto& [name, token] : tokens.items()) {
      if (!variables.contains(name)) variables[name] = token;
    }
    source = text_side.chat_template;
    where = text_side.where;
  }
  invocation.model.clear();  // from here on the template is judged, not a model: what it raises is a usage matter
  const text::ChatTemplate chat(source, where);
  write_output(chat.render(variables, wall_now_ns()));
  return kExitFine;
}

}  // namespace

Command add_render(CLI::App& root) {
  const auto options = std::make_shared<RenderOptions>();
  CLI::App* command = root.add_subcommand("render", "A chat template applied to variables");
  add_models_option(*command, options->model, false);
  command->add_option("--template", options->template_file, "A Jinja file instead of a model's template")->type_name("F");
  command->add_option("--variables", options->variables, "One JSON object; `-` is standard input")->type_name("V.json")->required();
  command->footer(kExamples);
  return {"render", [options](Invocation& invocation) { return run(*options, invocation); }};
}

}  // namespace qbench::cli
