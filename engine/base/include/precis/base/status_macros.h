// Early return on a bad Status. The error passes through unchanged: it was written where the facts were known.
#pragma once

#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#define PRECIS_CONCAT_INNER_(a, b) a##b
#define PRECIS_CONCAT_(a, b) PRECIS_CONCAT_INNER_(a, b)

#define PRECIS_RETURN_IF_ERROR(expr)                                                         \
  do {                                                                                       \
    if (::absl::Status precis_status_ = (expr); !precis_status_.ok()) return precis_status_; \
  } while (false)

// PRECIS_ASSIGN_OR_RETURN(auto x, MakeX());
#define PRECIS_ASSIGN_OR_RETURN(lhs, expr) \
  PRECIS_ASSIGN_OR_RETURN_IMPL_(PRECIS_CONCAT_(precis_statusor_, __LINE__), lhs, expr)
#define PRECIS_ASSIGN_OR_RETURN_IMPL_(tmp, lhs, expr) \
  auto tmp = (expr);                                  \
  if (!tmp.ok()) return std::move(tmp).status();      \
  lhs = std::move(tmp).value()
