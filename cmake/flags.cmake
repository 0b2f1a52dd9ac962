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

# For what is never hot (tests, examples, the command line): -O1 takes a third off their build time.
add_library(nacre_cold_flags INTERFACE)
target_compile_options(nacre_cold_flags INTERFACE $<$<CONFIG:Release>:-O1>)
