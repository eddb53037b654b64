#include "formats/safetensors.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <functional>

#include "engine/formats/allocation_meter.h"
#include "formats/dequantize.h"

namespace precis::engine {
namespace {

using ::testing::HasSubstr;

constexpr int64_t kMaxAllocation = 64 << 20;

std::string File(std::string_view header, std::string_view data) {
  const uint64_t length = header.size();
  std::string out(sizeof length, '\0');
  std::memcpy(out.data(), &length, sizeof length);
  return out.append(header).append(data);
}

std::string SmallFile() {
  const float numbers[] = {1, 2, 3, 4, 5, 6};
  const int64_t ids[] = {0, 1};
  std::string data(reinterpret_cast<const char*>(ids), sizeof ids);
  data.append(reinterpret_cast<const char*>(numbers), sizeof numbers);
  return File(R"({"__metadata__":{"format":"pt"},"w":{"dtype":"F32","shape":[2,3],"data_offsets":[16,40]},)"
              R"("ids":{"dtype":"I64","shape":[1,2],"data_offsets":[0,16]}}  )",
              data);
}

absl::Status Try(std::string bytes) {
  StartAllocationMeter();
  const auto file = SafetensorsFile::FromBytes(std::move(bytes), "hostile.safetensors");
  if (file.ok()) {
    for (const TensorView& tensor : (*file)->tensors().all()) (void)Dequantize(tensor);
  }
  EXPECT_LE(PeakAllocatedBytes(), kMaxAllocation);
  return file.status();
}

TEST(Safetensors, TensorsAndMetadataComeBackInTheDatasOrder) {
  const auto file = SafetensorsFile::FromBytes(SmallFile(), "small.safetensors");
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_EQ((*file)->metadata().at("format"), "pt");
  ASSERT_EQ((*file)->tensors().all().size(), 2u);
  EXPECT_EQ((*file)->tensors().all()[0].name, "ids");
  EXPECT_EQ((*file)->tensors().all()[0].type, TensorType::kI64);
  const auto weight = (*file)->tensors().Get("w", {2, 3});
  ASSERT_TRUE(weight.ok()) << weight.status();
  EXPECT_EQ(*Dequantize(**weight), (std::vector<float>{1, 2, 3, 4, 5, 6}));
}

TEST(Safetensors, ScalarsAndEmptyTensorsAreAllowed) {
  const auto file = SafetensorsFile::FromBytes(File(R"({"s":{"dtype":"F32","shape":[],"data_offsets":[0,4]},)"
                                                    R"("e":{"dtype":"F32","shape":[0,7],"data_offsets":[4,4]}})",
                                                    std::string(4, '\0')),
                                               "small.safetensors");
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_EQ((*file)->tensors().Find("s")->elements(), 1);
  EXPECT_EQ((*file)->tensors().Find("e")->rows(), 0);
  EXPECT_TRUE(Dequantize(*(*file)->tensors().Find("e"))->empty());
}

TEST(SafetensorsHostile, CutAtEveryByteIsAnError) {
  const std::string whole = SmallFile();
  ASSERT_TRUE(Try(whole).ok());
  for (size_t length = 0; length < whole.size(); ++length) {
    ASSERT_EQ(Try(whole.substr(0, length)).code(), absl::StatusCode::kInvalidArgument) << length;
  }
}

TEST(SafetensorsHostile, EveryByteOverwrittenNeitherCrashesNorAllocates) {
  const std::string whole = SmallFile();
  for (size_t at = 0; at < whole.size(); ++at) {
    for (int value = 0; value < 256; ++value) {
      std::string bytes = whole;
      bytes[at] = static_cast<char>(value);
      (void)Try(std::move(bytes));
    }
  }
}

std::string Nested(int depth) {
  std::string header = R"({"__metadata__":)";
  for (int i = 0; i < depth; ++i) header += R"({"a":)";
  return header;
}

// A header with one tensor of four bytes, described so.
std::string One(const char* description) { return File(std::string(R"({"t":)") + description + "}", "data"); }

struct Lie {
  const char* what;
  std::string file;
  const char* sentence;  // part of it
};

std::string WithLength(uint64_t length) {
  std::string bytes = SmallFile();
  std::memcpy(bytes.data(), &length, sizeof length);
  return bytes;
}

TEST(SafetensorsHostile, EachLieIsNamed) {
  const Lie lies[] = {
      {"zeros", std::string(64, '\0'), "does not begin with '{'"},
      {"header of 2^60", WithLength(uint64_t{1} << 60), "claims a header of 1152921504606846976 bytes"},
      {"header of 2^64-1", WithLength(~uint64_t{0}), "claims a header of 18446744073709551615 bytes"},
      {"broken JSON", File(R"({"a":)", ""), "is not valid JSON"},
      {"invalid UTF-8", File("{\"\xff\":1}", ""), "is not valid JSON"},
      {"deep", File(Nested(100000), ""), "nested deeper than 3 levels"},
      {"no object", One("7"), "is described by 7, not an object"},
      {"no dtype", One(R"({"shape":[1],"data_offsets":[0,4]})"), "tensor 't' has no dtype"},
      {"no shape", One(R"({"dtype":"F32","data_offsets":[0,4]})"), "tensor 't' has no shape"},
      {"no offsets", One(R"({"dtype":"F32","shape":[1]})"), "tensor 't' has no data_offsets"},
      {"three offsets", One(R"({"dtype":"F32","shape":[1],"data_offsets":[0,4,4]})"), "has no data_offsets"},
      {"nine dimensions", One(R"({"dtype":"F32","shape":[1,1,1,1,1,1,1,1,1],"data_offsets":[0,4]})"), "has no shape"},
      {"negative dimension", One(R"({"dtype":"F32","shape":[-1],"data_offsets":[0,4]})"), "has -1 in its shape"},
      {"fraction", One(R"({"dtype":"F32","shape":[1.5],"data_offsets":[0,4]})"), "has 1.5 in its shape"},
      {"2^64", One(R"({"dtype":"F32","shape":[18446744073709551616],"data_offsets":[0,4]})"), "in its shape"},
      {"product of 2^64", One(R"({"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,4]})"),
       "has 4294967296 in its shape"},
      {"too large a shape", One(R"({"dtype":"F32","shape":[2],"data_offsets":[0,4]})"), "needs 8 bytes"},
      {"too small a shape", One(R"({"dtype":"F16","shape":[1],"data_offsets":[0,4]})"), "needs 2 bytes"},
      {"end past the end", One(R"({"dtype":"F32","shape":[2],"data_offsets":[0,8]})"), "the data has 4 bytes"},
      {"backwards", One(R"({"dtype":"F32","shape":[1],"data_offsets":[4,0]})"), "has the data_offsets [4, 0]"},
      {"negative offset", One(R"({"dtype":"F32","shape":[1],"data_offsets":[-4,0]})"), "has the data_offsets [-4, 0]"},
      {"hole before", One(R"({"dtype":"F16","shape":[1],"data_offsets":[2,4]})"), "after a hole that begins at 0"},
      {"hole after", One(R"({"dtype":"F16","shape":[1],"data_offsets":[0,2]})"),
       "end at byte 2 of the data, which has 4"},
      {"overlap",
       File(
           R"({"a":{"dtype":"F16","shape":[2],"data_offsets":[0,4]},"b":{"dtype":"F16","shape":[1],"data_offsets":[2,4]}})",
           "data"),
       "inside the one before it"},
      {"name twice",
       File(
           R"({"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}})",
           ""),
       "names 'a' twice"},
      {"dtype twice", One(R"({"dtype":"F32","dtype":"I32","shape":[1],"data_offsets":[0,4]})"), "names 'dtype' twice"},
      {"metadata of numbers", File(R"({"__metadata__":{"a":1}})", ""), "__metadata__ 'a' is 1, not a text"},
      {"metadata no object", File(R"({"__metadata__":[]})", ""), "__metadata__ is an array of 0"},
  };
  for (const Lie& lie : lies) {
    SCOPED_TRACE(lie.what);
    const absl::Status status = Try(lie.file);
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(std::string(status.message()), HasSubstr("'hostile.safetensors'"));
    EXPECT_THAT(std::string(status.message()), HasSubstr(lie.sentence));
  }
}

TEST(SafetensorsHostile, AHeaderOfManyTinyValuesIsRefusedBeforeItGrows) {
  std::string values(6 << 20, '0');
  for (size_t i = 1; i < values.size(); i += 2) values[i] = ',';
  values.back() = '0';
  const absl::Status status = Try(File(R"({"t":{"shape":[)" + values + "]}}", ""));
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), HasSubstr("more than 327680 keys and values"));
}

TEST(SafetensorsHostile, AnUnknownDtypeIsUnimplementedByName) {
  const absl::Status status = Try(One(R"({"dtype":"F4","shape":[8],"data_offsets":[0,4]})"));
  EXPECT_EQ(status.code(), absl::StatusCode::kUnimplemented);
  EXPECT_THAT(std::string(status.message()), HasSubstr("'F4'"));
}

}  // namespace
}  // namespace precis::engine
