// A GGUF file that lies in any of its fields gives a sentence: no crash, no big allocation.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "engine/formats/allocation_meter.h"
#include "engine/formats/gguf_writer.h"
#include "formats/dequantize.h"
#include "formats/gguf.h"

namespace precis::engine {
namespace {

using ::testing::HasSubstr;

constexpr int64_t kMaxAllocation = 64 << 20;

void AddMetadata(GgufWriter* writer) {
  writer->Add("general.architecture", "llama");
  writer->Add("llama.block_count", uint32_t{2});
  writer->Add("tokens", std::vector<std::string>{"<s>", "a", "bc"});
  writer->Add("scores", std::vector<float>{0, -1, -2});
}

std::string SmallFile() {
  GgufWriter writer;
  AddMetadata(&writer);
  writer.AddTensor("a.weight", {2, 32}, std::vector<float>(64, 1.0f));
  writer.AddTensor("b.weight", TensorType::kQ8_0, {1, 32}, std::string(34, '\1'));
  return writer.Finish();
}

// Reads everything that can be read of a file: a parser that lets a wrong size pass fails here.
void ReadAll(const GgufFile& file) {
  for (std::string_view key : file.Keys()) {
    (void)file.GetString(key);
    (void)file.GetBool(key);
    (void)file.GetU64(key);
    (void)file.GetF32(key);
    (void)file.GetStrings(key);
    (void)file.GetI32s(key);
    (void)file.GetF32s(key);
    (void)file.GetBools(key);
  }
  for (const TensorView& tensor : file.tensors().all()) (void)Dequantize(tensor);
}

absl::Status Try(std::string bytes) {
  StartAllocationMeter();
  const auto file = GgufFile::FromBytes(std::move(bytes), "hostile.gguf");
  if (file.ok()) ReadAll(**file);
  EXPECT_LE(PeakAllocatedBytes(), kMaxAllocation);
  return file.status();
}

TEST(GgufHostile, TheSmallFileItselfIsRight) { EXPECT_TRUE(Try(SmallFile()).ok()); }

TEST(GgufHostile, CutAtEveryByteIsAnError) {
  const std::string whole = SmallFile();
  for (size_t length = 0; length < whole.size(); ++length) {
    const absl::Status status = Try(whole.substr(0, length));
    ASSERT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << length;
    ASSERT_THAT(std::string(status.message()), HasSubstr("'hostile.gguf'"));
  }
}

TEST(GgufHostile, EveryFieldOverwrittenNeitherCrashesNorAllocates) {
  const std::string whole = SmallFile();
  constexpr uint64_t kNumbers[] = {0,
                                   1,
                                   99,
                                   uint64_t{1} << 31,
                                   (uint64_t{1} << 32) - 1,
                                   uint64_t{1} << 32,
                                   uint64_t{1} << 60,
                                   (uint64_t{1} << 63) - 1,
                                   uint64_t{1} << 63,
                                   ~uint64_t{0}};
  for (size_t at = 0; at < whole.size(); ++at) {
    for (const uint64_t number : kNumbers) {
      for (const size_t size : {size_t{1}, size_t{4}, size_t{8}}) {
        std::string bytes = whole;
        std::memcpy(bytes.data() + at, &number, std::min(size, bytes.size() - at));
        (void)Try(std::move(bytes));
      }
    }
  }
}

struct Lie {
  const char* what;
  std::function<std::string()> file;
  const char* sentence;  // part of it
};

// The small file's metadata with tensors of the caller's.
std::string WithTensors(const std::function<void(GgufWriter*)>& add, size_t data_bytes) {
  GgufWriter writer;
  AddMetadata(&writer);
  add(&writer);
  std::string bytes = writer.Finish();
  bytes.append(data_bytes, '\0');
  return bytes;
}

std::string WithValue(uint32_t kind, std::string_view value) {
  GgufWriter writer;
  writer.AddRaw("key", kind, value);
  // Room, so that the value itself and not the file's end decides.
  return writer.Finish() + std::string(64, '\0');
}

template <typename... T>
std::string Bytes(T... values) {
  std::string out;
  (GgufWriter::Pod(&out, values), ...);
  return out;
}

std::string Patched(size_t at, std::string_view value) {
  std::string bytes = SmallFile();
  bytes.replace(at, value.size(), value);
  return bytes;
}

constexpr uint32_t kF32 = static_cast<uint32_t>(TensorType::kF32);
constexpr uint32_t kQ4_K = static_cast<uint32_t>(TensorType::kQ4_K);
constexpr uint32_t kString = static_cast<uint32_t>(GgufKind::kString);
constexpr uint32_t kArray = static_cast<uint32_t>(GgufKind::kArray);
constexpr uint32_t kU8 = static_cast<uint32_t>(GgufKind::kU8);
constexpr uint64_t k2To60 = uint64_t{1} << 60;

const Lie kLies[] = {
    {"zeros", [] { return std::string(4096, '\0'); }, "is not a GGUF file"},
    {"empty", [] { return std::string(); }, "is not a GGUF file"},
    {"text",
     [] {
       return std::string(
           "\x7f"
           "ELF, or anything else");
     },
     "begins with '\\177ELF'"},
    {"version 1", [] { return Patched(4, Bytes(uint32_t{1})); }, "GGUF version 1, versions 2 and 3"},
    {"version 4", [] { return Patched(4, Bytes(uint32_t{4})); }, "GGUF version 4"},
    {"big-endian", [] { return Patched(4, Bytes(uint32_t{0x03000000})); }, "big-endian GGUF file (version 3"},
    {"2^60 tensors", [] { return Patched(8, Bytes(k2To60)); }, "claims 1152921504606846976 tensors"},
    {"2^60 entries", [] { return Patched(16, Bytes(k2To60)); }, "claims 1152921504606846976 metadata entries"},
    {"more entries than bytes", [] { return Patched(16, Bytes(uint64_t{60000})); }, "claims 60000 metadata entries"},
    {"more tensors than bytes", [] { return Patched(8, Bytes(uint64_t{60000})); }, "claims 60000 tensors"},
    {"2^60 key", [] { return Patched(24, Bytes(k2To60)); }, "metadata key 0 claims a length of 1152921504606846976"},
    {"empty key", [] { return Patched(24, Bytes(uint64_t{0})); }, "metadata key 0 is empty"},
    {"kind 13", [] { return WithValue(13, ""); }, "has the kind 13"},
    {"2^60 string", [] { return WithValue(kString, Bytes(k2To60)); },
     "the value of 'key' claims a length of 1152921504606846976"},
    {"2^64-1 string", [] { return WithValue(kString, Bytes(~uint64_t{0})); },
     "claims a length of 18446744073709551615"},
    {"2^60 array", [] { return WithValue(kArray, Bytes(kU8, k2To60)); },
     "claims 1152921504606846976 elements of kind u8"},
    {"2^61 array of u64: its bytes overflow", [] { return WithValue(kArray, Bytes(uint32_t{10}, uint64_t{1} << 61)); },
     "claims 2305843009213693952 elements"},
    {"array of kind 99", [] { return WithValue(kArray, Bytes(uint32_t{99}, uint64_t{1})); }, "elements of kind 99"},
    {"array of arrays", [] { return WithValue(kArray, Bytes(kArray, uint64_t{1}, kU8, uint64_t{1})); },
     "nested arrays are not read"},
    {"2^60 string in an array", [] { return WithValue(kArray, Bytes(kString, uint64_t{2}, uint64_t{0}, k2To60)); },
     "string 1 of 2"},
    {"2^64-1 string in an array: its end overflows",
     [] { return WithValue(kArray, Bytes(kString, uint64_t{1}, ~uint64_t{0})); },
     "claims 18446744073709551615 bytes and reaches past"},
    {"key twice",
     [] {
       GgufWriter writer;
       writer.Add("key", true);
       writer.Add("key", true);
       return writer.Finish();
     },
     "metadata key 'key' occurs twice"},
    {"alignment 0", [] { return WithTensors([](GgufWriter* w) { w->Add("general.alignment", uint32_t{0}); }, 0); },
     "general.alignment is 0"},
    {"alignment 24", [] { return WithTensors([](GgufWriter* w) { w->Add("general.alignment", uint32_t{24}); }, 0); },
     "general.alignment is 24"},
    {"alignment 2^31",
     [] { return WithTensors([](GgufWriter* w) { w->Add("general.alignment", uint32_t{1} << 31); }, 0); },
     "general.alignment is 2147483648"},
    {"alignment of text", [] { return WithTensors([](GgufWriter* w) { w->Add("general.alignment", "32"); }, 0); },
     "'general.alignment' is a string"},
    {"no tensor name", [] { return WithTensors([](GgufWriter* w) { w->AddTensorAt("", kF32, {1}, 0); }, 64); },
     "the name of tensor 0 is empty"},
    {"long tensor name",
     [] { return WithTensors([](GgufWriter* w) { w->AddTensorAt(std::string(65, 'x'), kF32, {1}, 0); }, 64); },
     "claims a length of 65 bytes"},
    {"0 dimensions", [] { return WithTensors([](GgufWriter* w) { w->AddTensorAt("t", kF32, {}, 0); }, 64); },
     "has 0 dimensions"},
    {"5 dimensions",
     [] {
       return WithTensors([](GgufWriter* w) { w->AddTensorAt("t", kF32, {1, 1, 1, 1, 1}, 0); }, 64);
     },
     "has 5 dimensions"},
    {"dimension 0",
     [] {
       return WithTensors([](GgufWriter* w) { w->AddTensorAt("t", kF32, {1, 0}, 0); }, 64);
     },
     "dimension 0 is 0"},
    {"negative dimension", [] { return WithTensors([](GgufWriter* w) { w->AddTensorAt("t", kF32, {-1}, 0); }, 64); },
     "dimension 0 is 18446744073709551615"},
    {"product of 2^64",
     [] {
       return WithTensors(
           [](GgufWriter* w) {
             w->AddTensorAt("t", kF32, {int64_t{1} << 32, int64_t{1} << 32}, 0);
           },
           64);
     },
     "the product of all below 2^63"},
    {"bytes of 2^64",
     [] { return WithTensors([](GgufWriter* w) { w->AddTensorAt("t", kF32, {int64_t{1} << 62}, 0); }, 64); },
     "is larger than any file"},
    {"bytes of 2^62",
     [] { return WithTensors([](GgufWriter* w) { w->AddTensorAt("t", kF32, {int64_t{1} << 60}, 0); }, 64); },
     "needs 4611686018427387904 bytes"},
    {"type 4, which ggml removed",
     [] { return WithTensors([](GgufWriter* w) { w->AddTensorAt("t", 4, {32}, 0); }, 64); }, "type number 4"},
    {"type of our own", [] { return WithTensors([](GgufWriter* w) { w->AddTensorAt("t", 1000, {32}, 0); }, 64); },
     "type number 1000"},
    {"row of half a block",
     [] {
       return WithTensors([](GgufWriter* w) { w->AddTensorAt("t", kQ4_K, {2, 128}, 0); }, 256);
     },
     "rows of 128 values, Q4_K needs a multiple of 256"},
    {"offset off its alignment",
     [] { return WithTensors([](GgufWriter* w) { w->AddTensorAt("t", kF32, {1}, 4); }, 64); },
     "offset 4, which is no multiple of the alignment 32"},
    {"offset past the end", [] { return WithTensors([](GgufWriter* w) { w->AddTensorAt("t", kF32, {1}, 64); }, 64); },
     "needs 4 bytes at offset 64 of the data section, which has 64"},
    {"offset near 2^64: its end overflows",
     [] { return WithTensors([](GgufWriter* w) { w->AddTensorAt("t", kF32, {16}, ~uint64_t{31}); }, 64); },
     "at offset 18446744073709551584"},
    {"end past the end", [] { return WithTensors([](GgufWriter* w) { w->AddTensorAt("t", kF32, {16}, 32); }, 64); },
     "needs 64 bytes at offset 32"},
    {"no data section",
     [] {
       GgufWriter writer;
       writer.AddTensorAt("t", kF32, {1}, 0);
       std::string bytes = writer.Finish();
       bytes.resize(24 + 8 + 1 + 4 + 8 + 4 + 8);
       return bytes;
     },
     "its data would begin at 64, but the file ends after 57 bytes"},
    {"name twice",
     [] {
       return WithTensors(
           [](GgufWriter* w) {
             w->AddTensorAt("t", kF32, {1}, 0);
             w->AddTensorAt("t", kF32, {1}, 32);
           },
           64);
     },
     "two tensors have the name 't'"},
    {"overlap",
     [] {
       return WithTensors(
           [](GgufWriter* w) {
             w->AddTensorAt("second", kF32, {1}, 32);
             w->AddTensorAt("first", kF32, {9}, 0);
           },
           64);
     },
     "tensors 'first' and 'second' overlap"},
    {"equal place",
     [] {
       return WithTensors(
           [](GgufWriter* w) {
             w->AddTensorAt("s", kF32, {1}, 0);
             w->AddTensorAt("t", kF32, {1}, 0);
           },
           64);
     },
     "overlap"},
};

TEST(GgufHostile, EachLieIsNamed) {
  for (const Lie& lie : kLies) {
    SCOPED_TRACE(lie.what);
    const absl::Status status = Try(lie.file());
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(std::string(status.message()), HasSubstr("'hostile.gguf'"));
    EXPECT_THAT(std::string(status.message()), HasSubstr(lie.sentence));
  }
}

TEST(GgufHostile, ForeignTextInMessagesIsEscapedAndShort) {
  GgufWriter writer;
  writer.AddRaw(std::string(60000, '\x1b'), 99, "");
  const absl::Status status = Try(writer.Finish());
  EXPECT_LT(status.message().size(), 600u);
  EXPECT_EQ(status.message().find('\x1b'), absl::string_view::npos);
}

}  // namespace
}  // namespace precis::engine
