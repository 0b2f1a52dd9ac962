# How Nacre's own code is compiled.
add_library(nacre_flags INTERFACE)
target_compile_options(nacre_flags INTERFACE -Wall -Wextra -fno-math-errno -ffp-contract=off)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # GCC 12 warns falsely about joined std::strings (its bug 105329).
  target_compile_options(nacre_flags INTERFACE -Wno-restrict)
endif()
if(NACRE_WERROR)
  target_compile_options(nacre_flags INTERFACE -Werror)
endif()
if(NACRE_SANITIZE)
  target_compile_options(nacre_flags INTERFACE -fsanitize=${NACRE_SANITIZE} -fno-omit-frame-pointer -g1)
  target_link_options(nacre_flags INTERFACE -fsanitize=${NACRE_SANITIZE})
endif()

# For what is never hot (tests, examples, the command line, and of the library what only describes or
# builds a graph): -O1 takes a third off its build time.
add_library(nacre_cold_flags INTERFACE)
target_compile_options(nacre_cold_flags INTERFACE $<$<CONFIG:Release>:-O1>)

file(GLOB_RECURSE NACRE_COLD_SOURCES CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/nacre/*.cpp)
# What runs for every step, element or sample.
list(FILTER NACRE_COLD_SOURCES EXCLUDE REGEX "/nacre/(base|tensor|kernels|plan|run)/")
list(FILTER NACRE_COLD_SOURCES EXCLUDE REGEX "/nacre/data/((image|sound)/|loader|sources|transform)")
set_source_files_properties(${NACRE_COLD_SOURCES} PROPERTIES
  COMPILE_OPTIONS "$<$<CONFIG:Release>:-O1>")
