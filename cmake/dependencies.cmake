# What the library links. Debian package names are in packages.txt.
find_package(OpenMP REQUIRED COMPONENTS CXX)
find_package(fmt REQUIRED)
find_package(dnnl REQUIRED CONFIG)
find_library(HWY_LIBRARY hwy REQUIRED)
find_package(ZLIB REQUIRED)
find_package(LAPACK REQUIRED)

add_library(nacre_dependencies INTERFACE)
target_link_libraries(nacre_dependencies INTERFACE fmt::fmt DNNL::dnnl ${HWY_LIBRARY} OpenMP::OpenMP_CXX ZLIB::ZLIB LAPACK::LAPACK)
