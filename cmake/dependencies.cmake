# What the library links. Debian package names are in packages.txt.
find_package(OpenMP REQUIRED COMPONENTS CXX)
find_package(fmt REQUIRED)
find_package(dnnl REQUIRED CONFIG)
find_library(HWY_LIBRARY hwy REQUIRED)
find_package(ZLIB REQUIRED)
find_package(LAPACK REQUIRED)
find_path(KISSFFT_INCLUDE kissfft/kissfft.hh REQUIRED)  # header only
find_path(XXHASH_INCLUDE xxhash.h REQUIRED)             # used as a header only
find_library(UTF8PROC_LIBRARY utf8proc REQUIRED)

add_library(nacre_dependencies INTERFACE)
target_link_libraries(nacre_dependencies INTERFACE fmt::fmt DNNL::dnnl ${HWY_LIBRARY} ${UTF8PROC_LIBRARY} OpenMP::OpenMP_CXX ZLIB::ZLIB LAPACK::LAPACK)
target_include_directories(nacre_dependencies INTERFACE ${KISSFFT_INCLUDE} ${XXHASH_INCLUDE})

# Parts that can be left out; what needs them then says so.
option(NACRE_WITH_IMAGES "Read and write pictures (libpng, libjpeg)" ON)
option(NACRE_WITH_SOUND "Read sound files (libsndfile)" ON)
option(NACRE_WITH_FETCH "Download data sets (libcurl)" ON)
if(NACRE_WITH_IMAGES)
  find_package(PNG REQUIRED)
  find_package(JPEG REQUIRED)
  target_link_libraries(nacre_dependencies INTERFACE PNG::PNG JPEG::JPEG)
  set_property(SOURCE ${PROJECT_SOURCE_DIR}/nacre/data/image/image_codec.cpp
                      ${PROJECT_SOURCE_DIR}/nacre/data/image/image_jpeg.cpp
                      ${PROJECT_SOURCE_DIR}/nacre/data/image/image_png.cpp
               PROPERTY COMPILE_DEFINITIONS NACRE_WITH_IMAGES)
endif()
if(NACRE_WITH_SOUND)
  find_library(SNDFILE_LIBRARY sndfile REQUIRED)
  target_link_libraries(nacre_dependencies INTERFACE ${SNDFILE_LIBRARY})
  set_property(SOURCE ${PROJECT_SOURCE_DIR}/nacre/data/sound/sound_codec.cpp
               PROPERTY COMPILE_DEFINITIONS NACRE_WITH_SOUND)
endif()
if(NACRE_WITH_FETCH)
  find_package(CURL REQUIRED)
  target_link_libraries(nacre_dependencies INTERFACE CURL::libcurl)
  set_property(SOURCE ${PROJECT_SOURCE_DIR}/nacre/data/sets/fetch.cpp
               PROPERTY COMPILE_DEFINITIONS NACRE_WITH_FETCH)
endif()
