#include "methods/method.h"
#include "methods/none.h"
#include "methods/truncate.h"

namespace precis::compress {

const std::vector<std::unique_ptr<Method>>& MethodTable() {
  static const auto* table = [] {
    auto* methods = new std::vector<std::unique_ptr<Method>>();
    methods->push_back(MakeNone());
    methods->push_back(MakeTruncate());
    return methods;
  }();
  return *table;
}

}  // namespace precis::compress
