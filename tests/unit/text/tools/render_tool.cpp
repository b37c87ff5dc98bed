// render_tool --template F --variables V.json [--wall-ns N]: prints the rendered text and nothing else. For comparing with other renderers.
#include <cstdio>
#include <cstdlib>
#include <map>
#include <nlohmann/json.hpp>
#include <string>

#include "base/clock.h"
#include "base/error.h"
#include "base/text_file.h"
#include "text/chat_template.h"

int main(int argc, char** argv) {
  std::map<std::string, std::string> options;
  for (int i = 1; i + 1 < argc; i += 2) options[argv[i]] = argv[i + 1];
  if (!options.contains("--template") || !options.contains("--variables")) {
    std::fprintf(stderr, "usage: render_tool --template F --variables V.json [--wall-ns N]\n");
    return 2;
  }
  try {
    const qbench::text::ChatTemplate chat_template(qbench::read_text_file(options["--template"]), options["--template"]);
    const auto variables = nlohmann::ordered_json::parse(qbench::read_text_file(options["--variables"]));
    const auto wall_ns = options.contains("--wall-ns") ? std::atoll(options["--wall-ns"].c_str()) : qbench::wall_now_ns();
    const std::string text = chat_template.render(variables, wall_ns);
    std::fwrite(text.data(), 1, text.size(), stdout);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "render_tool: %s\n", error.what());
    return 2;
  }
  return 0;
}
