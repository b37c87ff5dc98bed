#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "workplace.h"

using namespace qbench;
using namespace qbench::test;
using nlohmann::json;

TEST_CASE("generate writes the greedy ids that transformers wrote, for every recorded architecture") {
  const auto data = shared_data_dir();
  if (!data) return report_skip("golden greedy ids by the binary", "no shared test data");
  const Workplace place;
  for (const auto& model : std::filesystem::directory_iterator(*data / "golden")) {
    CAPTURE(model.path().filename().string());
    const json greedy = json::parse(read_file(model.path() / "expected.json")).at("greedy");
    write_file(place.path() / "ids.json", greedy.at("prompt_ids").dump());
    const Outcome outcome = place.qbench({"generate", "-m", model.path().string(), "--token-ids", "ids.json", "--greedy", "--ignore-eos", "--max-new-tokens",
                                          std::to_string(greedy.at("output_ids").size()), "--precision", "f32", "--json"});
    REQUIRE_MESSAGE(outcome.status == 0, outcome.err);
    CHECK(json::parse(outcome.out).at("output_ids") == greedy.at("output_ids"));
  }
}

TEST_CASE("render writes what transformers rendered, for every recorded template and case") {
  const auto data = shared_data_dir();
  if (!data) return report_skip("recorded renderings by the binary", "no shared test data");
  const Workplace place;
  int compared = 0;
  for (const auto& record : nlohmann::ordered_json::parse(read_file(*data / "renderings.json"))) {
    const std::string name = record.at("template").get<std::string>();
    if (!name.ends_with(".jinja") || ++compared > 12) continue;  // all of them are compared in the text room's own test
    write_file(place.path() / "v.json", record.at("variables").dump());
    const Outcome outcome = place.qbench({"render", "--template", (*data / "templates" / name).string(), "--variables", "v.json"});
    REQUIRE_MESSAGE(outcome.status == 0, outcome.err);
    CHECK(outcome.out == record.at("expected").get<std::string>());
  }
  CHECK(compared > 0);
}
