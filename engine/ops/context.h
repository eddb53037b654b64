// What an operation runs on.
#pragma once

#include "cpu/isa.h"
#include "cpu/thread_pool.h"

namespace precis::engine {

// Neither field changes a result. The pool outlives the context.
struct OpContext {
  cpu::ThreadPool* pool = nullptr;
  cpu::IsaLevel isa = cpu::IsaLevel::kScalar;  // must be available on this CPU
};

}  // namespace precis::engine
