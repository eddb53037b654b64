// Views of row-major matrices. They own nothing.
#pragma once

#include <cstdint>
#include <type_traits>

namespace precis::engine {

// [rows, columns]; row i begins at data + i * stride, stride >= columns.
template <typename T>
struct Matrix {
  T* data = nullptr;
  int64_t rows = 0;
  int64_t columns = 0;
  int64_t stride = 0;

  Matrix() = default;
  Matrix(T* d, int64_t r, int64_t c) : data(d), rows(r), columns(c), stride(c) {}
  Matrix(T* d, int64_t r, int64_t c, int64_t s) : data(d), rows(r), columns(c), stride(s) {}
  // A writable view is a readable one.
  operator Matrix<const T>() const  // NOLINT(google-explicit-constructor)
      requires(!std::is_const_v<T>) {
    return {data, rows, columns, stride};
  }

  T* row(int64_t i) const { return data + i * stride; }
  // Columns [begin, begin + count) of every row.
  Matrix Columns(int64_t begin, int64_t count) const { return {data + begin, rows, count, stride}; }
};

using MatrixView = Matrix<const float>;
using MutableMatrix = Matrix<float>;

}  // namespace precis::engine
