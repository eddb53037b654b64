#include "methods/capsule.h"
#include "methods/crag.h"
#include "methods/extractive.h"
#include "methods/hierarchical.h"
#include "methods/lexical.h"
#include "methods/lingua.h"
#include "methods/method.h"
#include "methods/none.h"
#include "methods/segments.h"
#include "methods/talk.h"
#include "methods/tcra_semantic.h"
#include "methods/tcra_summary.h"
#include "methods/truncate.h"

namespace precis::compress {

const std::vector<std::unique_ptr<Method>>& MethodTable() {
  static const auto* table = [] {
    auto* methods = new std::vector<std::unique_ptr<Method>>();
    methods->push_back(MakeNone());
    methods->push_back(MakeTruncate());
    methods->push_back(MakeExtractive());
    methods->push_back(MakeLexical());
    methods->push_back(MakeTcraSemantic());
    methods->push_back(MakeTcraSummary());
    methods->push_back(MakeHierarchical());
    methods->push_back(MakeCapsule());
    methods->push_back(MakeCrag());
    methods->push_back(MakeLingua());
    methods->push_back(MakeInfini());
    methods->push_back(MakeXl3m());
    methods->push_back(MakeTalk());
    return methods;
  }();
  return *table;
}

}  // namespace precis::compress
