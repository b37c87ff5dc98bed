#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdio>
#include <exception>
#include <new>
#include <sstream>
#include <string>
#include <vector>

#include "base/error.h"
#include "cli/cmd_ab.h"
#include "cli/cmd_bench.h"
#include "cli/cmd_compare.h"
#include "cli/cmd_doctor.h"
#include "cli/cmd_generate.h"
#include "cli/cmd_history.h"
#include "cli/cmd_models.h"
#include "cli/cmd_perplexity.h"
#include "cli/cmd_prompts.h"
#include "cli/cmd_recommend.h"
#include "cli/cmd_render.h"
#include "cli/cmd_report.h"
#include "cli/cmd_run.h"
#include "cli/cmd_sandbox.h"
#include "cli/cmd_score.h"
#include "cli/cmd_tokenize.h"
#include "cli/cmd_worker.h"
#include "cli/command.h"
#include "cli/output.h"
#include "cli/print_error.h"
#include "sysinfo/build.h"

namespace {

using qbench::Error;
using qbench::ErrorCode;
using qbench::cli::Command;
using qbench::cli::Invocation;
using qbench::cli::print_error;

constexpr const char* kFooter = R"(Examples:
  qbench run -m model.gguf --suite smoke
  qbench models list
  qbench <command> --help)";

/// Usage, settings and output files are nobody's model; everything else is the fault of the model that was worked on, if there was one.
int exit_code_for(const Error& error, const Invocation& invocation) {
  switch (error.code()) {
    case ErrorCode::kUsage:
      return qbench::cli::kExitNothingStarted;
    case ErrorCode::kDevice:
      return qbench::cli::kExitModelFailed;
    case ErrorCode::kInterrupted:
      return 128 + SIGINT;
    default:
      return invocation.model.empty() ? qbench::cli::kExitNothingStarted : qbench::cli::kExitModelFailed;
  }
}

std::string version_line() {
  const qbench::sysinfo::BuildInfo& build = qbench::sysinfo::build_info();
  std::string line = "qbench " + build.version + " (" + build.type + ", " + build.compiler;
  if (!build.git_sha.empty()) line += ", " + build.git_sha.substr(0, 12) + (build.git_dirty.value_or(false) ? " with changes" : "");
  return line + ")";
}

/// A mistyped command is said as such; the parser would only say that one is missing.
void check_command_name(const std::vector<std::string>& argv, const std::vector<Command>& commands) {
  if (argv.size() < 2 || argv[1].starts_with("-")) return;
  std::string names;
  for (const Command& command : commands) {
    if (command.name == argv[1]) return;
    if (command.name != "worker") names += (names.empty() ? "" : ", ") + command.name;
  }
  throw Error(ErrorCode::kUsage, "'" + argv[1] + "' is no command; there are " + names);
}

/// `qbench run --help`: where the options stand that the command line got as far as.
std::string help_command(const CLI::App& root) {
  std::string words = root.get_name();
  for (const CLI::App* app = &root; !app->get_subcommands().empty();) {
    app = app->get_subcommands().front();
    words += " " + app->get_name();
  }
  return words + " --help";
}

int run_command_line(int argc, char** argv, Invocation& invocation) {
  CLI::App root("Benchmark and evaluation harness for code models", "qbench");
  root.set_version_flag("--version", version_line());
  root.footer(kFooter);
  root.require_subcommand(1);
  root.get_formatter()->column_width(34);
  using namespace qbench::cli;
  const std::vector<Command> commands{add_run(root),        add_bench(root),  add_models(root),  add_generate(root),
                                      add_tokenize(root),   add_render(root), add_compare(root), add_history(root),
                                      add_perplexity(root), add_doctor(root), add_worker(root), add_report(root), add_ab(root),
                                      add_recommend(root),  add_sandbox(root), add_prompts(root), add_score(root)};
  check_command_name(invocation.argv, commands);
  try {
    root.parse(argc, argv);
  } catch (const CLI::Success& asked) {  // --help, --version
    std::ostringstream text;
    root.exit(asked, text, text);
    write_output(text.str());
    return qbench::cli::kExitFine;
  } catch (const CLI::ParseError& wrong) {
    print_error(std::string(wrong.what()) + " (see " + help_command(root) + ")");
    return qbench::cli::kExitNothingStarted;
  }
  for (const Command& command : commands) {
    if (root.got_subcommand(command.name)) return command.run(invocation);
  }
  return qbench::cli::kExitNothingStarted;
}

}  // namespace

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);  // a reader that has gone is an error of write(2), not the end of the process
  Invocation invocation;
  invocation.argv.assign(argv, argv + argc);
  try {
    return run_command_line(argc, argv, invocation);
  } catch (const qbench::cli::OutputClosed&) {
    return qbench::cli::kExitFine;
  } catch (const Error& error) {
    print_error(error.what());
    return exit_code_for(error, invocation);
  } catch (const std::bad_alloc&) {
    print_error(invocation.model.empty() ? "out of memory" : invocation.model + ": out of memory");
  } catch (const std::exception& error) {
    print_error(error.what());
  }
  return invocation.model.empty() ? qbench::cli::kExitNothingStarted : qbench::cli::kExitModelFailed;
}
