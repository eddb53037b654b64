// Pre-tokenizers that only cut: they differ in how they cut one word.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tokenizers/pretokenize.h"

namespace precis::engine {

// `cut(word, emit)` calls emit(begin, end) for each part, in order; empty parts are ignored.
template <typename Cut>
class Cutter final : public PreTokenizer {
 public:
  Cutter(std::string description, Cut cut) : description_(std::move(description)), cut_(std::move(cut)) {}

  void Apply(AlignedText* text, std::vector<TextRange>* words, std::vector<TextRange>* spare) const override {
    spare->clear();
    const std::string_view bytes = text->bytes();
    for (const TextRange& word : *words) {
      cut_(bytes.substr(word.begin, word.size()), [&](size_t begin, size_t end) {
        if (begin >= end) return;
        spare->push_back({word.begin + static_cast<uint32_t>(begin), word.begin + static_cast<uint32_t>(end)});
      });
    }
    words->swap(*spare);
  }

  std::string Description() const override { return description_; }

 private:
  std::string description_;
  Cut cut_;
};

template <typename Cut>
std::unique_ptr<PreTokenizer> MakeCutter(std::string description, Cut cut) {
  return std::make_unique<Cutter<Cut>>(std::move(description), std::move(cut));
}

}  // namespace precis::engine
