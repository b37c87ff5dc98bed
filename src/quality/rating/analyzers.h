#pragma once

#include <string_view>

/// The texts of the programs in analyzers/, which run in the sandbox.
namespace qbench::quality {

std::string_view python_facts_py();
std::string_view python_risks_py();
std::string_view python_service_py();
std::string_view python_modules_py();
std::string_view typescript_facts_js();
std::string_view ambient_d_ts();
std::string_view cpp_facts_py();
std::string_view coverage_run_py();
std::string_view service_run_py();
std::string_view stub_objects_py();
std::string_view stub_tensors_py();
std::string_view stub_models_py();
std::string_view stub_modules_py();

}  // namespace qbench::quality
