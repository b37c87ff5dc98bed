#pragma once

#include "run/device_factory.h"

namespace qbench::run {

/// The other end of WorkerProcess: reads a job from `job_fd` until its end, opens the model, measures the cells and writes messages to
/// `message_fd`. Failures of the model or a cell become records. Returns the exit status: 0 when everything has been said.
int run_worker(int job_fd, int message_fd, const DeviceFactory& devices);

}  // namespace qbench::run
