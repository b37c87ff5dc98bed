#pragma once

#include <string>
#include <vector>

#include "run/device_factory.h"

namespace qbench::cli {

struct DeviceListing {
  std::string name;     ///< what --device takes
  std::string missing;  ///< why this build does not have it, a clause; empty when it has
};

/// The devices that this binary was built with: the only place that names concrete backends.
class Devices : public run::DeviceFactory {
 public:
  std::string resolve(const run::DeviceRequest& request) const override;
  std::int64_t threads(const run::DeviceRequest& request) const override;
  std::optional<std::uint64_t> free_memory_bytes(const run::DeviceRequest& request) const override;
  std::string runtime(const std::string& device) const override;
  std::unique_ptr<backend::Backend> make(const run::DeviceRequest& request) const override;
  /// Every kind of device there is, here or not.
  static std::vector<DeviceListing> list();
};

}  // namespace qbench::cli
