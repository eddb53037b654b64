// A graph's file is believed only where every byte of it is what was written.
#include "search/graph_snapshot.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

namespace precis::index {
namespace {

TEST(GraphSnapshot, AnyFlippedByteIsNoticed) {
  const std::string path = testing::TempDir() + "/graph_snapshot_test.graph";
  GraphSnapshot snapshot;
  snapshot.identity = {7, "fingerprint", 64, 0};
  snapshot.sequence = 42;
  snapshot.runs = {{std::string(48, 'v'), 3}};
  snapshot.links = "links of three nodes";
  ASSERT_TRUE(WriteGraphSnapshot(path, snapshot).ok());
  const auto read = ReadGraphSnapshot(path, snapshot.identity);
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->links, snapshot.links);
  EXPECT_EQ(read->sequence, 42u);

  std::ifstream file(path, std::ios::binary);
  const std::string bytes((std::istreambuf_iterator<char>(file)), {});
  for (size_t i = 0; i < bytes.size(); ++i) {
    std::string flipped = bytes;
    flipped[i] = static_cast<char>(flipped[i] ^ 1);
    std::ofstream(path, std::ios::binary | std::ios::trunc) << flipped;
    const auto damaged = ReadGraphSnapshot(path, snapshot.identity);
    EXPECT_FALSE(damaged.ok()) << "byte " << i;
    EXPECT_FALSE(absl::IsNotFound(damaged.status())) << "byte " << i;
  }
  std::filesystem::remove(path);
}

}  // namespace
}  // namespace precis::index
