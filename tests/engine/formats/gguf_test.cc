#include "formats/gguf.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/formats/gguf_writer.h"
#include "formats/dequantize.h"

namespace precis::engine {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::shared_ptr<const GgufFile> MustRead(const GgufWriter& writer) {
  auto file = GgufFile::FromBytes(writer.Finish(), "made-up.gguf");
  EXPECT_TRUE(file.ok()) << file.status();
  return file.value_or(nullptr);
}

template <typename T>
std::string MessageOf(const absl::StatusOr<T>& result) {
  return std::string(result.status().message());
}

TEST(Gguf, MetadataOfEveryKindComesBack) {
  GgufWriter writer;
  writer.Add("general.architecture", "llama");
  writer.Add("flag", true);
  writer.Add("u8", uint8_t{255});
  writer.Add("i8", int8_t{-128});
  writer.Add("u16", uint16_t{65535});
  writer.Add("i16", int16_t{-32768});
  writer.Add("u32", uint32_t{4294967295u});
  writer.Add("i32", int32_t{-5});
  writer.Add("u64", uint64_t{1} << 63);
  writer.Add("i64", int64_t{-1} << 40);
  writer.Add("f32", 1.5f);
  writer.Add("f64", 2.5);
  writer.Add("strings", std::vector<std::string>{"a", "", std::string("b\0c", 3)});
  writer.Add("i32s", std::vector<int32_t>{1, -2});
  writer.Add("floats", std::vector<float>{0.5f, -1.0f});
  writer.AddBools("bools", {1, 0, 1});
  const auto file = MustRead(writer);
  ASSERT_NE(file, nullptr);
  EXPECT_EQ(*file->Architecture(), "llama");
  EXPECT_TRUE(*file->GetBool("flag"));
  EXPECT_EQ(*file->GetU32("u8"), 255u);
  EXPECT_EQ(*file->GetI32("i8"), -128);
  EXPECT_EQ(*file->GetI64("u16"), 65535);
  EXPECT_EQ(*file->GetI64("i16"), -32768);
  EXPECT_EQ(*file->GetU32("u32"), 4294967295u);
  EXPECT_EQ(*file->GetI32("i32"), -5);
  EXPECT_EQ(*file->GetU64("u64"), uint64_t{1} << 63);
  EXPECT_EQ(*file->GetI64("i64"), int64_t{-1} << 40);
  EXPECT_EQ(*file->GetF32("f32"), 1.5f);
  EXPECT_EQ(*file->GetF32("f64"), 2.5f);
  EXPECT_THAT(*file->GetStrings("strings"), ElementsAre("a", "", std::string_view("b\0c", 3)));
  EXPECT_THAT(*file->GetI32s("i32s"), ElementsAre(1, -2));
  EXPECT_THAT(*file->GetF32s("floats"), ElementsAre(0.5f, -1.0f));
  EXPECT_THAT(*file->GetBools("bools"), ElementsAre(true, false, true));
  EXPECT_EQ(*file->ArraySize("strings"), 3);
  EXPECT_EQ(*file->Kind("strings"), GgufKind::kArray);
  EXPECT_EQ(file->Keys().size(), 16u);
}

TEST(Gguf, GettersNameKeyValueAndFileWhenTheKindIsWrong) {
  GgufWriter writer;
  writer.Add("text", "x");
  writer.Add("minus", int32_t{-1});
  writer.Add("big", uint64_t{1} << 40);
  writer.Add("infinite", INFINITY);
  writer.Add("huge", 1e300);
  writer.Add("list", std::vector<int32_t>{1});
  writer.Add("u32s", std::vector<uint32_t>{1, 4000000000u});
  writer.AddBools("odd bools", {2});
  writer.AddRaw("odd bool", static_cast<uint32_t>(GgufKind::kBool), "\x07");
  const auto file = MustRead(writer);
  ASSERT_NE(file, nullptr);
  EXPECT_EQ(file->GetU32("text").status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(MessageOf(file->GetU32("text")), "'made-up.gguf': metadata key 'text' is a string, wanted is a u32");
  EXPECT_THAT(MessageOf(file->GetU32("minus")), HasSubstr("is -1, which does not fit into a u32"));
  EXPECT_THAT(MessageOf(file->GetU32("big")), HasSubstr("is 1099511627776, which does not fit"));
  EXPECT_THAT(MessageOf(file->GetF32("infinite")), HasSubstr("is inf"));
  EXPECT_THAT(MessageOf(file->GetF32("huge")), HasSubstr("is 1e+300"));
  EXPECT_THAT(MessageOf(file->GetU32("list")), HasSubstr("is an array of i32"));
  EXPECT_THAT(MessageOf(file->GetStrings("list")), HasSubstr("wanted is an array of strings"));
  EXPECT_THAT(MessageOf(file->GetI32s("text")), HasSubstr("is a string"));
  EXPECT_THAT(MessageOf(file->GetI32s("u32s")), HasSubstr("4000000000"));
  EXPECT_THAT(MessageOf(file->GetBool("odd bool")), HasSubstr("stored as 7"));
  EXPECT_EQ(file->GetBools("odd bools").status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(file->GetString("absent").status().code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(MessageOf(file->GetString("absent")), HasSubstr("'absent'"));
}

TEST(Gguf, AFallbackIsForAbsentKeysOnly) {
  GgufWriter writer;
  writer.Add("text", "x");
  writer.Add("number", uint32_t{3});
  const auto file = MustRead(writer);
  ASSERT_NE(file, nullptr);
  EXPECT_EQ(*file->GetU32Or("number", 7), 3u);
  EXPECT_EQ(*file->GetU32Or("absent", 7), 7u);
  EXPECT_FALSE(file->GetU32Or("text", 7).ok());
  EXPECT_EQ(*file->GetStringOr("absent", "y"), "y");
  EXPECT_TRUE(*file->GetBoolOr("absent", true));
  EXPECT_EQ(*file->GetF32Or("absent", 0.5f), 0.5f);
  EXPECT_EQ(*file->GetI64Or("absent", -1), -1);
}

TEST(Gguf, TensorsComeBackWithShapeOutermostFirst) {
  for (const uint32_t alignment : {8u, 32u, 4096u}) {
    SCOPED_TRACE(alignment);
    GgufWriter writer(/*version=*/2, alignment);
    const std::vector<float> matrix = {1, 2, 3, 4, 5, 6};
    const std::vector<float> vector(64, 0.25f);
    writer.AddTensor("matrix", {2, 3}, matrix);
    writer.AddTensor("vector", TensorType::kQ8_0, {2, 32}, *Quantize(TensorType::kQ8_0, vector));
    const auto file = MustRead(writer);
    ASSERT_NE(file, nullptr);
    EXPECT_EQ(file->version(), 2u);
    const auto found = file->tensors().Get("matrix", {2, 3});
    ASSERT_TRUE(found.ok()) << found.status();
    EXPECT_EQ(*Dequantize(**found), matrix);
    EXPECT_EQ((*found)->rows(), 2);
    std::vector<float> row(3);
    ASSERT_TRUE(DequantizeRow((*found)->type, (*found)->row(1), row).ok());
    EXPECT_THAT(row, ElementsAre(4, 5, 6));
    const auto blocks = file->tensors().Get("vector", {-1, 32});
    ASSERT_TRUE(blocks.ok()) << blocks.status();
    EXPECT_EQ((*blocks)->row_bytes(), 34);
    EXPECT_EQ((*blocks)->elements(), 64);
  }
}

TEST(Gguf, AWrongShapeIsNamedWithBothShapes) {
  GgufWriter writer;
  writer.AddTensor("w", {2, 3}, std::vector<float>(6));
  const auto file = MustRead(writer);
  ASSERT_NE(file, nullptr);
  const auto wrong = file->tensors().Get("w", {3, 2});
  EXPECT_EQ(wrong.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(MessageOf(wrong), HasSubstr("has shape [2, 3], the model's dimensions ask for [3, 2]"));
  EXPECT_FALSE(file->tensors().Get("w", {6}).ok());
  EXPECT_EQ(file->tensors().Get("v").status().code(), absl::StatusCode::kNotFound);
}

TEST(Gguf, SpaceBetweenAndAfterTensorsIsAllowed) {
  GgufWriter writer;
  writer.AddTensor("a", {1}, std::vector<float>{1});
  std::string bytes = writer.Finish();
  bytes.append(100, '\0');
  EXPECT_TRUE(GgufFile::FromBytes(bytes, "padded").ok());
}

}  // namespace
}  // namespace precis::engine
