#include "formats/safetensors_set.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "engine/formats/safetensors_writer.h"

namespace precis::engine {
namespace {

using ::testing::HasSubstr;
namespace fs = std::filesystem;

class SafetensorsSetTest : public ::testing::Test {
 protected:
  void SetUp() override {
    root_ = fs::path(::testing::TempDir()) / ("safetensors_set." + std::to_string(::getpid()));
    fs::create_directories(root_);
    Part("a.safetensors", {"x", "y"});
    Part("b.safetensors", {"z"});
  }
  void TearDown() override { fs::remove_all(root_); }

  std::string Put(const std::string& name, std::string_view content) {
    std::ofstream(root_ / name, std::ios::binary) << content;
    return (root_ / name).string();
  }
  // Tensors of two floats: the name's letter and its successor.
  std::string Part(const std::string& name, const std::vector<std::string>& tensors) {
    SafetensorsWriter writer;
    for (const std::string& t : tensors) {
      const float values[] = {static_cast<float>(t[0]), static_cast<float>(t[0]) + 1};
      writer.AddTensor(t, "F32", {2}, std::string_view(reinterpret_cast<const char*>(values), sizeof values));
    }
    return Put(name, writer.Finish());
  }
  std::string Index(const std::string& map) {
    return Put("model.safetensors.index.json", R"({"metadata":{"total_size":24},"weight_map":)" + map + "}");
  }
  void ExpectWrong(const std::string& index, const char* sentence,
                   absl::StatusCode code = absl::StatusCode::kInvalidArgument) {
    const auto set = SafetensorsSet::Open(index);
    EXPECT_EQ(set.status().code(), code) << set.status();
    EXPECT_THAT(std::string(set.status().message()), HasSubstr(sentence));
  }

  fs::path root_;
};

float First(const TensorView& t) {
  float value;
  std::memcpy(&value, t.bytes.data(), sizeof value);
  return value;
}

TEST_F(SafetensorsSetTest, PartsAreOneTable) {
  const auto set = SafetensorsSet::Open(Index(R"({"x":"a.safetensors","y":"a.safetensors","z":"b.safetensors"})"));
  ASSERT_TRUE(set.ok()) << set.status();
  EXPECT_EQ((*set)->tensors().all().size(), 3u);
  EXPECT_EQ((*set)->paths().size(), 2u);
  for (const char* name : {"x", "y", "z"}) {
    const TensorView* t = (*set)->tensors().Find(name);
    ASSERT_NE(t, nullptr);
    EXPECT_EQ(First(*t), static_cast<float>(*name));
    (*set)->Release(*t);
    EXPECT_EQ(First(*t), static_cast<float>(*name));
  }
  EXPECT_EQ((*set)->size_bytes(),
            static_cast<int64_t>(fs::file_size(root_ / "a.safetensors") + fs::file_size(root_ / "b.safetensors")));
}

TEST_F(SafetensorsSetTest, OneFileIsASetToo) {
  const auto set = SafetensorsSet::Open((root_ / "a.safetensors").string());
  ASSERT_TRUE(set.ok()) << set.status();
  EXPECT_EQ((*set)->tensors().all().size(), 2u);
  EXPECT_EQ((*set)->paths().size(), 1u);
}

TEST_F(SafetensorsSetTest, IndexMayNotLeadElsewhere) {
  for (const char* name : {"../a.safetensors", "/etc/a.safetensors", "sub/a.safetensors", ".safetensors", "a.bin",
                           "..\\\\a.safetensors", "a\\u0000.safetensors", ""}) {
    ExpectWrong(Index(std::string(R"({"x":")") + name + "\"}"), "the plain name of a .safetensors file");
  }
  ExpectWrong(Index(R"({"x":7})"), "puts tensor 'x' into 7");
}

TEST_F(SafetensorsSetTest, BrokenIndexIsRefused) {
  ExpectWrong(Put("i.json", "{"), "is not valid JSON");
  ExpectWrong(Put("i.json", "{}"), "has no weight_map");
  ExpectWrong(Index("{}"), "has no weight_map");
  ExpectWrong(Index("[]"), "has no weight_map");
  ExpectWrong(Index(R"({"x":"a.safetensors","x":"b.safetensors"})"), "twice");
}

TEST_F(SafetensorsSetTest, WhatTheIndexPromisesMustBeThere) {
  ExpectWrong(Index(R"({"x":"missing.safetensors"})"), "missing.safetensors", absl::StatusCode::kNotFound);
  ExpectWrong(Index(R"({"w":"a.safetensors"})"), "tensor 'w' is not in 'a.safetensors'");
  ExpectWrong(Index(R"({"x":"a.safetensors","y":"b.safetensors"})"), "tensor 'y' is not in 'b.safetensors'");
  Part("c.safetensors", {"x"});
  ExpectWrong(Index(R"({"x":"a.safetensors","z":"c.safetensors"})"), "two tensors have the name 'x'");
  Put("b.safetensors", "no tensors at all");
  ExpectWrong(Index(R"({"z":"b.safetensors"})"), "b.safetensors");
}

}  // namespace
}  // namespace precis::engine
