# The headers of others that most files include, parsed once for each target: they were a quarter of
# the build time. None of ours are among them, so that a change of one rebuilds only who includes it,
# and no JSON: loading it costs every file 0.3 s.
# Builds without it (NACRE_PRECOMPILE=OFF, the default in a project that adds this folder) find the
# includes that a file forgot.
set(NACRE_OUTSIDE_HEADERS
  <algorithm> <array> <cmath> <cstdint> <cstring> <filesystem> <functional> <limits> <map> <memory>
  <numeric> <optional> <span> <string> <string_view> <utility> <vector>
  <fmt/format.h>)

function(nacre_precompile target)
  if(NACRE_PRECOMPILE)
    target_precompile_headers(${target} PRIVATE ${NACRE_OUTSIDE_HEADERS} ${ARGN})
    if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
      target_compile_options(${target} PRIVATE -fpch-preprocess -Winvalid-pch)
    endif()
  endif()
endfunction()
