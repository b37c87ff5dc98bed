#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

/// Which model for a task, from what was measured.
namespace qbench::recommend {

/// One thing that makes a task hard, counted in its text.
struct ComplexityPart {
  std::string name;     ///< "requirements"
  std::string counted;  ///< what `count` counts, in at most 40 characters: "list items; must, should, need, ensure"
  double count = 0;
  double points = 0;  ///< what it adds to the score
  double most = 0;    ///< what it can add at most: points = most * count / (count + half), half being the count that gives half of it
};

/// A guess from the text alone: what it is worth is its rank correlation with measured failures, which whoever shows the score shows beside
/// it.
struct Complexity {
  double score = 1;  ///< 1 to 10: 1 + the parts' points
  std::vector<ComplexityPart> parts;
};

/// Deterministic; any bytes. An empty text has the score 1.
Complexity assess_complexity(std::string_view task);

}  // namespace qbench::recommend
