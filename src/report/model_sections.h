#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "record/records.h"

/// The parts of a model's markdown report, each with its heading and a final empty line; empty where there is nothing to say.
namespace qbench::report {

using Cells = std::vector<const record::CellRecord*>;
using Samples = std::vector<const record::SampleRecord*>;
using Loads = std::vector<const record::LoadRecord*>;

std::string results_section(const Cells& cells);
std::string failures_section(const Cells& cells, const Loads& loads);
std::string model_section(const record::ModelFacts& model);
std::string settings_section(const Cells& cells, const record::RunRecord& run);
/// Where memory went, of the last cell that says so; empty where none does.
std::string memory_section(const Cells& cells);
std::string loading_section(const Loads& loads, const Cells& cells);
std::string machine_section(const record::RunRecord& run);

/// One prompt (all turns and passes): what was sent, what came back, metrics, breakdown by phase.
std::string prompt_section(const Cells& cells, const Samples& samples);

}  // namespace qbench::report
