#include "record.h"

#include <gtest/gtest.h>

namespace precis::cache {
namespace {

TEST(Record, ComesBackWhole) {
  const std::vector<Owner> owners = {{"t", "d", 7}, {"", "", 0}};
  const std::string bytes = EncodeRecord("key", 42, owners, std::string_view("va\0lue", 6));
  Record record;
  ASSERT_TRUE(DecodeRecord("key", bytes, &record));
  EXPECT_EQ(record.order, 42u);
  EXPECT_EQ(record.value, std::string_view("va\0lue", 6));
  ASSERT_EQ(record.owners.size(), 2u);
  EXPECT_EQ(record.owners[0].document_id, "d");
  EXPECT_EQ(record.owners[0].read_epoch, 7u);
}

TEST(Record, AnyFlippedBitOrCutIsNoticed) {
  const std::vector<Owner> owners = {{"tenant", "document", 7}};
  const std::string good = EncodeRecord("key", 1, owners, "value");
  Record record;
  for (size_t i = 0; i < good.size() * 8; ++i) {
    std::string bad = good;
    bad[i / 8] = static_cast<char>(bad[i / 8] ^ 1 << i % 8);
    EXPECT_FALSE(DecodeRecord("key", bad, &record)) << "bit " << i;
  }
  for (size_t n = 0; n < good.size(); ++n) EXPECT_FALSE(DecodeRecord("key", good.substr(0, n), &record));
  EXPECT_FALSE(DecodeRecord("other key", good, &record));
}

TEST(Record, NoOwnersKeyIsThePrefixOfAnothers) {
  EXPECT_NE(OwnerKey("ab", "c"), OwnerKey("a", "bc"));
  EXPECT_FALSE(OwnerKey("t", "doc12").starts_with(OwnerKey("t", "doc1")));
}

}  // namespace
}  // namespace precis::cache
