// What keys and values in fewer bits cost, seen through the decoder itself.
#pragma once

#include <cstdint>
#include <string>

namespace precis::engine {

// Cuts the text into windows of 2,048 tokens (or the model's own, if less) and prints one JSON object: for each type
// how far the next-token distributions are from those with f32, and what a token takes. `exact`: in
// that mode of the decoder, where nothing else adds to the distance. Returns the program's exit status.
int KvLoss(const std::string& path, int threads, const std::string& text_path, int64_t positions, bool exact);

}  // namespace precis::engine
