#pragma once

#include <string_view>

/// The programs that run on the candidate's and on the test's side, as text; made from drivers/.
namespace qbench::quality {

std::string_view literals_py();
std::string_view driver_py();
std::string_view test_driver_py();
std::string_view qb_evalplus_py();
std::string_view numpy_stand_in_py();
std::string_view mutate_py();
std::string_view transpile_js();
std::string_view driver_js();
std::string_view driver_h();
std::string_view driver_values_h();
std::string_view attacks_py();

}  // namespace qbench::quality
