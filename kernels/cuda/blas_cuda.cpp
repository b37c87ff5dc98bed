#include <cublasLt.h>
#include <dlfcn.h>

#include <algorithm>
#include <cstring>

#include "base/error.h"
#include "base/log.h"
#include "kernels/cuda/blas.h"
#include "kernels/cuda/blas_library.h"
#include "kernels/cuda/runtime_cuda.h"

/// kernels/cuda/blas.h on cuBLASLt. Source: cuBLAS 13.0 library documentation, "Using the cuBLASLt API".
namespace qbench::kernels::cuda {
namespace {

constexpr std::uint32_t kAlignment = 16;  // bytes of every pointer

/// The library's functions, looked up by name.
struct Library {
  void* handle = nullptr;
  decltype(&cublasLtCreate) create = nullptr;
  decltype(&cublasLtDestroy) destroy = nullptr;
  decltype(&cublasLtGetVersion) get_version = nullptr;
  decltype(&cublasLtGetStatusName) status_name = nullptr;
  decltype(&cublasLtMatmul) matmul = nullptr;
  decltype(&cublasLtMatmulAlgoGetHeuristic) heuristic = nullptr;
  decltype(&cublasLtMatmulAlgoCheck) algorithm_check = nullptr;
  decltype(&cublasLtMatmulDescCreate) desc_create = nullptr;
  decltype(&cublasLtMatmulDescDestroy) desc_destroy = nullptr;
  decltype(&cublasLtMatmulDescSetAttribute) desc_set = nullptr;
  decltype(&cublasLtMatrixLayoutCreate) layout_create = nullptr;
  decltype(&cublasLtMatrixLayoutDestroy) layout_destroy = nullptr;
  decltype(&cublasLtMatmulPreferenceCreate) preference_create = nullptr;
  decltype(&cublasLtMatmulPreferenceDestroy) preference_destroy = nullptr;
  decltype(&cublasLtMatmulPreferenceSetAttribute) preference_set = nullptr;

  template <typename F>
  bool find(F& function, const char* name) {
    function = reinterpret_cast<F>(dlsym(handle, name));
    return function != nullptr;
  }
  bool load() {
    for (const char* name : {"libcublasLt.so.13", "libcublasLt.so.12"}) {
      handle = dlopen(name, RTLD_NOW | RTLD_LOCAL);
      if (handle != nullptr) break;
    }
    return handle != nullptr && find(create, "cublasLtCreate") && find(destroy, "cublasLtDestroy") &&
           find(get_version, "cublasLtGetVersion") && find(status_name, "cublasLtGetStatusName") && find(matmul, "cublasLtMatmul") &&
           find(heuristic, "cublasLtMatmulAlgoGetHeuristic") && find(algorithm_check, "cublasLtMatmulAlgoCheck") &&
           find(desc_create, "cublasLtMatmulDescCreate") && find(desc_destroy, "cublasLtMatmulDescDestroy") &&
           find(desc_set, "cublasLtMatmulDescSetAttribute") && find(layout_create, "cublasLtMatrixLayoutCreate") &&
           find(layout_destroy, "cublasLtMatrixLayoutDestroy") && find(preference_create, "cublasLtMatmulPreferenceCreate") &&
           find(preference_destroy, "cublasLtMatmulPreferenceDestroy") && find(preference_set, "cublasLtMatmulPreferenceSetAttribute");
  }
  Library() = default;
  ~Library() {
    if (handle != nullptr) dlclose(handle);
  }
  std::string version() const {
    const std::size_t number = get_version();  // 130002: 13.0.2; 12.x: 120905
    return "cuBLASLt " + std::to_string(number / 10000) + "." + std::to_string(number / 100 % 100) + "." + std::to_string(number % 100);
  }
  Library(const Library&) = delete;
  Library& operator=(const Library&) = delete;

  void check(cublasStatus_t status, const char* what) const {
    if (status == CUBLAS_STATUS_SUCCESS) return;
    throw Error(status == CUBLAS_STATUS_ALLOC_FAILED ? ErrorCode::kMemory : ErrorCode::kDevice,
                std::string(what) + ": " + status_name(status), "cuda");
  }
};

class Layout {
 public:
  Layout(const Library& library, cudaDataType_t type, std::int64_t rows, std::int64_t cols, std::int64_t stride) : library_(library) {
    library.check(library.layout_create(&handle, type, static_cast<std::uint64_t>(rows), static_cast<std::uint64_t>(cols), stride),
                  "cublasLtMatrixLayoutCreate");
  }
  ~Layout() { library_.layout_destroy(handle); }
  Layout(const Layout&) = delete;
  Layout& operator=(const Layout&) = delete;
  cublasLtMatrixLayout_t handle = nullptr;

 private:
  const Library& library_;
};

/// In the library's column-major terms y^T (rows, tokens) = w (rows, cols) h^T: A = w^T as it lies, transposed, B = h^T as it lies.
class Operation {
 public:
  Operation(const Library& library, const BlasShape& s, const float* bias)
      : library_(library),
        w(library, type_of(s), s.cols, s.rows, s.w_stride),
        h(library, type_of(s), s.cols, s.tokens, s.h_stride),
        y(library, CUDA_R_32F, s.rows, s.tokens, s.y_stride) {
    library.check(library.desc_create(&handle, CUBLAS_COMPUTE_32F, CUDA_R_32F), "cublasLtMatmulDescCreate");
    const cublasOperation_t transposed = CUBLAS_OP_T;
    set(CUBLASLT_MATMUL_DESC_TRANSA, transposed);
    if (!s.bias) return;
    set(CUBLASLT_MATMUL_DESC_EPILOGUE, CUBLASLT_EPILOGUE_BIAS);
    if (bias != nullptr) set(CUBLASLT_MATMUL_DESC_BIAS_POINTER, bias);
  }
  ~Operation() { library_.desc_destroy(handle); }
  Operation(const Operation&) = delete;
  Operation& operator=(const Operation&) = delete;

 private:
  static cudaDataType_t type_of(const BlasShape& s) { return s.dtype == tensor::DType::kF16 ? CUDA_R_16F : CUDA_R_16BF; }
  template <typename T>
  void set(cublasLtMatmulDescAttributes_t attribute, const T& value) {
    library_.check(library_.desc_set(handle, attribute, &value, sizeof(value)), "cublasLtMatmulDescSetAttribute");
  }
  const Library& library_;

 public:
  Layout w, h, y;
  cublasLtMatmulDesc_t handle = nullptr;
};

class Preference {
 public:
  Preference(const Library& library, std::uint64_t workspace_bytes) : library_(library) {
    library.check(library.preference_create(&handle), "cublasLtMatmulPreferenceCreate");
    set(CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, workspace_bytes);
    for (const auto attribute : {CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES,
                                 CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES}) {
      set(attribute, kAlignment);
    }
  }
  ~Preference() { library_.preference_destroy(handle); }
  Preference(const Preference&) = delete;
  Preference& operator=(const Preference&) = delete;
  cublasLtMatmulPreference_t handle = nullptr;

 private:
  template <typename T>
  void set(cublasLtMatmulPreferenceAttributes_t attribute, const T& value) {
    library_.check(library_.preference_set(handle, attribute, &value, sizeof(value)), "cublasLtMatmulPreferenceSetAttribute");
  }
  const Library& library_;
};

static_assert(sizeof(cublasLtMatmulAlgo_t) == sizeof(BlasAlgorithm::words));

cublasLtMatmulAlgo_t native(const BlasAlgorithm& algorithm) {
  cublasLtMatmulAlgo_t result;
  std::memcpy(&result, algorithm.words.data(), sizeof(result));
  return result;
}

class CublasLt final : public Blas {
 public:
  static std::unique_ptr<Blas> open() {
    auto blas = std::make_unique<CublasLt>();
    if (!blas->library_.load()) {
      const char* reason = dlerror();
      log_info(std::string("cuBLASLt is not used: ") + (reason != nullptr ? reason : "a function is missing"));
      return nullptr;
    }
    if (const cublasStatus_t status = blas->library_.create(&blas->handle_); status != CUBLAS_STATUS_SUCCESS) {
      log_info(std::string("cuBLASLt is not used: cublasLtCreate: ") + blas->library_.status_name(status));
      return nullptr;
    }
    return blas;
  }
  CublasLt() = default;
  ~CublasLt() override {
    if (handle_ != nullptr) library_.destroy(handle_);
  }
  CublasLt(const CublasLt&) = delete;
  CublasLt& operator=(const CublasLt&) = delete;

  std::string version() const override { return library_.version(); }

  std::vector<BlasAlgorithm> candidates(const BlasShape& shape, std::uint64_t workspace_bytes, int most) override {
    const Operation operation(library_, shape, nullptr);
    const Preference preference(library_, workspace_bytes);
    std::vector<cublasLtMatmulHeuristicResult_t> found(static_cast<std::size_t>(most));
    int count = 0;
    const cublasStatus_t status = library_.heuristic(handle_, operation.handle, operation.w.handle, operation.h.handle, operation.y.handle,
                                                     operation.y.handle, preference.handle, most, found.data(), &count);
    if (status == CUBLAS_STATUS_NOT_SUPPORTED) return {};
    library_.check(status, "cublasLtMatmulAlgoGetHeuristic");
    std::vector<BlasAlgorithm> result;
    for (int i = 0; i < count; ++i) {
      const auto& one = found[static_cast<std::size_t>(i)];
      if (one.state != CUBLAS_STATUS_SUCCESS || one.workspaceSize > workspace_bytes) continue;
      BlasAlgorithm algorithm;
      std::memcpy(algorithm.words.data(), &one.algo, sizeof(one.algo));
      algorithm.workspace_bytes = one.workspaceSize;
      result.push_back(algorithm);
    }
    return result;
  }

  bool does(const BlasShape& shape, const BlasAlgorithm& algorithm, std::uint64_t workspace_bytes) override {
    const Operation operation(library_, shape, nullptr);
    const cublasLtMatmulAlgo_t algo = native(algorithm);
    cublasLtMatmulHeuristicResult_t result{};
    const cublasStatus_t status = library_.algorithm_check(handle_, operation.handle, operation.w.handle, operation.h.handle,
                                                           operation.y.handle, operation.y.handle, &algo, &result);
    return status == CUBLAS_STATUS_SUCCESS && result.workspaceSize <= std::min(workspace_bytes, std::uint64_t{algorithm.workspace_bytes});
  }

  void multiply(const BlasArguments& a, Stream& stream) override {
    const Operation operation(library_, a.shape, a.bias);
    const cublasLtMatmulAlgo_t algo = native(a.algorithm);
    const float one = 1.0F;
    const float beta = a.shape.accumulate ? 1.0F : 0.0F;
    library_.check(
        library_.matmul(handle_, operation.handle, &one, a.w, operation.w.handle, a.h, operation.h.handle, &beta, a.y, operation.y.handle,
                        a.y, operation.y.handle, &algo, a.workspace, a.algorithm.workspace_bytes, native_stream(stream)),
        "cublasLtMatmul");
  }

 private:
  Library library_;
  cublasLtHandle_t handle_ = nullptr;
};

}  // namespace

std::unique_ptr<Blas> open_blas() { return CublasLt::open(); }

std::string blas_library() {
  Library library;
  return library.load() ? library.version() : std::string();
}

}  // namespace qbench::kernels::cuda
