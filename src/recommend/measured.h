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

/// Rows of a result by Candidate::key() and prompt digest; of several rows of one pass the last one counts. Those of the speed pass count
/// for their model however it thinks.
class MeasuredResults {
 public:
  explicit MeasuredResults(const record::ResultSet& result);
  std::optional<Measured> find(const std::string& candidate_key, const std::string& prompt_digest) const;

 private:
  using ByRequest = std::map<std::pair<std::string, std::string>, Measured>;
  ByRequest text_pass_, speed_pass_;
};

}  // namespace qbench::recommend
