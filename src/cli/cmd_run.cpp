#include "cli/cmd_run.h"

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/environment.h"
#include "base/error.h"
#include "cli/devices.h"
#include "cli/model_options.h"
#include "cli/number_options.h"
#include "cli/output.h"
#include "cli/print_error.h"
#include "cli/sampling_options.h"
#include "run/plan.h"
#include "run/run.h"

namespace qbench::cli {
namespace {

struct RunCommand {
  ModelOptions model;
  run::RunRequest request;
  std::string pass;
  std::vector<std::string> prompt_ids;
  std::optional<std::int64_t> n_samples, max_iterations, jobs;  ///< of --score
  std::string k;
  bool no_relevance = false;
  bool attribution = false;
  bool dry_run = false, quiet = false, no_color = false;
};

constexpr const char* kExamples = R"(Examples:
  qbench run -m qwen2.5-coder-7b-instruct                    the standard prompts of the suite codegen, both passes
  qbench run -m a.gguf,b.gguf --suite smoke -r 10            two files, ten repetitions each
  qbench run -m synthetic:qwen3-30b-a3b --precision q4_k_m --pass speed
  qbench run -m ./Qwen3-8B --prompt "Write quicksort in C" --pass text --stream
  qbench run -m qwen3-30b-a3b --profile realtime --dry-run   the plan with memory estimates, nothing is loaded
  qbench run -m ./Qwen3-8B --suite python-tasks --pass text --score --n-samples 10 --k 1,10 --max-iterations 3
  qbench run --resume results/20261121_032200-codegen        finish an interrupted run
Repetitions: a speed cell is measured until its median duration is known to --target-ci, at least --min-reps and at most --max-reps times, for --max-time; the
row's stop_rule says which ended it. -r N measures N times. --sessions N does all of it N times in fresh processes: what comparisons need.
Passes: speed is greedy, of fixed length, ignores EOS, is warmed up and repeated; its rows are compared. text samples as asked for (0.7, 0.9, 4096
new tokens), honours EOS and shows what the model wrote. Later turns of a prompt are sent with the model's own answers, in the text pass; the
speed pass runs the first turn.
--breakdown and --ablate follow each speed cell's repetitions with passes of their own, of at most 32 decoded tokens: the report, breakdown.csv and
ablation.csv hold what they find. The cell's row is written before them: a study that fails is said and ends the run with 3, the row stands.
--score judges after all timed cells of a model, never beside them. A task that is not passed is a result, not a failure of the run; an answer that could
not be judged (harness_error) ends it with 3. Scores of different sandbox levels are not comparable: sandbox_level stands in every row.
Exit status: 0 fine, 2 nothing could start or the table could not be printed, 3 a model failed (its rows say why, the others are measured), 130 and 143 interrupted.)";

/// Prints results while that works. What cannot be printed stops no run, since all of it is in files: a reader that has gone is nothing to
/// say, a full disk is said at the end.
class ResultPrinter {
 public:
  void print(std::string_view text) {
    last_ = text;
    if (reason_ == 0) reason_ = try_write_output(text);
  }
  bool failed() const { return reason_ != 0 && reason_ != EPIPE; }
  std::string message() const {
    // The last words of a run that came to its end are the path of one of its files.
    const std::filesystem::path folder = std::filesystem::path(last_).parent_path();
    std::error_code ignored;
    const std::string where = std::filesystem::is_directory(folder, ignored) ? "; the results are in " + folder.string() : std::string();
    return std::string("cannot write to standard output: ") + std::strerror(reason_) + where;
  }

 private:
  int reason_ = 0;  // errno
  std::string last_;
};

/// What a run would meet when it makes its folder, found out without leaving anything behind.
void check_output_dir(const std::filesystem::path& output_dir) {
  std::error_code ignored;
  std::filesystem::path there = std::filesystem::absolute(output_dir, ignored);
  while (!std::filesystem::exists(there, ignored) && there.has_relative_path()) there = there.parent_path();
  std::string probe = (there / ".qbench-dry-run-XXXXXX").string();
  if (::mkdtemp(probe.data()) == nullptr)
    throw Error(ErrorCode::kIo, std::string("cannot make the results folder: ") + std::strerror(errno), output_dir.string());
  ::rmdir(probe.c_str());
}

/// A file has no width; a table in it should still be readable.
constexpr std::size_t kNoTerminalWidth = 120;

/// "1,10": whole numbers above 0, ascending.
std::vector<std::int64_t> parse_ks(const std::string& text) {
  std::vector<std::int64_t> ks;
  for (std::size_t at = 0; at <= text.size();) {
    const std::size_t comma = std::min(text.find(',', at), text.size());
    const std::string one = text.substr(at, comma - at);
    std::int64_t k = 0;
    const auto [end, error] = std::from_chars(one.data(), one.data() + one.size(), k);
    if (error != std::errc() || end != one.data() + one.size() || k < 1 || k > 1000)
      throw Error(ErrorCode::kUsage, "expected whole numbers from 1 to 1000, comma-separated, got '" + text + "'", "--k");
    ks.push_back(k);
    at = comma + 1;
  }
  std::sort(ks.begin(), ks.end());
  ks.erase(std::unique(ks.begin(), ks.end()), ks.end());
  return ks;
}

void take_score_options(const RunCommand& options, run::ScoreOptions& scoring) {
  if (!scoring.score) {
    const bool given = options.n_samples || options.max_iterations || options.jobs || !options.k.empty() || options.no_relevance || options.attribution || scoring.sandbox || scoring.unsafe;
    if (given) throw Error(ErrorCode::kUsage, "--n-samples, --k, --max-iterations, --jobs, --no-relevance, --attribution, --sandbox and --unsafe say how --score works; add it", "--score");
    return;
  }
  scoring.n_samples = options.n_samples.value_or(scoring.n_samples);
  scoring.max_iterations = options.max_iterations.value_or(scoring.max_iterations);
  scoring.jobs = options.jobs.value_or(scoring.jobs);
  scoring.relevance = !options.no_relevance;
  scoring.attribution = options.attribution;
  if (!options.k.empty()) scoring.k = parse_ks(options.k);
}

/// The request that the flags add up to.
run::RunRequest make_request(const RunCommand& options) {
  run::RunRequest request = options.request;
  request.options.models = options.model.models;
  request.options.settings = options.model.engine;
  request.options.device = options.model.device;
  request.options.isa = options.model.isa;
  request.options.prompt_ids = options.prompt_ids;
  if (!options.pass.empty()) {
    request.options.settings.pass = workload::pass_choice_from_name(options.pass);
    if (!request.options.settings.pass)
      throw Error(ErrorCode::kUsage, "'" + options.pass + "' is no pass; expected speed, text or both", "--pass");
  }
  const bool stderr_is_terminal = ::isatty(STDERR_FILENO) == 1;
  request.display = {.quiet = options.quiet,
                     .terminal = stderr_is_terminal,
                     .color = stderr_is_terminal && output_is_terminal() && !options.no_color && !environment_variable("NO_COLOR"),
                     .width = terminal_columns(STDERR_FILENO, 60, kNoTerminalWidth)};
  take_score_options(options, request.options.scoring);
  run::RunOptions nothing_given;
  nothing_given.stream = request.options.stream;
  request.options_given = !(request.options == nothing_given);
  if (!request.resume && request.options.models.empty())
    throw Error(ErrorCode::kUsage, "no model given (or --resume a run's folder)", "--models");
  if (request.resume && options.dry_run) throw Error(ErrorCode::kUsage, "--dry-run shows a new run; leave out --resume", "run");
  return request;
}

void add_score_options(CLI::App& command, RunCommand& options) {
  const std::string group = "Scoring";
  run::ScoreOptions& scoring = options.request.options.scoring;
  command.add_flag("--score", scoring.score, "Judge the answers of the text pass by their tasks' tests, in a sandbox, after all timed cells of a model")->group(group);
  command.add_option("--n-samples,--self-consistency", options.n_samples,
                     "Answers to each task, of seeds of their own (1: the text pass's); with several, self_consistency_ratio says how many agree")
      ->transform(whole_number())
      ->check(CLI::Range(1, 1000))
      ->type_name("N")
      ->group(group);
  command.add_option("--k", options.k, "pass@k for these k, comma-separated (1)")->type_name("K,...")->group(group);
  command.add_option("--max-iterations", options.max_iterations, "Attempts at an answer: the error goes back to the model as the next turn (1)")
      ->transform(whole_number())
      ->check(CLI::Range(1, 100))
      ->type_name("M")
      ->group(group);
  command.add_option("--jobs", options.jobs, "Answers judged at once (the cores, at most 8)")->transform(whole_number())->check(CLI::Range(1, 256))->type_name("N")->group(group);
  command.add_flag("--no-relevance", options.no_relevance, "Do not rank each answer's prompt among 20 others (21 short prefills an answer)")->group(group);
  command.add_flag("--attribution", options.attribution, "Measure which parts of each prompt its answer needs: context_efficiency_ratio (17 short prefills a part)")->group(group);
  command.add_option("--sandbox", scoring.sandbox, "What holds the answers: bwrap+cgroup, bwrap or rlimits (the best there is, rlimits never)")->type_name("LEVEL")->group(group);
  command.add_flag("--unsafe", scoring.unsafe, "Allow --sandbox=rlimits, which leaves this machine's files open to the answers")->group(group);
}

int run(const RunCommand& options) {
  std::signal(SIGXFSZ, SIG_IGN);  // a file-size limit is then an error of write(2), said like a full disk
  const run::RunRequest request = make_request(options);
  const Devices devices;
  if (options.dry_run) {
    const run::RunPlan plan = run::make_plan(run::with_absolute_paths(request.options), devices);
    check_output_dir(request.output_dir);
    return run::print_plan(plan, devices.free_memory_bytes(options.model.device_request()), write_output);
  }
  ResultPrinter printer;
  const auto print = [&printer](std::string_view text) { printer.print(text); };
  const int status = run::run_models(request, devices, {.result = print, .live = write_stderr});
  if (!printer.failed()) return status;
  print_error(printer.message());
  return status >= 128 ? status : kExitNothingStarted;  // an interrupted run is one that can be resumed
}

}  // namespace

void add_stage_options(CLI::App& command, workload::Settings& settings) {
  const std::string group = "Stages and prefixes";
  CLI::Option* on = command.add_flag_callback(
      "--stages", [&settings] { settings.stages = true; },
      "Text pass: ask each prompt in stages (the profile's thinking_stages, else configs/thinking.json's), each with its own tokens and temperature; a row for each request");
  CLI::Option* off = command.add_flag_callback("--no-stages", [&settings] { settings.stages = false; }, "Not in stages, whatever the profile says");
  on->excludes(off)->group(group);
  off->group(group);
  command
      .add_option_function<std::string>(
          "--prefix-cache", [&settings](const std::string& passes) { settings.prefix_cache = passes.empty() ? "text" : passes; },
          "Prefill what prompts begin with in common once, in the text pass; =speed: in the speed pass too, whose rows then compare with "
          "none made without")
      ->expected(0, 1)
      ->type_name("[PASS]")
      ->group(group);
}

Command add_run(CLI::App& root) {
  const auto options = std::make_shared<RunCommand>();
  CLI::App* command = root.add_subcommand("run", "Benchmark models on prompts: the main job");
  run::RunRequest& request = options->request;
  workload::Settings& settings = options->model.engine;
  add_load_options(*command, options->model, false);
  const std::string prompts = "Prompts";
  command->add_option("--suite", request.options.suite, "Name below prompts/ (codegen), or a path")->type_name("S")->group(prompts);
  command->add_option("--prompt", request.options.prompt, "One prompt of your own")->type_name("TEXT")->group(prompts);
  command->add_option("--prompt-file", request.options.prompt_file, "One prompt of your own, from a file")->type_name("F")->group(prompts);
  command->add_option("--prompts", options->prompt_ids, "Only these prompts of the suite, comma-separated")
      ->delimiter(',')
      ->expected(1)
      ->allow_extra_args(false)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
      ->type_name("ID,...")
      ->group(prompts);
  command->add_option("--profile", request.options.profile, "Settings below configs/profiles/, or a path")->type_name("P")->group(prompts);
  const std::string passes = "Passes";
  command->add_option("--pass", options->pass, "speed, text or both")->type_name("P")->group(passes);
  command->add_option("-r,--repetitions", settings.repetitions, "Exactly N measured repetitions of the speed pass, instead of the rule below")
      ->transform(whole_number())
      ->type_name("N")
      ->group(passes);
  command->add_option("--min-reps", settings.min_reps, "Fewest measured repetitions (6)")->transform(whole_number())->type_name("N")->group(passes);
  command->add_option("--max-reps", settings.max_reps, "Most measured repetitions (30)")->transform(whole_number())->type_name("N")->group(passes);
  command->add_option("--max-time", settings.max_time, "No repetition of a cell begins after S seconds of them (120)")->transform(finite_number())->type_name("S")->group(passes);
  command
      ->add_option("--target-ci", settings.target_ci, "Stop when the 95 % interval of the median duration is this narrow: half its width, in per cent (1%)")
      ->type_name("P%")
      ->group(passes);
  command->add_option("--sessions", settings.sessions, "Fresh worker processes per model, models taking turns (1)")
      ->transform(whole_number())
      ->type_name("N")
      ->group(passes);
  command->add_option("--warmup", settings.warmup, "Requests of the speed pass before the measured ones (until stable; 1 with -r)")
      ->transform(whole_number())
      ->type_name("N")
      ->group(passes);
  command->add_option("--gen-tokens", settings.gen_tokens, "Tokens generated in the speed pass")
      ->transform(whole_number())
      ->type_name("N")
      ->group(passes);
  command->add_flag("--breakdown", request.options.breakdown, "Show where the time of each speed cell goes, step by step")->group(passes);
  add_ablate_option(*command, request.options.ablate, passes);
  command
      ->add_option("--timeout", request.options.timeout_s,
                   "Most seconds for one model, loading included; its unfinished cells fail then (no limit)")
      ->transform(whole_number())
      ->check(CLI::Range(1, 10'000'000))
      ->type_name("S")
      ->group(passes);
  add_score_options(*command, *options);
  add_sampling_options(*command, settings);
  add_thinking_options(*command, settings);
  add_stage_options(*command, settings);
  const std::string output = "Output";
  command->add_option("--output-dir", request.output_dir, "Where the run's folder goes (results)")->type_name("DIR")->group(output);
  command->add_option("--label", request.label, "In the folder's name; default: the suite's name")->type_name("L")->group(output);
  command->add_option("--resume", request.resume, "Finish the interrupted run in this folder")->type_name("DIR")->group(output);
  command->add_flag("--stream", request.options.stream, "Show the text of the text pass while it is written")->group(output);
  command->add_flag("--dry-run", options->dry_run, "Print the plan with memory estimates and stop")->group(output);
  command->add_flag("-q,--quiet", options->quiet, "No start-up and progress lines")->group(output);
  command->add_flag("--no-color", options->no_color, "Plain text (also with NO_COLOR set)")->group(output);
  command->footer(kExamples);
  return {"run", [options](Invocation& invocation) {
            options->request.argv = invocation.argv;
            return run(*options);
          }};
}

}  // namespace qbench::cli
