#pragma once

#include <string_view>

/// Texts that the build puts into the program (scripts/cmake/embed.cmake), so that a page needs no other file.
namespace qbench::report {

std::string_view chart_library_text();  ///< Chart.js, minified, as the system's package has it
std::string_view page_script_text();    ///< src/report/assets/page.js
std::string_view page_style_text();     ///< src/report/assets/page.css

}  // namespace qbench::report
