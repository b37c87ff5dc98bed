#include "run/worker.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>

#include "base/clock.h"
#include "base/error.h"
#include "measure/telemetry.h"
#include "run/cell_runner.h"
#include "run/guard.h"
#include "run/interrupt.h"
#include "run/job.h"
#include "run/live_feed.h"
#include "run/messages.h"
#include "run/opened_model.h"
#include "run/scoring.h"

namespace qbench::run {
namespace {

std::string read_all(int fd) {
  std::string content;
  char buffer[1 << 16];
  for (;;) {
    const ssize_t n = ::read(fd, buffer, sizeof buffer);
    if (n == 0) return content;
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) throw Error(ErrorCode::kIo, std::string("cannot read the job: ") + std::strerror(errno), "worker");
    content.append(buffer, static_cast<std::size_t>(n));
  }
}

ModelReady ready_message(const OpenedModel& opened, const engine::Session& session) {
  const backend::DeviceInfo device = opened.device->device();
  return {.device_description = device.description,
          .instruction_sets = device.instruction_sets,
          .attention_path = device.attention_path,
          .precision = opened.facts.precision + (opened.facts.conversion == "none" ? "" : " (" + opened.facts.conversion + ")"),
          .threads = device.threads,
          .weight_bytes = opened.facts.weight_bytes.value_or(0),
          .kv_bytes = static_cast<std::int64_t>(session.kv_bytes()),
          .context = session.context()};
}

struct Loaded {
  std::unique_ptr<OpenedModel> model;
  std::unique_ptr<engine::Session> session;
};

/// Loads the model and says what that took, or why it failed.
Loaded load(const Job& job, const DeviceFactory& devices, MessageWriter& writer) {
  Loaded loaded;
  record::LoadRecord record;
  record.started_utc = iso8601_utc(wall_now_ns());
  record.model.label = job.model.label;
  record.device = job.cells.empty() ? job.device.device : job.cells.front().key.device;
  measure::Telemetry telemetry;
  telemetry.start();
  const std::int64_t start_ns = now_ns();
  const auto failure = run_guarded([&] {
    loaded.model = open_model(job.model, job.engine, job.context, job.device, devices);
    loaded.session = open_session(*loaded.model, job.engine, job.context);
  });
  record.telemetry = telemetry.stop(start_ns);
  if (loaded.model) {
    record.model = loaded.model->facts;
    record.device = loaded.model->device->device().name;
    record.open_ns = loaded.model->open_ns;
    record.pack_ns = loaded.model->pack_ns;
    record.load_ns = now_ns() - start_ns;
  }
  if (failure) {
    record.status = record::Status::kFailed;
    record.failure = *failure;
    loaded = {};
  }
  writer.send(record);
  if (loaded.session) writer.send(ready_message(*loaded.model, *loaded.session));
  return loaded;
}

}  // namespace

int run_worker(int job_fd, int message_fd, const DeviceFactory& devices) {
  const InterruptGuard interrupts(InterruptGuard::Role::kWorker);
  const Job job = parse_job(read_all(job_fd));
  MessageWriter writer(message_fd);
  Loaded loaded = load(job, devices, writer);
  if (loaded.session) {
    LiveFeed feed(writer, loaded.model->tokenizer.get());
    CellRunner runner({.opened = loaded.model.get(),
                       .session = loaded.session.get(),
                       .writer = &writer,
                       .feed = &feed,
                       .cancel = &InterruptGuard::requested(),
                       .stream = job.stream,
                       .devices = &devices},
                      job);
    for (std::size_t cell = 0; cell < job.cells.size(); ++cell) {
      if (!runner.run(cell)) break;
      if (runner.device_failed() && cell + 1 < job.cells.size()) return 0;  // not done: a new process may find the device again
    }
    if (job.score && !InterruptGuard::requested()) run_scoring(*job.score, *loaded.model, *loaded.session, runner, writer);
  }
  writer.send(WorkerDone{InterruptGuard::requested().load()});
  return 0;
}

}  // namespace qbench::run
