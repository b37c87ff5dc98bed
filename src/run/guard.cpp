#include "run/guard.h"

#include <exception>
#include <new>

#include "base/error.h"

namespace qbench::run {

std::optional<record::Failure> run_guarded(const std::function<void()>& work) {
  try {
    work();
    return std::nullopt;
  } catch (const Error& error) {
    return record::Failure{std::string(name_of(error.code())), error.what()};
  } catch (const std::bad_alloc&) {
    return record::Failure{std::string(name_of(ErrorCode::kMemory)), "out of memory: an allocation failed"};
  } catch (const std::exception& error) {
    return record::Failure{"crash", std::string("unexpected: ") + error.what()};
  }
}

}  // namespace qbench::run
