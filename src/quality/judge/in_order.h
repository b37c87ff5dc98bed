#pragma once

#include <cstddef>
#include <functional>

namespace qbench::quality {

/// Calls work(i) for i in [0, count) on `jobs` threads, and done(i) in order, on this thread, as soon as work(i) and all before it have
/// ended. Work that throws is thrown again here in its turn, and so is what done throws; what has not begun by then is left out.
void in_order(std::size_t count, int jobs, const std::function<void(std::size_t)>& work, const std::function<void(std::size_t)>& done);

}  // namespace qbench::quality
