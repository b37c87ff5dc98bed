#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "program.h"
#include "record/csv.h"
#include "record/records.h"
#include "record/sample_file.h"
#include "test_support.h"

namespace qbench::test {

/// A folder with two tiny models, a data folder of its own (suites, profiles, a catalogue with tiny and giant shapes) and room for results.
class Workplace {
 public:
  Workplace();
  std::filesystem::path path() const { return dir_.path(); }
  std::filesystem::path results() const { return dir_.path() / "results"; }
  std::string model(const std::string& name = "tiny") const { return (dir_.path() / (name + ".gguf")).string(); }
  RunOptions options() const;
  /// Arguments of `run` with the results folder and what follows.
  std::vector<std::string> run(const std::string& models, const std::vector<std::string>& more = {}) const;
  Outcome qbench(const std::vector<std::string>& arguments) const { return test::qbench(arguments, options()); }

 private:
  TempDir dir_;
};

/// What a run has left, read by the program's own readers (which check every line).
struct Results {
  std::filesystem::path folder;
  record::RunRecord run;
  record::SampleFileContent content;
  record::CsvTable summary;
  /// The summary's value in the row of a model, prompt, turn and pass.
  std::string cell(const std::string& model, const std::string& prompt, const std::string& pass, const std::string& column, const std::string& turn = "1") const;
};
Results read_results(const std::filesystem::path& results);

}  // namespace qbench::test
