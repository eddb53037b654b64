#include "src/porter.h"

#include <gtest/gtest.h>

#include <fstream>
#include <string>

#include "source_file.h"

namespace precis::text {
namespace {

std::string Stem(std::string word) {
  PorterStem(&word);
  return word;
}

TEST(Porter, EqualsTheReferenceOnEveryWordOfTheList) {
  std::ifstream golden(SourceFile("tests/index/text/golden/porter.tsv"));
  std::string word, stem;
  int words = 0;
  while (golden >> word >> stem) {
    EXPECT_EQ(Stem(word), stem) << word;
    ++words;
  }
  EXPECT_GT(words, 5000);
}

TEST(Porter, LeavesAloneWhatIsNoLowerCaseWord) {
  for (const std::string word : {"", "is", "Running", "utf8s", "don't", "caf\xC3\xA9s"}) EXPECT_EQ(Stem(word), word);
}

}  // namespace
}  // namespace precis::text
