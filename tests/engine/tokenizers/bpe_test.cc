// The two merging algorithms against the definition, word by word.
#include "tokenizers/bpe.h"

#include <map>
#include <random>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tokenizers/merge.h"

namespace precis::engine {
namespace {

// A vocabulary of a few letters and random merges, which meet in every way.
struct RandomBpe {
  std::shared_ptr<Vocabulary> vocabulary = std::make_shared<Vocabulary>();
  std::vector<Bpe::TokenPair> merges;
  std::map<Bpe::TokenPair, size_t> ranks;

  explicit RandomBpe(uint32_t seed) {
    std::mt19937 random(seed);
    for (const char* letter : {"a", "b", "c"}) EXPECT_TRUE(vocabulary->Add(letter, vocabulary->size()).ok());
    while (merges.size() < 60) {
      const auto left = static_cast<TokenId>(random() % static_cast<uint32_t>(vocabulary->size()));
      const auto right = static_cast<TokenId>(random() % static_cast<uint32_t>(vocabulary->size()));
      const std::string joined = std::string(vocabulary->Text(left)) + std::string(vocabulary->Text(right));
      if (joined.size() > 12 || !ranks.emplace(Bpe::TokenPair(left, right), merges.size()).second) continue;
      if (vocabulary->Find(joined) < 0) {
        EXPECT_TRUE(vocabulary->Add(joined, vocabulary->size()).ok());
      }
      merges.emplace_back(left, right);
    }
  }

  // The definition: as long as any pair merges, the leftmost of the lowest rank does.
  std::vector<TokenId> Slow(const std::string& word) const {
    std::vector<TokenId> ids;
    for (const char letter : word) ids.push_back(vocabulary->Find(std::string(1, letter)));
    while (true) {
      size_t best = SIZE_MAX;
      size_t at = 0;
      for (size_t i = 0; i + 1 < ids.size(); ++i) {
        const auto found = ranks.find({ids[i], ids[i + 1]});
        if (found != ranks.end() && found->second < best) best = found->second, at = i;
      }
      if (best == SIZE_MAX) return ids;
      ids[at] = vocabulary->Find(std::string(vocabulary->Text(ids[at])) + std::string(vocabulary->Text(ids[at + 1])));
      ids.erase(ids.begin() + static_cast<std::ptrdiff_t>(at) + 1);
    }
  }
};

TEST(Bpe, MergesInRankOrderAtEveryLength) {
  for (uint32_t seed = 0; seed < 20; ++seed) {
    const RandomBpe made(seed);
    for (const bool byte_level : {false, true}) {
      const auto bpe = Bpe::Create(made.vocabulary, made.merges, {.byte_level = byte_level});
      ASSERT_TRUE(bpe.ok()) << bpe.status();
      std::mt19937 random(seed);
      for (size_t length = 1; length < 3 * kShortWord; ++length) {
        std::string word;
        for (size_t i = 0; i < length; ++i) word += static_cast<char>('a' + random() % 3);
        std::vector<Piece> pieces;
        (*bpe)->Encode(word, 7, &pieces);
        std::vector<TokenId> ids;
        uint32_t end = 7;
        for (const Piece& piece : pieces) {
          ids.push_back(piece.id);
          ASSERT_EQ(piece.begin, end);
          ASSERT_EQ(word.substr(piece.begin - 7, piece.end - piece.begin), made.vocabulary->Text(piece.id));
          end = piece.end;
        }
        ASSERT_EQ(end, 7 + length);
        ASSERT_EQ(ids, made.Slow(word)) << word << " with seed " << seed;
      }
    }
  }
}

TEST(Bpe, ATokenThatNoMergeMakesIsFoundOnlyWithIgnoreMerges) {
  auto vocabulary = std::make_shared<Vocabulary>();
  for (const char* token : {"a", "b", "ab"}) ASSERT_TRUE(vocabulary->Add(token, vocabulary->size()).ok());
  for (const bool ignore : {false, true}) {
    const auto bpe = Bpe::Create(vocabulary, {}, {.byte_level = true, .ignore_merges = ignore});
    for (int again = 0; again < 2; ++again) {  // the second time from memory
      std::vector<Piece> pieces;
      (*bpe)->Encode("ab", 0, &pieces);
      EXPECT_EQ(pieces.size(), ignore ? 1u : 2u);
    }
  }
}

TEST(Bpe, FingerprintDependsOnTheOrderOfMerges) {
  const RandomBpe made(1);
  const auto print = [&](const std::vector<Bpe::TokenPair>& merges) {
    Hasher hasher;
    (*Bpe::Create(made.vocabulary, merges, {}))->Fingerprint(&hasher);
    return hasher.FinishHex();
  };
  auto swapped = made.merges;
  std::swap(swapped[3], swapped[4]);
  EXPECT_EQ(print(made.merges), print(made.merges));
  EXPECT_NE(print(made.merges), print(swapped));
}

}  // namespace
}  // namespace precis::engine
