#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "stats/bootstrap.h"

/// How often a model solves tasks, of several answers to each (Chen et al. 2021, arXiv 2107.03374).
namespace qbench::stats {

/// The answers to one task that were judged.
struct TaskCount {
  std::int64_t samples = 0, passed = 0;
};

/// Probability that at least one of k answers passes, of `samples` of which `passed` do, without bias: 1 - C(samples - passed, k) /
/// C(samples, k). Nothing below k samples.
std::optional<double> pass_at_k(const TaskCount& task, std::int64_t k);

struct PassAtK {
  double value = 0;   ///< mean over the tasks
  Interval interval;  ///< 95 %
  std::int64_t tasks = 0;
};

/// Over tasks; nothing without any, or where one has fewer than k samples. The interval is the percentile bootstrap over tasks (a task and
/// all its answers are drawn together, 10,000 resamples of a fixed seed: equal counts give equal intervals). Where every task's value is 0
/// or 1 the tasks are plain trials, and it is Wilson's, which does not collapse at 0 and 1. Of fewer than eight tasks, or of equal values,
/// a bootstrap has too little to draw from (one task: a single point): then it is the hull of both.
std::optional<PassAtK> pass_at_k(std::span<const TaskCount> tasks, std::int64_t k);

/// Wilson's 95 % score interval (1927) of a share of `trials`; `passed` need not be whole: a trial may pass in part. Nothing without
/// trials.
std::optional<Interval> wilson_interval(double passed, std::int64_t trials);

}  // namespace qbench::stats
