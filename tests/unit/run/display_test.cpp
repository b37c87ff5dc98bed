#include <doctest/doctest.h>

#include "run/display.h"

using namespace qbench;

namespace {

struct Screen {
  std::string text;
  run::Display show(bool terminal, bool quiet = false) {
    return run::Display({.quiet = quiet, .terminal = terminal, .color = false, .width = 80}, [this](std::string_view bytes) { text += bytes; });
  }
};

run::Progress at_token(std::int64_t tokens) {
  return {.cell = 0, .phase = record::Phase::kTimed, .repetition = 1, .turn = 1, .tokens = tokens, .most_tokens = 32, .tok_per_s = 23.4};
}

record::CellKey key() {
  record::CellKey k;
  k.prompt_id = "is-prime";
  return k;
}

}  // namespace

TEST_CASE("a terminal has a line that is written over, with model, prompt, tokens and rate") {
  Screen screen;
  run::ModelPlan model;
  model.label = "tiny";
  {
    run::Display display = screen.show(true);
    display.progress(model, key(), 3, at_token(17));
    CHECK(screen.text.find("tiny | is-prime (speed) 2/3 | 17/32 tokens | 23.4 tok/s") != std::string::npos);
    CHECK(screen.text.find('\n') == std::string::npos);
    display.line("next");
  }
  CHECK(screen.text.ends_with("\r\x1b[Knext\n"));
}

TEST_CASE("elsewhere no progress line is written") {
  Screen screen;
  run::Display display = screen.show(false);
  display.progress({}, key(), 3, at_token(17));
  CHECK(screen.text.empty());
  display.line("plain");
  CHECK(screen.text == "plain\n");
}

TEST_CASE("quiet keeps errors, on one line") {
  Screen screen;
  run::Display display = screen.show(true, true);
  display.line("hidden");
  display.progress({}, key(), 3, at_token(1));
  display.error("bad\nthing");
  CHECK(screen.text == "error: bad thing\n");
}
