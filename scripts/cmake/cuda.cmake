# Where the CUDA toolkit is, and how its sources are compiled: for the emulated device by the host compiler, for real ones by nvcc.

option(QBENCH_CUDA_EMULATED "Build the device cuda-emulated where the CUDA headers are found" ON)
set(QBENCH_CUDA_ROOT "" CACHE PATH "Folder of the CUDA toolkit; empty: the prefix of scripts/setup.sh --cuda, nvcc's own, /usr/local/cuda")
set(QBENCH_CUDA_ARCHITECTURES "90a" CACHE STRING "Architectures that nvcc compiles for: 80;86;89;90a;100;120")

# qb_find_cuda(): sets QB_CUDA_INCLUDE (folder of cuda_bf16.h and vector_types.h, or empty) and QB_CUDA_NVCC (or empty).
function(qb_find_cuda)
  set(roots ${QBENCH_CUDA_ROOT})
  if(NOT roots)
    file(GLOB roots ${CMAKE_SOURCE_DIR}/.cache/cuda/nvidia/cu[0-9]*)
    find_program(QB_NVCC_IN_PATH nvcc)
    if(QB_NVCC_IN_PATH)
      get_filename_component(nvcc ${QB_NVCC_IN_PATH} REALPATH)
      get_filename_component(bin ${nvcc} DIRECTORY)
      get_filename_component(root ${bin} DIRECTORY)
      list(APPEND roots ${root})
    endif()
    list(APPEND roots /usr/local/cuda)
  endif()
  set(include "")
  set(nvcc "")
  foreach(root ${roots})
    if(NOT include AND EXISTS ${root}/include/cuda_bf16.h AND EXISTS ${root}/include/cuda_fp8.h AND EXISTS ${root}/include/vector_types.h
       AND EXISTS ${root}/include/crt/host_defines.h)
      set(include ${root}/include)
      if(EXISTS ${root}/bin/nvcc)
        set(nvcc ${root}/bin/nvcc)
      endif()
    endif()
  endforeach()
  set(QB_CUDA_INCLUDE "${include}" PARENT_SCOPE)
  set(QB_CUDA_NVCC "${nvcc}" PARENT_SCOPE)
endfunction()
qb_find_cuda()

set(QB_CUDA_EMULATED OFF)
if(NOT QBENCH_CUDA_EMULATED)
  set(QB_CUDA_EMULATED_MISSING "built with QBENCH_CUDA_EMULATED=OFF")
elseif(NOT CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
  set(QB_CUDA_EMULATED_MISSING "the emulation is written for x86-64")
elseif(NOT QB_CUDA_INCLUDE)
  set(QB_CUDA_EMULATED_MISSING "built without the CUDA headers, which scripts/setup.sh --cuda gets")
else()
  set(QB_CUDA_EMULATED ON)
  set(QB_CUDA_EMULATED_MISSING "")
endif()
message(STATUS "CUDA headers: ${QB_CUDA_INCLUDE}; nvcc: ${QB_CUDA_NVCC}; cuda-emulated: ${QB_CUDA_EMULATED} ${QB_CUDA_EMULATED_MISSING}")

# What a source needs to be compiled against the emulation: private to whoever includes kernels/cuda, since a binary may hold the real device, too.
if(QB_CUDA_EMULATED)
  add_library(qb_cuda_emulated_options INTERFACE)
  target_compile_definitions(qb_cuda_emulated_options INTERFACE QB_CUDA_EMULATED=1)
  if(QBENCH_SANITIZE MATCHES "thread")
    target_compile_definitions(qb_cuda_emulated_options INTERFACE QB_EMULATION_RACES=1)  # emulation/races.h
  endif()
  target_compile_options(qb_cuda_emulated_options INTERFACE -ffp-contract=off -Wno-unknown-pragmas)
  target_include_directories(qb_cuda_emulated_options SYSTEM INTERFACE ${QB_CUDA_INCLUDE})
endif()

# qb_cuda_emulated_room(name SOURCES files... [DEPS rooms...] [LIBS libraries...]): a room whose .cu files are compiled as C++.
function(qb_cuda_emulated_room name)
  cmake_parse_arguments(R "" "" "SOURCES;DEPS;LIBS" ${ARGN})
  qb_room(${name} SOURCES ${R_SOURCES} DEPS ${R_DEPS} LIBS ${R_LIBS})
  target_link_libraries(qb_${name} PRIVATE qb_cuda_emulated_options)
  set(kernels ${R_SOURCES})
  list(FILTER kernels INCLUDE REGEX "\\.cu$")
  set_source_files_properties(${kernels} PROPERTIES LANGUAGE CXX)  # CMake then adds -x c++: policy CMP0119
endfunction()

# qb_nvcc_objects(target SOURCES files...): a target that compiles the sources for every architecture of QBENCH_CUDA_ARCHITECTURES and links
# nothing; sets <target>_OBJECTS.
function(qb_nvcc_objects target)
  cmake_parse_arguments(R "" "" "SOURCES" ${ARGN})
  set(codes "")
  foreach(architecture ${QBENCH_CUDA_ARCHITECTURES})
    list(APPEND codes -gencode arch=compute_${architecture},code=sm_${architecture})
  endforeach()
  set(objects "")
  foreach(source ${R_SOURCES})
    get_filename_component(path ${source} ABSOLUTE)
    set(object ${CMAKE_CURRENT_BINARY_DIR}/${target}/${source}.o)
    get_filename_component(folder ${object} DIRECTORY)
    file(MAKE_DIRECTORY ${folder})
    add_custom_command(OUTPUT ${object}
      COMMAND sh -c "log=$1; shift; \"$@\" >\"$log\" 2>&1 || { cat \"$log\"; exit 1; }" nvcc ${object}.ptxas
              ${QB_CUDA_NVCC} -std=c++20 -O3 -lineinfo --expt-relaxed-constexpr ${codes} -Xcompiler -fPIC,-Wall,-Wextra -Werror all-warnings -Xptxas -v
              -I${CMAKE_SOURCE_DIR}/src -I${CMAKE_SOURCE_DIR} -MD -MF ${object}.d -MT ${object} -c ${path} -o ${object}
      DEPENDS ${path} DEPFILE ${object}.d COMMENT "nvcc ${source}" VERBATIM)
    list(APPEND objects ${object})
  endforeach()
  add_custom_target(${target} DEPENDS ${objects})
  set(${target}_OBJECTS ${objects} PARENT_SCOPE)
endfunction()
