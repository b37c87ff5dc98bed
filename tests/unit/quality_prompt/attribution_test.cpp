#include "quality/prompt/attribution.h"

#include <doctest/doctest.h>

#include <cmath>
#include <string>

#include "backend/cpu/cpu_backend.h"
#include "demo.h"
#include "formats/model_file.h"
#include "quality/prompt/prompt_places.h"
#include "quality/prompt/sections.h"
#include "test_support.h"

namespace qbench::test {
namespace {

using quality::Attribution;
using quality::AttributionInput;

/// A tiny model whose weights are random: what it computes is compared with itself, not judged.
struct Tiny {
  std::unique_ptr<backend::Backend> device = backend::make_cpu_backend();
  std::unique_ptr<model::Model> model = model::load_model(*formats::open_model_file(fixtures_dir() / "engine" / "qwen3"), *device, {});

  std::unique_ptr<engine::Session> session() const {
    engine::SessionOptions options;
    options.context = 128;
    options.kv_dtype = tensor::DType::kF32;
    return std::make_unique<engine::Session>(*model, options);
  }
};

AttributionInput numbered_input() {
  AttributionInput input;
  for (std::int32_t i = 0; i < 40; ++i) input.prompt_ids.push_back(i * 37 % 120);
  input.user_text = {4, 36};
  input.sections = {{4, 12}, {12, 20}, {20, 20}, {20, 36}};
  input.answer_ids = {3, 1, 4, 1, 5, 9, 2, 6};
  return input;
}

}  // namespace

TEST_CASE("a section's cost is what the answer loses without it, and it is relevant above the spread over random spans") {
  const Tiny tiny;
  const AttributionInput input = numbered_input();
  const auto session = tiny.session();
  const Attribution result = quality::attribute(*session, input, {});
  REQUIRE(result.sections.size() == 4);
  const double whole = engine::score_continuation(*session, input.prompt_ids, input.answer_ids).sum_log_p;
  CHECK(result.log_p_nats == doctest::Approx(whole).epsilon(1e-6));
  for (const auto& section : result.sections) {
    if (section.span.size() == 0) continue;
    auto rest = input.prompt_ids;
    rest.erase(rest.begin() + section.span.begin, rest.begin() + section.span.end);
    const double without = engine::score_continuation(*session, rest, input.answer_ids).sum_log_p;
    CHECK(section.cost_nats == doctest::Approx(whole - without).epsilon(1e-4));
    CHECK(section.nats_per_answer_token == doctest::Approx(section.cost_nats / 8.0));
    CHECK(*section.nats_per_token == doctest::Approx(section.cost_nats / static_cast<double>(section.span.size())));
    CHECK(section.random_spans >= static_cast<std::int64_t>(quality::kLeastSpans));
    CHECK(section.spread_nats > section.random_deviation_nats);  // t is above 1, and so is the correction for overlap
    CHECK(section.relevant == (section.cost_nats > section.spread_nats));
  }
  CHECK_FALSE(result.sections[2].relevant);
  CHECK_FALSE(result.sections[2].nats_per_token);
  CHECK(result.total_tokens == 32);
  CHECK(result.context_efficiency_ratio() == doctest::Approx(static_cast<double>(result.relevant_tokens) / 32.0));
}

TEST_CASE("the plan says what the attribution then takes, and prefixes are not computed again") {
  const Tiny tiny;
  const AttributionInput input = numbered_input();
  const auto session = tiny.session();
  const auto plan = quality::plan_attribution(input, {});
  std::int64_t passes = 0;
  const Attribution result = quality::attribute(*session, input, {}, [&](std::int64_t run) { passes = run; });
  CHECK(passes == plan.passes);
  CHECK(result.cost.passes == plan.passes);
  CHECK(result.cost.tokens_fed <= plan.tokens_fed);
  CHECK(result.cost.tokens_reused >= plan.tokens_reused);
  CHECK(result.cost.tokens_reused > 0);
  CHECK(result.cost.tokens_fed + result.cost.tokens_reused == plan.tokens_fed + plan.tokens_reused);
}

TEST_CASE("the same seed gives the same bits, another one other spans") {
  const Tiny tiny;
  const AttributionInput input = numbered_input();
  const Attribution once = quality::attribute(*tiny.session(), input, {}), again = quality::attribute(*tiny.session(), input, {});
  const Attribution other = quality::attribute(*tiny.session(), input, {.random_spans = 16, .seed = 2});
  bool differs = false;
  for (std::size_t i = 0; i < once.sections.size(); ++i) {
    CHECK(once.sections[i].cost_nats == again.sections[i].cost_nats);
    CHECK(once.sections[i].spread_nats == again.sections[i].spread_nats);
    differs = differs || once.sections[i].spread_nats != other.sections[i].spread_nats;
  }
  CHECK(differs);
}

TEST_CASE("a section that is the whole prompt has no random spans, and something is left to predict the answer") {
  const Tiny tiny;
  AttributionInput input = numbered_input();
  input.prompt_ids.resize(6);
  input.user_text = {0, 6};
  input.sections = {{0, 6}};
  const Attribution result = quality::attribute(*tiny.session(), input, {});
  CHECK(result.sections[0].random_spans == 0);
  CHECK(result.sections[0].spread_nats == 0.0);
  CHECK(result.sections[0].relevant == (result.sections[0].cost_nats > 0.0));
  CHECK(quality::plan_attribution(input, {}).passes == 2);
}

TEST_CASE("the section that an answer copies is relevant, the ones that it has nothing to do with are not") {
  const auto demo = load_demo("attribution to a planted section");
  if (!demo) return;
  const std::string copied = "The secret code word of the green team is zebra seventeen marble.";
  const std::string text =
      "The weather in the mountains was cold and the hikers wore thick coats all day long.\n\n"
      "**Requirements:**\n" +
      copied +
      "\n\n"
      "**Background:**\nA bakery sells bread and rolls from six in the morning until noon on weekdays.\n";
  text::PromptRequest request;
  request.messages.push_back({"user", text});
  const text::FormattedPrompt prompt = text::format_prompt(text::PromptStyle::kTemplate, demo->source, request, 0);
  const auto ids = demo->tokenizer->encode(prompt.text, {.add_special = prompt.add_special});
  const auto placed = quality::place_parts(*demo->tokenizer, prompt.text, ids, text);
  REQUIRE(placed);
  CHECK(placed->exact);
  AttributionInput input = placed->input;
  REQUIRE(input.sections.size() == 3);
  CHECK(input.sections.front().begin == input.user_text.begin);
  CHECK(input.sections.back().end == input.user_text.end);
  CHECK(placed->sections[1].first_line == 3);
  CHECK(demo->tokenizer
            ->decode(std::span(input.prompt_ids)
                         .subspan(static_cast<std::size_t>(input.sections[1].begin), static_cast<std::size_t>(input.sections[1].size())))
            .find("zebra seventeen marble") != std::string::npos);
  CHECK_FALSE(quality::place_parts(*demo->tokenizer, prompt.text, ids, "This is not in the prompt."));
  input.answer_ids = demo->encode("The secret code word of the green team is zebra seventeen marble.");
  engine::SessionOptions options;
  options.context = 256;
  engine::Session session(*demo->model, options);
  const Attribution result = quality::attribute(session, input, {});
  CHECK_FALSE(result.sections[0].relevant);
  CHECK(result.sections[1].relevant);
  CHECK_FALSE(result.sections[2].relevant);
  CHECK(result.sections[1].cost_nats > 10.0);
  CHECK(result.relevant_tokens == result.sections[1].span.size());
}

}  // namespace qbench::test
