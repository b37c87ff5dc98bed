#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "record/result_set.h"

namespace qbench::recommend {

/// What one candidate did with one prompt.
struct Measured {
  std::optional<double> ttft_ms, decode_tok_per_s;  ///< of the speed pass, else of the text pass
  std::optional<double> output_tokens, e2e_ms;      ///< of the text pass: the whole answer
  std::optional<double> success_ratio, quality_score;
};

/// Rows of a result by Candidate::key() and prompt digest; of several rows of one pass the last one counts.
class MeasuredResults {
 public:
  explicit MeasuredResults(const record::ResultSet& result);
  const Measured* find(const std::string& candidate_key, const std::string& prompt_digest) const;

 private:
  std::map<std::pair<std::string, std::string>, Measured> by_request_;
};

}  // namespace qbench::recommend
