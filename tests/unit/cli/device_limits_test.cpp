#include "cli/device_limits.h"

#include <doctest/doctest.h>

#include <new>

#include "base/error.h"
#include "cli/devices.h"

using namespace qbench;

namespace {

/// One processor, a GPU that another process holds, one whose memory is full; everything else is the real devices'.
class ThreeDevices : public cli::Devices {
 public:
  std::unique_ptr<backend::Backend> make(const run::DeviceRequest& request) const override {
    if (request.device == "cuda:0") throw Error(ErrorCode::kDevice, "another process holds the GPU alone", "cuda");
    if (request.device == "cuda:1") throw std::bad_alloc();
    return cli::Devices::make({.device = "cpu", .threads = 1, .isa = "scalar"});
  }
};

}  // namespace

TEST_CASE("a device whose limits cannot be measured says why and does not keep the others from being measured") {
  const auto limits = cli::measure_limits(ThreeDevices(), {"cuda:0", "cpu", "cuda:1", "cuda:2"});
  REQUIRE(limits.size() == 4);
  CHECK(limits[0].device == "cuda:0");
  CHECK(limits[0].error == "cuda: another process holds the GPU alone");
  CHECK_FALSE(limits[0].limits.read_gbps);
  CHECK(limits[1].error.empty());
  CHECK(limits[1].limits.read_gbps.value_or(0) > 0);
  CHECK(limits[2].error.find("memory") != std::string::npos);
  CHECK(limits[3].error.empty());
  CHECK(limits[3].limits.read_gbps.value_or(0) > 0);
}
