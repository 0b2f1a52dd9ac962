// The few LAPACK and BLAS routines that Nacre calls, by their Fortran symbols, for float and
// double. Matrices are column-major: a row-major array is the transpose. The hidden length of each
// character argument comes last.
#pragma once

#include <cstddef>

extern "C" {
#define NACRE_LAPACK(T, p)                                                                       \
  void p##getrf_(const int*, const int*, T*, const int*, int*, int*);                            \
  void p##getrs_(const char*, const int*, const int*, const T*, const int*, const int*, T*,      \
                 const int*, int*, std::size_t);                                                 \
  void p##getri_(const int*, T*, const int*, const int*, T*, const int*, int*);                  \
  void p##potrf_(const char*, const int*, T*, const int*, int*, std::size_t);                    \
  void p##geqrf_(const int*, const int*, T*, const int*, T*, T*, const int*, int*);              \
  void p##orgqr_(const int*, const int*, const int*, T*, const int*, const T*, T*, const int*,   \
                 int*);                                                                          \
  void p##gesdd_(const char*, const int*, const int*, T*, const int*, T*, T*, const int*, T*,    \
                 const int*, T*, const int*, int*, int*, std::size_t);                           \
  void p##syevd_(const char*, const char*, const int*, T*, const int*, T*, T*, const int*, int*, \
                 const int*, int*, std::size_t, std::size_t);                                    \
  void p##trsm_(const char*, const char*, const char*, const char*, const int*, const int*,      \
                const T*, const T*, const int*, T*, const int*, std::size_t, std::size_t,        \
                std::size_t, std::size_t);
NACRE_LAPACK(float, s)
NACRE_LAPACK(double, d)
#undef NACRE_LAPACK
}

namespace nacre::cpu {

template <class T>
struct Lapack;
#define NACRE_LAPACK(T, p)                   \
  template <>                                \
  struct Lapack<T> {                         \
    static constexpr auto getrf = p##getrf_; \
    static constexpr auto getrs = p##getrs_; \
    static constexpr auto getri = p##getri_; \
    static constexpr auto potrf = p##potrf_; \
    static constexpr auto geqrf = p##geqrf_; \
    static constexpr auto orgqr = p##orgqr_; \
    static constexpr auto gesdd = p##gesdd_; \
    static constexpr auto syevd = p##syevd_; \
    static constexpr auto trsm = p##trsm_;   \
  };
NACRE_LAPACK(float, s)
NACRE_LAPACK(double, d)
#undef NACRE_LAPACK

}  // namespace nacre::cpu
