#include <fmt/format.h>

#include "backend/cuda/cuda_backend.h"
#include "cli/cuda_devices.h"
#include "kernels/cuda/blas_library.h"
#include "kernels/cuda/device_errors.h"
#include "kernels/cuda/runtime.h"

namespace qbench::cli {

namespace cuda = kernels::cuda;

CudaFacts CudaDevice::facts() {
  const cuda::Survey survey = cuda::survey();
  CudaFacts facts;
  facts.built = true;
  facts.absent = survey.absent;
  facts.missing = survey.missing;
  if (survey.driver_version > 0) facts.driver_version = cuda::version_text(survey.driver_version);
  facts.runtime_version = cuda::version_text(survey.runtime_version);
  facts.architectures = survey.architectures;
  facts.products = cuda::blas_library();
  for (const cuda::DeviceListing& device : survey.devices) {
    facts.gpus.push_back({.name = device.name,
                          .pci_bus_id = device.pci_bus_id,
                          .capability = fmt::format("{}.{}", device.capability_major, device.capability_minor),
                          .memory_bytes = device.total_bytes,
                          .ecc = device.ecc,
                          .missing = cuda::why_no_kernels(survey.architectures, device.capability_major, device.capability_minor)});
  }
  return facts;
}

std::unique_ptr<backend::Backend> CudaDevice::make(const backend::CudaOptions& options) {
  return backend::cuda::make_cuda_backend(options);
}

}  // namespace qbench::cli
