// Arithmetic on sentence vectors, in one fixed order of sums, so that equal inputs give equal choices on every machine.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace precis::compress {

// Eight partial sums, joined as a tree. Equal sizes.
float Dot(std::span<const float> a, std::span<const float> b);
// To L2 norm 1; all zeros stay.
void NormalizeVector(std::vector<float>* vector);
// Adds `vector` to `sum`, which grows to its size.
void AddTo(std::span<const float> vector, std::vector<float>* sum);
// Cosine, clamped to [0, 1]; 0 when one of them is all zeros.
double CosineOf(std::span<const float> a, std::span<const float> b);

// Vectors without a model: stems weighted by rarity among these texts, hashed to a fixed number of dimensions, L2
// norm 1.
std::vector<std::vector<float>> LexicalVectors(std::span<const std::string_view> texts);

}  // namespace precis::compress
