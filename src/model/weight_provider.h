#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "formats/model_file.h"
#include "model/model.h"
#include "tensor/row_source.h"

namespace qbench::model {

/// Where a decoder's weights come from: a file or a seed. Names are the neutral ones of formats/model_file.h.
class WeightProvider {
 public:
  virtual ~WeightProvider() = default;
  virtual const formats::ModelConfig& config() const = 0;
  virtual bool has(std::string_view name) const = 0;
  /// A matrix, in the type that it shall have on the device.
  virtual std::unique_ptr<tensor::RowSource> matrix(const std::string& name) const = 0;
  /// A norm weight or bias as float32, (size).
  virtual std::vector<float> vector(const std::string& name, std::int64_t size) const = 0;
  virtual std::string precision() const = 0;
  virtual std::string conversion() const = 0;
};

/// Error{kUnsupported} when the file's types cannot become `precision`.
std::unique_ptr<WeightProvider> provide_from_file(const formats::ModelFile& file, WeightPrecision precision);
std::unique_ptr<WeightProvider> provide_drawn(const formats::ModelConfig& config, std::uint64_t seed, WeightPrecision precision);

}  // namespace qbench::model
