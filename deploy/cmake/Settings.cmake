# Compiler settings that hold for every target, and the functions that components use.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_C_STANDARD 11)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/bin)

option(PRECIS_BUILD_TESTS "Build the tests" ON)
option(PRECIS_WERROR "Warnings are errors" ON)
set(PRECIS_SANITIZE "" CACHE STRING "address+undefined, thread, or empty")
option(PRECIS_FUZZ "Build the fuzz targets (clang only)" OFF)
option(PRECIS_ENGINE_ONLY "Build only base and engine with their tests (TSan: Debian's gRPC and RocksDB are not instrumented)" OFF)

add_library(precis_flags INTERFACE)
target_compile_options(precis_flags INTERFACE
  # -Wrestrict: g++ 12 reports string assignments that cannot happen (GCC bug 105651).
  $<$<COMPILE_LANGUAGE:CXX>:-Wall -Wextra -Wno-missing-field-initializers>
  $<$<AND:$<COMPILE_LANGUAGE:CXX>,$<CXX_COMPILER_ID:GNU>>:-Wno-restrict>
  # Equal results on every CPU: a multiply-add is fused only where the code says so.
  $<$<COMPILE_LANGUAGE:CXX>:-ffp-contract=off>)
if(PRECIS_WERROR)
  target_compile_options(precis_flags INTERFACE $<$<COMPILE_LANGUAGE:CXX>:-Werror>)
endif()

if(PRECIS_SANITIZE STREQUAL "address+undefined")
  add_compile_options(-fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer)
  add_link_options(-fsanitize=address,undefined)
elseif(PRECIS_SANITIZE STREQUAL "thread")
  add_compile_options(-fsanitize=thread -fno-omit-frame-pointer)
  add_link_options(-fsanitize=thread)
endif()

find_program(PRECIS_LLD ld.lld)
if(PRECIS_LLD)
  add_link_options(-fuse-ld=lld)
endif()
find_program(PRECIS_CCACHE ccache)
if(PRECIS_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${PRECIS_CCACHE})
  set(CMAKE_C_COMPILER_LAUNCHER ${PRECIS_CCACHE})
  # Without it ccache cannot tell which precompiled header a file was compiled with.
  add_compile_options($<$<AND:$<COMPILE_LANGUAGE:CXX>,$<CXX_COMPILER_ID:GNU>>:-fpch-preprocess>)
endif()

# precis_library(NAME SRCS ... INCLUDE dir LIBS public... PRIVATE_LIBS ... PRIVATE_INCLUDE dirs...)
# A component exports only INCLUDE; what lies in PRIVATE_INCLUDE is seen by itself and its own tests.
function(precis_library name)
  cmake_parse_arguments(arg "" "INCLUDE" "SRCS;LIBS;PRIVATE_LIBS;PRIVATE_INCLUDE" ${ARGN})
  if(arg_SRCS)
    add_library(${name} STATIC ${arg_SRCS})
    target_include_directories(${name} PUBLIC ${arg_INCLUDE} PRIVATE ${arg_PRIVATE_INCLUDE})
    target_link_libraries(${name} PUBLIC ${arg_LIBS} PRIVATE precis_flags ${arg_PRIVATE_LIBS})
  else()
    add_library(${name} INTERFACE)
    target_include_directories(${name} INTERFACE ${arg_INCLUDE})
    target_link_libraries(${name} INTERFACE ${arg_LIBS})
  endif()
endfunction()

# precis_test(NAME SRCS ... LIBS ... [PRIVATE_INCLUDE dirs...] [LABELS ...] [ARGS ...] [TIMEOUT s])
# One executable, one ctest entry.
function(precis_test name)
  cmake_parse_arguments(arg "" "TIMEOUT" "SRCS;LIBS;PRIVATE_INCLUDE;LABELS;ARGS" ${ARGN})
  add_executable(${name} ${arg_SRCS})
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/tests)
  target_include_directories(${name} PRIVATE ${arg_PRIVATE_INCLUDE})
  target_link_libraries(${name} PRIVATE precis_flags ${arg_LIBS} precis_test_support GTest::gmock GTest::gtest_main)
  add_test(NAME ${name} COMMAND ${name} ${arg_ARGS})
  if(NOT arg_TIMEOUT)
    set(arg_TIMEOUT 300)
  endif()
  set_tests_properties(${name} PROPERTIES TIMEOUT ${arg_TIMEOUT} LABELS "${arg_LABELS}")
endfunction()
