#include "methods/extractive.h"
#include "methods/method.h"
#include "methods/none.h"
#include "methods/truncate.h"

namespace precis::compress {

const std::vector<std::unique_ptr<Method>>& MethodTable() {
  static const auto* table = [] {
    auto* methods = new std::vector<std::unique_ptr<Method>>();
    methods->push_back(MakeNone());
    methods->push_back(MakeTruncate());
    methods->push_back(MakeExtractive());
    return methods;
  }();
  return *table;
}

}  // namespace precis::compress
