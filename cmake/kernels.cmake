# Files of vector loops are compiled once for each instruction set (Highway picks one at run time).
# Their lowest set on x86 is SSE4.2; the sets between and beyond that bring nothing are left out.
if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64|amd64")
  file(GLOB_RECURSE NACRE_KERNEL_SOURCES CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/nacre/kernels/cpu/*.cpp)
  set_source_files_properties(${NACRE_KERNEL_SOURCES} PROPERTIES
    COMPILE_OPTIONS "-march=x86-64-v2"
    SKIP_PRECOMPILE_HEADERS ON
    COMPILE_DEFINITIONS "HWY_DISABLE_PCLMUL_AES;HWY_DISABLED_TARGETS=(HWY_SSSE3)")
endif()
