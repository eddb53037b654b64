#include "precis/base/hash.h"

#include <gtest/gtest.h>

#include "precis/base/file.h"

namespace precis {
namespace {

TEST(Hash, KnownDigests) {
  // FIPS 180-4 examples.
  EXPECT_EQ(Sha256Hex(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(Sha256Hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST(Hash, FieldsDoNotRunIntoEachOther) {
  EXPECT_NE(Hasher().Field("ab").Field("c").FinishHex(), Hasher().Field("a").Field("bc").FinishHex());
  EXPECT_NE(Hasher().Field("a").Field("").FinishHex(), Hasher().Field("a").FinishHex());
}

TEST(Hash, FileDigestEqualsBytesDigest) {
  const std::string path = testing::TempDir() + "/precis_hash_test";
  const std::string content(3'000'000, 'z');
  ASSERT_TRUE(WriteFileDurably(path, content).ok());
  EXPECT_EQ(Sha256HexOfFile(path).value(), Sha256Hex(content));
  EXPECT_EQ(Sha256HexOfFile(path + "-missing").status().code(), absl::StatusCode::kNotFound);
}

}  // namespace
}  // namespace precis
