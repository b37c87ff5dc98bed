#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>

#include <cstdio>

#include "kernels/cuda/runtime.h"

/// Runs the cases on the first GPU. Where there is none it runs nothing and says so, with how many cases that leaves out.
int main(int argc, char** argv) {
  doctest::Context context(argc, argv);
  const qbench::kernels::cuda::Survey survey = qbench::kernels::cuda::survey();
  if (survey.devices.empty() && !context.shouldExit()) {
    std::printf("[skipped] every case of %s: %s\n", argv[0], survey.missing.c_str());
    std::fflush(stdout);
    const char* const only_count[] = {argv[0], "--count"};
    context.applyCommandLine(2, only_count);
  }
  return context.run();
}
