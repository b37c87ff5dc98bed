# Helpers of the build: one function per kind of target, so that every folder's CMakeLists.txt is a list of files.

set(CMAKE_CXX_COMPILER_LAUNCHER "" CACHE STRING "")
find_program(QBENCH_CCACHE ccache)
if(QBENCH_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${QBENCH_CCACHE} CACHE STRING "" FORCE)
endif()

# Hot arithmetic lives in kernels/, which asks for -O3 itself; elsewhere -O3 only costs compile time.
set(CMAKE_CXX_FLAGS_RELEASE "-O2 -DNDEBUG")

add_library(qb_options INTERFACE)
target_compile_options(qb_options INTERFACE -Wall -Wextra -Wconversion -Wshadow -fno-strict-aliasing)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  target_compile_options(qb_options INTERFACE -Wno-restrict)  # false alarms of g++ 12 on std::string: GCC bug 105651
endif()
if(QBENCH_WERROR)
  target_compile_options(qb_options INTERFACE -Werror)
endif()
if(QBENCH_SANITIZE)
  # The last -O counts, and these come after a target's own. What is not hot is compiled once and run briefly: -Og compiles it in little more than half
  # the time of -O1, and it runs about as fast (with -O0, two and a half times as long). What warns there is the ci build's to judge.
  set(hot qb_tensor qb_kernels_cpu qb_kernels_cuda_emulated qb_backend_cpu)
  list(JOIN hot "$<SEMICOLON>" hot)
  target_compile_options(qb_options INTERFACE -fsanitize=${QBENCH_SANITIZE} -fno-omit-frame-pointer -g1
                         $<IF:$<IN_LIST:$<TARGET_PROPERTY:NAME>,${hot}>,-O1,-Og$<SEMICOLON>-Wno-error>)
  target_link_options(qb_options INTERFACE -fsanitize=${QBENCH_SANITIZE})
  if(QBENCH_SANITIZE MATCHES "undefined")
    target_compile_options(qb_options INTERFACE -fno-sanitize-recover=undefined)
  endif()
endif()
if(QBENCH_FUZZ)
  target_compile_options(qb_options INTERFACE -fsanitize=fuzzer-no-link,address -O1 -g1)
  target_link_options(qb_options INTERFACE -fsanitize=address)
endif()
target_include_directories(qb_options INTERFACE ${CMAKE_SOURCE_DIR}/src ${CMAKE_SOURCE_DIR})

# qb_find_static(name header library): imported target qb_lib_<name>, the static archive where there is one.
function(qb_find_static name header library)
  find_path(QB_${name}_INCLUDE ${header} REQUIRED)
  find_library(QB_${name}_LIBRARY NAMES lib${library}.a ${library} REQUIRED)
  add_library(qb_lib_${name} INTERFACE)
  target_include_directories(qb_lib_${name} SYSTEM INTERFACE ${QB_${name}_INCLUDE})
  target_link_libraries(qb_lib_${name} INTERFACE ${QB_${name}_LIBRARY})
endfunction()

# qb_room(name SOURCES files... [DEPS rooms...] [LIBS libraries...]): static library qb_<name> of one folder.
function(qb_room name)
  cmake_parse_arguments(R "" "" "SOURCES;DEPS;LIBS" ${ARGN})
  add_library(qb_${name} STATIC ${R_SOURCES})
  target_link_libraries(qb_${name} PRIVATE qb_options)
  foreach(dep ${R_DEPS})
    target_link_libraries(qb_${name} PUBLIC qb_${dep})
  endforeach()
  target_link_libraries(qb_${name} PUBLIC ${R_LIBS})
endfunction()

# qb_embed(sources NAMESPACE qbench::room HEADER room/texts.h TEXTS function file [function file...]): source files that put the files' texts
# into the program, one function each, declared by hand in the header; their paths are appended to the list `sources`.
function(qb_embed sources)
  cmake_parse_arguments(E "" "NAMESPACE;HEADER" "TEXTS" ${ARGN})
  set(made ${${sources}})
  while(E_TEXTS)
    list(POP_FRONT E_TEXTS name file)
    set(out ${CMAKE_CURRENT_BINARY_DIR}/${name}.cpp)
    get_filename_component(file ${file} ABSOLUTE)
    add_custom_command(
      OUTPUT ${out}
      COMMAND ${CMAKE_COMMAND} -DIN=${file} -DNAME=${name} -DNAMESPACE=${E_NAMESPACE} -DHEADER=${E_HEADER} -DOUT=${out} -P ${CMAKE_SOURCE_DIR}/scripts/cmake/embed.cmake
      DEPENDS ${file} ${CMAKE_SOURCE_DIR}/scripts/cmake/embed.cmake
      VERBATIM)
    list(APPEND made ${out})
  endwhile()
  set(${sources} ${made} PARENT_SCOPE)
endfunction()

# What the sanitizer builds need: all tests but those that drive the whole program; the tests that run threads.
add_custom_target(tests_quick)
add_custom_target(tests_threads)

# qb_test(name SOURCES files... DEPS rooms... [LIBS libraries...] [LABELS labels...]): one doctest program per room, target test_<name>.
# Exit status 77 is a visible skip; the environment points at the shared test data when there is any.
function(qb_test name)
  cmake_parse_arguments(T "" "" "SOURCES;DEPS;LIBS;LABELS" ${ARGN})
  add_executable(test_${name} ${T_SOURCES})
  target_link_libraries(test_${name} PRIVATE qb_options qb_test_main ${T_LIBS})
  target_compile_options(test_${name} PRIVATE -O1)
  foreach(dep ${T_DEPS})
    target_link_libraries(test_${name} PRIVATE qb_${dep})
  endforeach()
  target_compile_definitions(test_${name} PRIVATE QB_SOURCE_DIR="${CMAKE_SOURCE_DIR}")
  add_test(NAME ${name} COMMAND test_${name})
  set_tests_properties(${name} PROPERTIES LABELS "${T_LABELS}" WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
  if(NOT "slow_under_sanitizers" IN_LIST T_LABELS)
    add_dependencies(tests_quick test_${name})
  endif()
  if("threads" IN_LIST T_LABELS)
    add_dependencies(tests_threads test_${name})
  endif()
endfunction()
