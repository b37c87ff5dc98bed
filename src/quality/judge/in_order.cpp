#include "quality/judge/in_order.h"

#include <algorithm>
#include <atomic>
#include <future>
#include <thread>
#include <vector>

namespace qbench::quality {

void in_order(std::size_t count, int jobs, const std::function<void(std::size_t)>& work, const std::function<void(std::size_t)>& done) {
  std::atomic<std::size_t> next{0};
  // A task's exception travels in its future: it is the caller's to catch, where all errors are.
  std::vector<std::packaged_task<void()>> tasks;
  std::vector<std::future<void>> ended;
  for (std::size_t i = 0; i < count; ++i) {
    tasks.emplace_back([&work, i] { work(i); });
    ended.push_back(tasks.back().get_future());
  }
  struct Stop {
    std::atomic<std::size_t>& next;
    std::size_t count;
    ~Stop() { next = count; }
  };
  std::vector<std::jthread> threads;
  const Stop stop{next, count};  // ends before the threads do, so that they run out of work however this is left
  const auto run = [&] {
    for (std::size_t i = next++; i < count; i = next++) tasks[i]();
  };
  for (std::size_t i = 0; i < std::min(count, static_cast<std::size_t>(std::max(jobs, 1))); ++i) threads.emplace_back(run);
  for (std::size_t i = 0; i < count; ++i) {
    ended[i].get();
    done(i);
  }
}

}  // namespace qbench::quality
