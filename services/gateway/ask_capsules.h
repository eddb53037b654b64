// Capsules that a question names: their texts stand before the passages, within the budget, and can be cited as
// passages after the found ones.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "precis/v1/compression.pb.h"
#include "precis/v1/pipeline.pb.h"

namespace precis::services {

inline constexpr int kMaxAskCapsules = 16;
// Of all texts together: they are counted with the question.
inline constexpr size_t kMaxCapsuleTextBytes = 64 << 10;

// InvalidArgument: too many names, or one twice.
absl::Status CheckCapsuleNames(const v1::AskRequest& request);

// Not thread-safe.
class AskCapsules {
 public:
  // FailedPrecondition: the texts are longer than kMaxCapsuleTextBytes together.
  absl::Status Add(const v1::Capsule& capsule);

  bool empty() const { return texts_.empty(); }
  // The texts as the prompt has them, each with an empty line after it.
  const std::string& block() const { return block_; }

  // One passage for each capsule, "capsule:NAME", without document.
  void AppendTo(google::protobuf::RepeatedPtrField<v1::Passage>* passages) const;
  // Puts the texts before the context, as verbatim spans of the passages from `first` on.
  void PutBefore(int first, v1::CompressedContext* context) const;

 private:
  std::vector<std::string> names_, texts_;
  std::string block_;
};

}  // namespace precis::services
