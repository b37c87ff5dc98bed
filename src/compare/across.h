#pragma once

#include <optional>
#include <string>
#include <vector>

#include "record/result_set.h"

namespace qbench::compare {

/// What an hour of a device costs: `--price "H100=2.5"`. The name is matched as whole words of the device's description, whatever the
/// case; of several that fit the longest counts.
struct Price {
  std::string device;
  double per_hour = 0;
};
/// "H100=2.5". Error{kUsage}: no name, no '=', no finite number above 0.
Price parse_price(const std::string& text);

/// One model, prompt and precision on one device.
struct AcrossValue {
  std::optional<double> tok_per_s;  ///< decode_tok_per_s of the row: the median of its sessions
  std::optional<double> low, high;  ///< lowest and highest session
  std::size_t n_sessions = 0;
  std::optional<double> ratio;               ///< to the first device that has a value in this line; none where that did other work
  std::optional<double> tok_per_s_per_watt;  ///< over the GPU's mean power, where it was measured
  std::optional<double> tok_per_money;       ///< where a price was given
  std::string state;                         ///< "failed", "throttled", "absent"; empty: measured
};

struct AcrossLine {
  std::string model, precision, prompt, settings;
  std::vector<AcrossValue> values;  ///< one per device
};

/// Models by devices. Devices in order of their first row, over all results.
struct AcrossTable {
  std::vector<std::string> devices;  ///< descriptions: "NVIDIA H100 NVL"
  std::vector<AcrossLine> lines;
  std::vector<std::string> notes;
};

/// The rows of the speed pass; where a result has none (results/published), rows of the text pass too, by e2e_tok_per_s. Where two results
/// hold the same line for the same device, the later one counts, with a note. Rows of other weights, prompts or
/// token counts have no ratio, with a note. Error{kUsage} where a price names no device of the table, or two name the same.
AcrossTable across_devices(const std::vector<record::ResultSet>& results, const std::vector<Price>& prices);

}  // namespace qbench::compare
